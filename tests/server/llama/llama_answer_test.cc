// Deltas to llama-server's completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/deltas.h"
#include "server/llama/completion.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

std::unique_ptr<Answer> llama(const char* fields) {
  return read_llama_completion(Json::parse(fields), shipped_context()).value().answer;
}

TEST(LlamaAnswer, StreamsTokensThenTheWholeStory) {
  const auto answer = llama(R"({"prompt": [5, 6], "stream": true, "n_probs": 1})");
  EXPECT_EQ(answer->form().end(), "");
  Delta end = last(Finish::stop);
  end.text = "lo";
  end.tokens = {token(7, "lo")};
  const std::vector<Json> events = add(*answer, 0, end);
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
  EXPECT_EQ(dump(whole["timings"]),
            R"({"cache_n":7,"matched_n":8,"prompt_n":3,"prompt_ms":6.0,"prompt_per_token_ms":2.0,)"
            R"("prompt_per_second":500.0,"predicted_n":3,"predicted_ms":4.0,)"
            R"("predicted_per_token_ms":2.0,"predicted_per_second":500.0})");
  EXPECT_EQ(whole["restore_limit"], "no_point");
  EXPECT_EQ(whole["limited_by"], "recurrent");
}

TEST(LlamaAnswer, IsAnArrayForSeveralPrompts) {
  const auto one = llama(R"({"prompt": [5, 6], "return_tokens": true})");
  add(*one, 0, delta("a", {token(7, "a")}));
  add(*one, 0, last(Finish::length));
  EXPECT_EQ(dump(one->body()["tokens"]), "[7]");
  EXPECT_EQ(one->body()["stop_type"], "limit");
  EXPECT_EQ(one->body()["prompt"], shipped_context().vocabulary.detokenize(std::vector<Token>{5, 6}));

  const auto two = llama(R"({"prompt": ["x", "y"]})");
  add(*two, 1, delta("b", {token(7, "b")}));
  const Json body = two->body();
  ASSERT_TRUE(body.is_array());
  EXPECT_EQ(body[1]["content"], "b");
  EXPECT_EQ(body[1]["index"], 1);
  EXPECT_EQ(body[1]["prompt"], "y");
  EXPECT_EQ(dump(body[1]["tokens"]), "[]");
}

TEST(LlamaAnswer, HasAsManyRepliesToAPromptAsAreWanted) {
  for (const char* fields :
       {R"({"prompt": ["x", "y"], "n": 2})", R"({"prompt": ["x", "y"], "n": 3, "n_cmpl": 2})"}) {
    const auto job = read_llama_completion(Json::parse(fields), shipped_context());
    ASSERT_EQ(job->requests.size(), 2u);
    EXPECT_EQ(job->requests[0].choices, 2);
    const Json body = job->answer->body();
    ASSERT_EQ(body.size(), 4u);
    EXPECT_EQ(body[1]["prompt"], "x");
    EXPECT_EQ(body[2]["prompt"], "y");
    EXPECT_EQ(body[3]["index"], 3);
  }
}

TEST(LlamaAnswer, SettingsTellWhatIsOffAndWhatIsNeverSaid) {
  const Json settings =
      llama(R"({"prompt": "x", "ignore_eos": true, "stream": true})")->body()["generation_settings"];
  EXPECT_EQ(settings["adaptive_target"], -1.0);
  EXPECT_EQ(settings["mirostat"], 0);
  EXPECT_EQ(settings["stream"], true);
  ASSERT_FALSE(settings["logit_bias"].empty());
  for (const Json& never : settings["logit_bias"]) {
    EXPECT_TRUE(shipped_context().vocabulary.is_end(never["token"].get<Token>()));
    EXPECT_TRUE(never["bias"].is_null());
  }
  EXPECT_TRUE(llama(R"({"prompt": "x"})")->body()["generation_settings"]["logit_bias"].empty());
}

TEST(LlamaAnswer, SaysWhetherTheContextWasFull) {
  const auto truncated = [](const char* fields, Finish finish) {
    const auto answer = llama(fields);
    add(*answer, 0, last(finish));
    return answer->body()["truncated"].get<bool>();
  };
  EXPECT_TRUE(truncated(R"({"prompt": "x"})", Finish::length));
  EXPECT_TRUE(truncated(R"({"prompt": "x", "n_predict": 4})", Finish::length));
  EXPECT_FALSE(truncated(R"({"prompt": "x", "n_predict": 3})", Finish::length));
  EXPECT_FALSE(truncated(R"({"prompt": "x", "t_max_predict_ms": 3})", Finish::length));
  EXPECT_FALSE(truncated(R"({"prompt": "x"})", Finish::end));
}

TEST(LlamaAnswer, SaysWhetherThereIsALineBreak) {
  for (const char* text : {"a\nb", "ab"}) {
    for (const char* fields : {R"({"prompt": "x"})", R"({"prompt": "x", "stream": true})"}) {
      const auto answer = llama(fields);
      add(*answer, 0, delta(text, {}));
      const std::vector<Json> events = add(*answer, 0, last(Finish::end));
      const Json whole = events.empty() ? answer->body() : events.back();
      EXPECT_EQ(whole["has_new_line"].get<bool>(), std::string(text).contains('\n')) << fields;
    }
  }
}

TEST(LlamaAnswer, ResponseFieldsAreTakenByTheirPaths) {
  const auto answer = llama(
      R"({"prompt": "x", "response_fields": ["content", "generation_settings/top_k", "timings/none", "a/b",
          "content/x"]})");
  add(*answer, 0, delta("a", {}));
  add(*answer, 0, last(Finish::end));
  EXPECT_EQ(dump(answer->body()), R"({"content":"a","generation_settings/top_k":40})");
}

TEST(LlamaAnswer, ProbabilitiesAfterSamplingAreNoLogarithms) {
  const auto answer = llama(R"({"prompt": "x", "n_probs": 2, "post_sampling_probs": true})");
  add(*answer, 0, delta("a", {token(5, "a", 0)}));
  add(*answer, 0, last(Finish::end));
  const Json token = answer->body()["completion_probabilities"][0];
  EXPECT_EQ(token["prob"], 1.0);
  EXPECT_EQ(token["top_probs"][1]["prob"], 0.0);
  EXPECT_FALSE(token.contains("logprob"));
  EXPECT_FALSE(token.contains("top_logprobs"));
}

TEST(LlamaAnswer, TellsHowFarThePromptIsReadAndTimesTokens) {
  const auto answer =
      llama(R"({"prompt": "x", "stream": true, "return_progress": true, "timings_per_token": true})");
  const std::vector<Json> read = add(*answer, 0, progress(9));
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0]["content"], "");
  EXPECT_EQ(read[0]["prompt_progress"]["processed"], 9);
  const std::vector<Json> said = add(*answer, 0, delta("a", {token(7, "a")}));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0]["timings"]["predicted_n"], 3);
  EXPECT_FALSE(said[0].contains("prompt_progress"));
}

}  // namespace
}  // namespace banyan
