// Replies and errors as Anthropic's clients get them.
#include "server/anthropic/message_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "server/anthropic/errors.h"
#include "server/dialect/sealed_thought.h"
#include "server/dialect/told.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(AnthropicWriter, StreamsBlocks) {
  MessageWriter writer({.model = "tally"});
  const auto events = written(writer, whole_reply("toolu_1"), reply_end(Finish::end, 100, 60, 12));
  EXPECT_THAT(names(events),
              ElementsAre("message_start", "ping", "content_block_start", "content_block_delta",
                          "content_block_delta", "content_block_delta", "content_block_stop",
                          "content_block_start", "content_block_delta", "content_block_delta",
                          "content_block_stop", "content_block_start", "content_block_delta",
                          "content_block_delta", "content_block_stop", "message_delta", "message_stop"));
  for (const WireEvent& event : events) EXPECT_EQ(event.data["type"], event.name);
  const Json& message = events[0].data["message"];
  EXPECT_THAT(message["id"].get<std::string>(), StartsWith("msg_"));
  EXPECT_EQ(message["type"], "message");
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["model"], "tally");
  EXPECT_EQ(message["content"], Json::array());
  EXPECT_EQ(message["usage"]["input_tokens"], 40);
  EXPECT_EQ(
      dump(events[2].data),
      R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})");
  EXPECT_EQ(dump(events[3].data["delta"]), R"({"type":"thinking_delta","thinking":"Hm"})");
  EXPECT_EQ(events[5].data["delta"]["type"], "signature_delta");
  EXPECT_EQ(dump(events[8].data),
            R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"I "}})");
  EXPECT_EQ(
      dump(events[11].data),
      R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{}}})");
  EXPECT_EQ(dump(events[12].data["delta"]), R"({"type":"input_json_delta","partial_json":"{\"path\":"})");
  EXPECT_EQ(dump(events[14].data), R"({"type":"content_block_stop","index":2})");
  EXPECT_EQ(dump(events[15].data["delta"]), R"({"stop_reason":"tool_use","stop_sequence":null})");
  EXPECT_EQ(events[15].data["usage"]["output_tokens"], 12);
}

TEST(AnthropicWriter, TheWholeMessageHasTheSameBlocks) {
  MessageWriter writer({.model = "tally"});
  written(writer, whole_reply("toolu_1"), reply_end(Finish::end, 100, 60, 12));
  const Json body = writer.body();
  EXPECT_EQ(dump(body["content"]),
            R"([{"type":"thinking","thinking":"Hmm.","signature":"banyan"},)"
            R"({"type":"text","text":"I look."},)"
            R"({"type":"tool_use","id":"toolu_1","name":"read","input":{"path":"a"}}])");
  EXPECT_EQ(body["stop_reason"], "tool_use");
  EXPECT_EQ(body["usage"]["output_tokens"], 12);
}

TEST(AnthropicWriter, HiddenThoughtsAreInTheirSignatures) {
  MessageWriter writer({.model = "tally", .hides_thoughts = true});
  const auto events = written(writer, {thought("Hmm."), said("Yes.")}, reply_end(Finish::end, 9, 0, 5));
  EXPECT_EQ(dump(events[3].data["delta"]),
            dump({{"type", "signature_delta"}, {"signature", seal_thought("Hmm.")}}));
  const Json thinking = writer.body()["content"][0];
  EXPECT_EQ(thinking["thinking"], "");
  EXPECT_EQ(unseal_thought(thinking["signature"].get<std::string>()), "Hmm.");
}

