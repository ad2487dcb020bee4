// Deltas to JSON, in every dialect.
#include "server/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "server/llama/completion.h"
#include "server/openai/chat.h"
#include "server/openai/completions.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

using testing::ElementsAre;

std::unique_ptr<Answer> chat(const char* fields) {
  Json body = Json::parse(fields);
  body["messages"] = Json::parse(R"([{"role": "user", "content": "hi"}])");
  return read_openai_chat(body, shipped_context()).value().answer;
}
std::unique_ptr<Answer> completion(const char* fields) {
  return read_openai_completion(Json::parse(fields), shipped_context()).value().answer;
}
std::unique_ptr<Answer> llama(const char* fields) {
  return read_llama_completion(Json::parse(fields), shipped_context()).value().answer;
}

GeneratedToken token(Token id, std::string bytes, float logprob = -0.5f) {
  return {
      .token = id, .bytes = bytes, .logprob = logprob, .top = {{id, bytes, logprob}, {9, "\xc3", -1e30f}}};
}

Delta delta(std::string text, std::vector<GeneratedToken> tokens, int choice = 0) {
  Delta delta;
  delta.choice = choice;
  delta.text = std::move(text);
  delta.tokens = std::move(tokens);
  delta.timings.cache = {.total = 10,
                         .matched = 8,
                         .restored = 7,
                         .evaluated = 5,
                         .limit = RestoreLimit::no_point,
                         .limited_by = "recurrent"};
  delta.timings.generated = 3;
  delta.timings.prompt_ms = 6;
  delta.timings.generate_ms = 4;
  return delta;
}

Delta last(Finish finish, int choice = 0) {
  Delta end = delta("", {}, choice);
  end.finish = finish;
  if (finish == Finish::stop) end.stop_word = "!";
  return end;
}

TEST(ChatAnswer, StreamsRoleThenTextThenReasonThenUsage) {
  const auto answer = chat(R"({"stream": true, "stream_options": {"include_usage": true}})");
  std::vector<Json> events = answer->add(0, delta("Hel", {token(5, "Hel")}));
  for (const Delta& next :
       {delta("", {token(6, "\xc3")}), delta("lö", {token(7, "\xb6")}), last(Finish::end)}) {
    for (Json& event : answer->add(0, next)) events.push_back(std::move(event));
  }
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(
      dump(events[0]["choices"]),
      R"([{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}])");
  EXPECT_EQ(dump(events[1]["choices"][0]["delta"]), R"({"content":"Hel"})");
  EXPECT_EQ(dump(events[2]["choices"][0]["delta"]), R"({"content":"lö"})");
  EXPECT_EQ(dump(events[3]["choices"]), R"([{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}])");
  EXPECT_EQ(events[3]["timings"]["cache_n"], 7);

  for (Json& event : answer->closing()) events.push_back(std::move(event));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(dump(events[4]["choices"]), "[]");
  EXPECT_EQ(dump(events[4]["usage"]),
            R"({"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,)"
            R"("prompt_tokens_details":{"cached_tokens":7,"cache_write_tokens":3}})");
  for (const Json& event : events) {
    EXPECT_EQ(event["id"], events[0]["id"]);
    EXPECT_EQ(event["created"], events[0]["created"]);
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    EXPECT_EQ(event["model"], "tally");
  }
  EXPECT_TRUE(answer->has_done_marker());
}

