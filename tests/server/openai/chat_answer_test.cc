// Deltas to OpenAI's chat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/deltas.h"
#include "server/openai/chat.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

std::unique_ptr<Answer> chat(const char* fields) {
  Json body = Json::parse(fields);
  body["messages"] = Json::parse(R"([{"role": "user", "content": "hi"}])");
  return read_openai_chat(body, shipped_context()).value().answer;
}

TEST(ChatAnswer, StreamsRoleThenTextThenReasonThenUsage) {
  const auto answer = chat(R"({"stream": true, "stream_options": {"include_usage": true}})");
  std::vector<Json> events = add(*answer, 0, delta("Hel", {token(5, "Hel")}));
  for (const Delta& next :
       {delta("", {token(6, "\xc3")}), delta("lö", {token(7, "\xb6")}), last(Finish::end)}) {
    for (Json& event : add(*answer, 0, next)) events.push_back(std::move(event));
  }
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(
      dump(events[0]["choices"]),
      R"([{"index":0,"delta":{"role":"assistant","content":null},"logprobs":null,"finish_reason":null}])");
  EXPECT_EQ(dump(events[1]["choices"][0]["delta"]), R"({"content":"Hel"})");
  EXPECT_EQ(dump(events[2]["choices"][0]["delta"]), R"({"content":"lö"})");
  EXPECT_EQ(dump(events[3]["choices"]), R"([{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}])");
  EXPECT_EQ(events[3]["timings"]["cache_n"], 7);
  EXPECT_EQ(events[3]["restore_limit"], "no_point");

  for (Json& event : objects(answer->closing())) events.push_back(std::move(event));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(dump(events[4]["choices"]), "[]");
  EXPECT_EQ(
      dump(events[4]["usage"]),
      R"({"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,)"
      R"("prompt_tokens_details":{"cached_tokens":7,"cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":0}})");
  EXPECT_EQ(events[4]["timings"]["predicted_n"], 3);
  for (const Json& event : events) {
    EXPECT_THAT(event["system_fingerprint"].get<std::string>(), testing::StartsWith("banyan-"));
    EXPECT_EQ(event["id"], events[0]["id"]);
    EXPECT_EQ(event["created"], events[0]["created"]);
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    EXPECT_EQ(event["model"], "tally");
  }
  EXPECT_EQ(answer->form().end(), "data: [DONE]\n\n");
}

TEST(ChatAnswer, GivesEveryChoiceARoleAndAnIndex) {
  const auto answer = chat(R"({"stream": true, "n": 2})");
  EXPECT_EQ(add(*answer, 0, delta("a", {}, 1))[0]["choices"][0]["index"], 1);
  EXPECT_EQ(add(*answer, 0, delta("b", {}, 0))[0]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(add(*answer, 0, delta("c", {}, 1))[0]["choices"][0]["delta"].contains("role"), false);
  EXPECT_TRUE(answer->closing().empty());
}

TEST(ChatAnswer, IsOneObjectWhenNotStreaming) {
  const auto answer = chat(R"({"n": 2})");
  EXPECT_TRUE(add(*answer, 0, delta("Hel", {})).empty());
  add(*answer, 0, delta("x", {}, 1));
  add(*answer, 0, delta("lo", {}));
  add(*answer, 0, last(Finish::length, 1));
  add(*answer, 0, last(Finish::stop));
  const Json body = answer->body();
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(dump(body["choices"][0]),
            R"({"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},)"
            R"("logprobs":null,"finish_reason":"stop"})");
  EXPECT_EQ(body["choices"][1]["message"]["content"], "x");
  EXPECT_EQ(body["choices"][1]["finish_reason"], "length");
  // The choices share the prompt's evaluation.
  EXPECT_EQ(body["usage"]["prompt_tokens"], 10);
  EXPECT_EQ(body["usage"]["completion_tokens"], 6);
  EXPECT_EQ(body["usage"]["total_tokens"], 16);
}