TEST(AnthropicWriter, EveryTokenOfThePromptIsCountedOnce) {
  const auto usage = [](std::size_t marked, std::size_t total, std::size_t restored) {
    MessageWriter writer({.model = "tally", .marked = marked});
    written(writer, {said("x")}, reply_end(Finish::end, total, restored, 1));
    const Json all = writer.body()["usage"];
    return std::vector<int>{all["input_tokens"], all["cache_creation_input_tokens"],
                            all["cache_read_input_tokens"]};
  };
  EXPECT_THAT(usage(0, 100, 0), ElementsAre(100, 0, 0));
  EXPECT_THAT(usage(0, 100, 99), ElementsAre(1, 0, 99));
  EXPECT_THAT(usage(80, 100, 0), ElementsAre(20, 80, 0));
  EXPECT_THAT(usage(80, 100, 30), ElementsAre(20, 50, 30));
  EXPECT_THAT(usage(80, 100, 90), ElementsAre(10, 0, 90));
}

TEST(AnthropicWriter, SaysWhyItStopped) {
  const auto stop = [](Finish finish) {
    MessageWriter writer({.model = "tally"});
    ReplyEnd end = reply_end(finish, 9, 0, 5);
    end.stop_word = "END";
    written(writer, {said("x")}, end);
    return dump({writer.body()["stop_reason"], writer.body()["stop_sequence"]});
  };
  EXPECT_EQ(stop(Finish::end), R"(["end_turn",null])");
  EXPECT_EQ(stop(Finish::stop), R"(["stop_sequence","END"])");
  EXPECT_EQ(stop(Finish::length), R"(["max_tokens",null])");
}

TEST(AnthropicWriter, ACallThatBrokeOffIsNoneOfTheWholeMessage) {
  MessageWriter writer({.model = "tally"});
  std::vector<ChatEvent> events = called("t", "read", {"{\"path\":"});
  events.pop_back();
  const auto sent = written(writer, events, reply_end(Finish::length, 9, 0, 5));
  EXPECT_EQ(sent[4].name, "content_block_stop");
  EXPECT_EQ(writer.body()["content"], Json::array());
  EXPECT_EQ(writer.body()["stop_reason"], "max_tokens");
}

TEST(AnthropicErrors, HaveTypesByTheirStatus) {
  const auto type = [](int status) { return anthropic_error(http_error(status), "r")["error"]["type"]; };
  EXPECT_EQ(type(400), "invalid_request_error");
  EXPECT_EQ(type(401), "authentication_error");
  EXPECT_EQ(type(403), "permission_error");
  EXPECT_EQ(type(404), "not_found_error");
  EXPECT_EQ(type(413), "request_too_large");
  EXPECT_EQ(type(503), "overloaded_error");
  EXPECT_EQ(type(500), "api_error");
  EXPECT_EQ(
      dump(anthropic_error({.status = 404, .message = "no such path"}, "req_1")),
      R"({"type":"error","error":{"type":"not_found_error","message":"no such path"},"request_id":"req_1"})");
}

TEST(AnthropicErrors, APromptThatIsTooLongIsKnownByItsWords) {
  const std::string words = too_long_message("at least ", 205, 128);
  EXPECT_EQ(words,
            "prompt is too long: at least 205 tokens > 127 maximum; with a reply that exceeds the available "
            "context size (128 tokens), which --ctx sets");
  HttpError error = to_http({Errc::too_long, words});
  EXPECT_EQ(anthropic_error(error, "")["error"]["message"], words);
  EXPECT_EQ(error_json(error)["error"]["message"], words);
  // It fits the context, and not the memory.
  error = to_http({Errc::too_long, "the prompt has 205 tokens"});
  EXPECT_THAT(anthropic_error(error, "")["error"]["message"].get<std::string>(),
              StartsWith("prompt is too long: the request"));
  EXPECT_EQ(error_json(error)["error"]["message"],
            "the request exceeds the available context size: the prompt has 205 tokens");
}

TEST(AnthropicErrors, AThreadIsRefusedSoThatTheHistoryComes) {
  const Json error = anthropic_error(to_http({Errc::unsupported, "thread: ...", "thread"}), "");
  EXPECT_EQ(dump(error["error"]["details"]),
            R"({"error_code":"thread_unsupported_request","unsupported":["thread"]})");
}

}  // namespace
}  // namespace banyan