TEST(ChatAnswer, GivesEveryChoiceARoleAndAnIndex) {
  const auto answer = chat(R"({"stream": true, "n": 2})");
  EXPECT_EQ(answer->add(0, delta("a", {}, 1))[0]["choices"][0]["index"], 1);
  EXPECT_EQ(answer->add(0, delta("b", {}, 0))[0]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(answer->add(0, delta("c", {}, 1))[0]["choices"][0]["delta"].contains("role"), false);
  EXPECT_TRUE(answer->closing().empty());
}

TEST(ChatAnswer, IsOneObjectWhenNotStreaming) {
  const auto answer = chat(R"({"n": 2})");
  EXPECT_TRUE(answer->add(0, delta("Hel", {})).empty());
  answer->add(0, delta("x", {}, 1));
  answer->add(0, delta("lo", {}));
  answer->add(0, last(Finish::length, 1));
  answer->add(0, last(Finish::stop));
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

TEST(ChatAnswer, LogprobsComeWithTheirTokensBytes) {
  const auto answer = chat(R"({"logprobs": true, "top_logprobs": 2})");
  answer->add(0, delta("ö", {token(6, "\xc3"), token(7, "\xb6")}));
  answer->add(0, last(Finish::end));
  const Json content = answer->body()["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(dump(content[0]["bytes"]), "[195]");
  EXPECT_EQ(dump(content[0]["token"]), "\"\uFFFD\"");
  EXPECT_EQ(content[0]["logprob"], -0.5f);
  // Minus infinity has no JSON.
  EXPECT_EQ(content[0]["top_logprobs"][1]["logprob"], -9999);
}

TEST(CompletionAnswer, NumbersChoicesAcrossPromptsAndEchoes) {
  const auto answer = completion(R"({"prompt": ["Hello", "Bye"], "n": 2, "echo": true})");
  answer->add(0, delta("a", {}, 0));
  answer->add(0, delta("b", {}, 1));
  answer->add(1, delta("c", {}, 0));
  answer->add(1, delta("d", {}, 1));
  const Json body = answer->body();
  std::vector<std::string> texts;
  for (const Json& choice : body["choices"]) texts.push_back(choice["text"]);
  EXPECT_THAT(texts, ElementsAre("Helloa", "Hellob", "Byec", "Byed"));
  EXPECT_EQ(body["choices"][3]["index"], 3);
  EXPECT_EQ(body["usage"]["prompt_tokens"], 20);
  EXPECT_EQ(body["usage"]["completion_tokens"], 12);
}

TEST(CompletionAnswer, StreamsTheEchoFirst) {
  const auto answer = completion(R"({"prompt": "Hello", "stream": true, "echo": true})");
  const std::vector<Json> events = answer->add(0, delta(" you", {}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(dump(events[0]["choices"]),
            R"([{"index":0,"text":"Hello","logprobs":null,"finish_reason":null}])");
  EXPECT_EQ(events[1]["choices"][0]["text"], " you");
  EXPECT_EQ(answer->add(0, last(Finish::end))[0]["choices"][0]["finish_reason"], "stop");
}

TEST(CompletionAnswer, LogprobsHaveOpenAisOlderForm) {
  const auto answer = completion(R"({"prompt": "x", "stream": true, "logprobs": 2})");
  const Json first = answer->add(0, delta("aö", {token(5, "a"), token(6, "\xc3"), token(7, "\xb6")}))[0];
  EXPECT_EQ(dump(first["choices"][0]["logprobs"]),
            R"({"tokens":["a","bytes:\\xc3","bytes:\\xb6"],"token_logprobs":[-0.5,-0.5,-0.5],)"
            R"("top_logprobs":[{"a":-0.5,"bytes:\\xc3":-9999.0},{"bytes:\\xc3":-9999.0},)"
            R"({"bytes:\\xb6":-0.5,"bytes:\\xc3":-9999.0}],"text_offset":[0,1,2]})");
  const Json second = answer->add(0, delta("b", {token(8, "b")}))[0];
  EXPECT_EQ(dump(second["choices"][0]["logprobs"]["text_offset"]), "[2]");
}

TEST(LlamaAnswer, StreamsTokensThenTheWholeStory) {
  const auto answer = llama(R"({"prompt": [5, 6], "stream": true, "n_probs": 1})");
  EXPECT_FALSE(answer->has_done_marker());
  Delta end = last(Finish::stop);
  end.text = "lo";
  end.tokens = {token(7, "lo")};
  const std::vector<Json> events = answer->add(0, end);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["content"], "lo");
  EXPECT_EQ(dump(events[0]["tokens"]), "[7]");
  EXPECT_EQ(events[0]["stop"], false);
  EXPECT_EQ(events[0]["completion_probabilities"][0]["id"], 7);
  const Json& whole = events[1];
  EXPECT_EQ(whole["content"], "");
  EXPECT_EQ(whole["stop"], true);
  EXPECT_EQ(whole["stop_type"], "word");
  EXPECT_EQ(whole["stopping_word"], "!");
  EXPECT_EQ(whole["tokens_predicted"], 3);
  EXPECT_EQ(whole["tokens_evaluated"], 10);
  EXPECT_EQ(whole["tokens_cached"], 12);
  EXPECT_EQ(
      dump(whole["timings"]),
      R"({"cache_n":7,"matched_n":8,"restore_limit":"no_point","prompt_n":3,"prompt_ms":6.0,"prompt_per_token_ms":2.0,)"
      R"("prompt_per_second":500.0,"predicted_n":3,"predicted_ms":4.0,)"
      R"("predicted_per_token_ms":2.0,"predicted_per_second":500.0,"limited_by":"recurrent"})");
}

TEST(LlamaAnswer, IsAnArrayForSeveralPrompts) {
  const auto one = llama(R"({"prompt": [5, 6], "return_tokens": true})");
  one->add(0, delta("a", {token(7, "a")}));
  one->add(0, last(Finish::length));
  EXPECT_EQ(dump(one->body()["tokens"]), "[7]");
  EXPECT_EQ(one->body()["stop_type"], "limit");
  EXPECT_EQ(one->body()["prompt"], shipped_context().vocabulary.detokenize(std::vector<Token>{5, 6}));

  const auto two = llama(R"({"prompt": ["x", "y"]})");
  two->add(1, delta("b", {token(7, "b")}));
  const Json body = two->body();
  ASSERT_TRUE(body.is_array());
  EXPECT_EQ(body[1]["content"], "b");
  EXPECT_EQ(body[1]["index"], 1);
  EXPECT_EQ(body[1]["prompt"], "y");
  EXPECT_EQ(dump(body[1]["tokens"]), "[]");
}

}  // namespace
}  // namespace banyan