TEST(ChatAnswer, ACallThatAStopTextCutsIsNoWholeOne) {
  const ModelContext& shipped = shipped_context();
  const ModelContext context{
      shipped.vocabulary, shipped.chat_template, "tally", {}, {.call = plain_call_form()}};
  const Json body = Json::parse(R"({"messages": [{"role": "user", "content": "hi"}], "stop": ["}"],
      "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]})");
  const auto ends = [&](const char* text) {
    const auto answer = read_openai_chat(body, context).value().answer;
    add(*answer, 0, delta(text, {}));
    add(*answer, 0, last(Finish::stop));
    return answer->body()["choices"][0]["finish_reason"];
  };
  EXPECT_EQ(ends("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1"), "length");
  EXPECT_EQ(ends("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"), "tool_calls");
  EXPECT_EQ(ends("hello"), "stop");
}

TEST(ChatAnswer, LogprobsComeWithTheirTokensBytes) {
  const auto answer = chat(R"({"logprobs": true, "top_logprobs": 2})");
  add(*answer, 0, delta("ö", {token(6, "\xc3"), token(7, "\xb6")}));
  add(*answer, 0, last(Finish::end));
  const Json content = answer->body()["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(dump(content[0]["bytes"]), "[195]");
  EXPECT_EQ(dump(content[0]["token"]), "\"\uFFFD\"");
  EXPECT_EQ(content[0]["logprob"], -0.5f);
  // Minus infinity has no JSON.
  EXPECT_EQ(content[0]["top_logprobs"][1]["logprob"], -9999);
}

TEST(ChatAnswer, TellsHowFarThePromptIsRead) {
  EXPECT_FALSE(read_openai_chat(Json::parse(R"({"messages": [{"role": "user", "content": "hi"}],
                                               "return_progress": true})"),
                                shipped_context())
                   .value()
                   .requests[0]
                   .tells_progress);
  const auto answer = chat(R"({"stream": true, "return_progress": true})");
  const std::vector<Json> first = add(*answer, 0, progress(8));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(dump(first[0]["prompt_progress"]), R"({"total":10,"cache":7,"processed":8,"time_ms":6.0})");
  const std::vector<Json> second = add(*answer, 0, progress(10));
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(dump(second[0]["choices"][0]["delta"]), "{}");
  EXPECT_EQ(second[0]["prompt_progress"]["processed"], 10);
  const std::vector<Json> text = add(*answer, 0, delta("a", {}));
  ASSERT_EQ(text.size(), 1u);
  EXPECT_EQ(dump(text[0]["choices"][0]["delta"]), R"({"content":"a"})");
  EXPECT_FALSE(text[0].contains("prompt_progress"));
}

TEST(ChatAnswer, TokensMayBeTimed) {
  const auto answer = chat(R"({"stream": true, "timings_per_token": true})");
  const std::vector<Json> first = add(*answer, 0, delta("a", {}));
  ASSERT_EQ(first.size(), 2u);
  EXPECT_FALSE(first[0].contains("timings"));
  EXPECT_EQ(first[1]["timings"]["predicted_n"], 3);
  EXPECT_EQ(add(*answer, 0, delta("b", {}))[0]["timings"]["predicted_n"], 3);
  EXPECT_FALSE(add(*chat(R"({"stream": true})"), 0, delta("a", {}))[1].contains("timings"));
}

TEST(ChatAnswer, LogprobsOfTokensWithoutTextHaveAChunk) {
  const auto answer = chat(R"({"stream": true, "logprobs": true})");
  add(*answer, 0, delta("a", {token(5, "a")}));
  const std::vector<Json> events = add(*answer, 0, delta("", {token(6, "<think>")}));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["choices"][0]["logprobs"]["content"][0]["token"], "<think>");
}

TEST(ChatAnswer, BreaksOffWithAnError) {
  const auto answer = chat(R"({"stream": true})");
  const std::vector<Json> events = objects(answer->breaking_off(http_error(500, "no")));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["error"]["message"], "no");
}

}  // namespace
}  // namespace banyan
