// Events of a reply to OpenAI's message.
#include "server/openai/chat_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace banyan {
namespace {

using Kind = ChatEvent::Kind;

const std::vector<ChatEvent> kTwoCalls = {
    {.kind = Kind::reasoning, .text = "hm"},
    {.kind = Kind::text, .text = "Look: "},
    {.kind = Kind::call, .id = "call_1", .name = "read"},
    {.kind = Kind::arguments, .text = R"({"path":)"},
    {.kind = Kind::arguments, .text = R"("a"})"},
    {.kind = Kind::call_end},
    {.kind = Kind::call, .id = "call_2", .name = "list"},
    {.kind = Kind::arguments, .text = "{}"},
    {.kind = Kind::call_end},
};

ChatReply reply(const std::vector<ChatEvent>& events) {
  ChatReply reply;
  for (const ChatEvent& event : events) reply.add(event);
  return reply;
}

TEST(ChatMessage, HasThoughtsAndCalls) {
  EXPECT_EQ(dump(message_json(reply(kTwoCalls))),
            R"({"role":"assistant","content":"Look: ","refusal":null,"reasoning_content":"hm","tool_calls":[)"
            R"({"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"path\":\"a\"}"}},)"
            R"({"id":"call_2","type":"function","function":{"name":"list","arguments":"{}"}}]})");
}

TEST(ChatMessage, HasNullForContentWhereThereAreCallsAlone) {
  const std::vector<ChatEvent> call(kTwoCalls.begin() + 2, kTwoCalls.begin() + 6);
  EXPECT_TRUE(message_json(reply(call))["content"].is_null());
  EXPECT_EQ(dump(message_json(ChatReply())), R"({"role":"assistant","content":"","refusal":null})");
}

TEST(ChatMessage, IsToldPieceByPiece) {
  MessageDeltas deltas;
  std::vector<std::string> told;
  for (const Json& delta : deltas.begin()) told.push_back(dump(delta));
  EXPECT_TRUE(deltas.begin().empty());
  for (const ChatEvent& event : kTwoCalls) {
    for (const Json& delta : deltas.add(event)) told.push_back(dump(delta));
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      R"({"role":"assistant","content":null})",
                      R"({"reasoning_content":"hm"})",
                      R"({"content":"Look: "})",
                      R"({"tool_calls":[{"index":0,"id":"call_1","type":"function",)"
                      R"("function":{"name":"read","arguments":""}}]})",
                      R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]})",
                      R"({"tool_calls":[{"index":0,"function":{"arguments":"\"a\"}"}}]})",
                      R"({"tool_calls":[{"index":1,"id":"call_2","type":"function",)"
                      R"("function":{"name":"list","arguments":""}}]})",
                      R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})",
                  }));
}

TEST(ChatMessage, EndsWithCallsWhereTheModelEnded) {
  const ChatReply calls = reply(kTwoCalls);
  EXPECT_EQ(chat_finish_reason(Finish::end, calls), "tool_calls");
  EXPECT_EQ(chat_finish_reason(Finish::length, calls), "length");
  EXPECT_EQ(chat_finish_reason(Finish::end, ChatReply()), "stop");
  EXPECT_TRUE(chat_finish_reason(Finish::none, calls).is_null());
}

}  // namespace
}  // namespace banyan
