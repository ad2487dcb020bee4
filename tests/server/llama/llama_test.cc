// llama-server's endpoints, over HTTP and with a real model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "server/running_server.h"

namespace banyan {
namespace {

using testing::HasSubstr;

RunningServer& server() { return shared_server(); }

class Llama : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(server().settle(), ""); }
};

// A path that no other test has, so that nothing of it is cached.
std::vector<Token> fresh_prompt(Token first, std::size_t size) {
  std::vector<Token> prompt;
  for (std::size_t i = 0; i < size; ++i) prompt.push_back(first + static_cast<Token>(i * i % 97));
  return prompt;
}

TEST_F(Llama, TimingsTellWhatWasRestoredAndEvaluated) {
  const std::vector<Token> prompt = fresh_prompt(500, 120);
  Json body = {{"prompt", prompt},
               {"n_predict", 8},
               {"temperature", 0},
               {"ignore_eos", true},
               {"return_tokens", true}};
  const HttpReply first = server().post("/completion", body);
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_EQ(first.json["timings"]["cache_n"], 0);
  EXPECT_EQ(first.json["timings"]["prompt_n"], 120);
  EXPECT_EQ(first.json["timings"]["predicted_n"], 8);
  EXPECT_EQ(first.json["tokens_evaluated"], 120);
  EXPECT_EQ(first.json["tokens_predicted"], 8);
  EXPECT_EQ(first.json["stop_type"], "limit");
  ASSERT_EQ(first.json["tokens"].size(), 8u);
  EXPECT_EQ(first.json["prompt"], server().engine().vocabulary().detokenize(prompt));

  // The next turn: the reply, whose last token was not evaluated, and ten tokens more.
  std::vector<Token> next = prompt;
  for (const Json& token : first.json["tokens"]) next.push_back(token);
  for (const Token token : fresh_prompt(700, 10)) next.push_back(token);
  body["prompt"] = next;
  const HttpReply second = server().post("/completion", body);
  EXPECT_EQ(second.json["timings"]["cache_n"], 127);
  EXPECT_EQ(second.json["timings"]["prompt_n"], 11);

  body["cache_prompt"] = false;
  const HttpReply cold = server().post("/completion", body);
  EXPECT_EQ(cold.json["timings"]["cache_n"], 0);
  EXPECT_EQ(cold.json["timings"]["prompt_n"], 138);
  EXPECT_EQ(cold.json["tokens"], second.json["tokens"]);
}

TEST_F(Llama, StreamsSayTheSameAsWholeAnswers) {
  const Json body = {{"prompt", fresh_prompt(600, 40)},
                     {"n_predict", 12},
                     {"temperature", 0},
                     {"ignore_eos", true},
                     {"return_tokens", true}};
  const HttpReply whole = server().post("/completion", body);
  const HttpStream stream = server().stream("/completion", body);
  EXPECT_EQ(stream.wrong, "");
  EXPECT_FALSE(stream.done);
  std::string text;
  Json tokens = Json::array();
  for (const Json& event : stream.events) {
    text += event["content"].get<std::string>();
    for (const Json& token : event["tokens"]) tokens.push_back(token);
    EXPECT_EQ(event["stop"].get<bool>(), &event == &stream.events.back());
  }
  EXPECT_EQ(Json(text), whole.json["content"]);
  EXPECT_EQ(tokens, whole.json["tokens"]);
  EXPECT_EQ(stream.events.back()["timings"]["predicted_n"], 12);
}

TEST_F(Llama, NothingIsSaidForZeroTokensButThePromptIsKept) {
  const std::vector<Token> prompt = fresh_prompt(800, 30);
  const HttpReply none = server().post("/completion", {{"prompt", prompt}, {"n_predict", 0}});
  ASSERT_EQ(none.status, 200) << none.text;
  EXPECT_EQ(none.json["content"], "");
  EXPECT_EQ(none.json["timings"]["prompt_n"], 30);
  const HttpReply next = server().post("/completion", {{"prompt", prompt}, {"n_predict", 1}});
  EXPECT_EQ(next.json["timings"]["cache_n"], 29);
}

TEST_F(Llama, StopsSayWhy) {
  const std::string prompt = "<|im_start|>user\nCount from 3 to 9.<|im_end|>\n<|im_start|>assistant\n";
  const HttpReply word =
      server().post("/completion", {{"prompt", prompt}, {"stop", {", 6"}}, {"temperature", 0}});
  EXPECT_EQ(word.json["content"], "3, 4, 5");
  EXPECT_EQ(word.json["stop_type"], "word");
  EXPECT_EQ(word.json["stopping_word"], ", 6");
  EXPECT_EQ(dump(word.json["tokens"]), "[]");
  const HttpReply end = server().post("/completions", {{"prompt", prompt}, {"temperature", 0}});
  EXPECT_EQ(end.json["content"], "3, 4, 5, 6, 7, 8, 9.");
  EXPECT_EQ(end.json["stop_type"], "eos");
}

TEST_F(Llama, ProbabilitiesComeWithTheirTokens) {
  const HttpReply reply = server().post(
      "/completion", {{"prompt", "The code for the"}, {"n_predict", 3}, {"n_probs", 2}, {"temperature", 0}});
  const Json& all = reply.json["completion_probabilities"];
  ASSERT_EQ(all.size(), 3u);
  for (const Json& token : all) {
    EXPECT_EQ(token["top_logprobs"].size(), 2u);
    EXPECT_EQ(token["top_logprobs"][0]["id"], token["id"]);
  }
}

TEST_F(Llama, ProbabilitiesAfterSamplingAddUpToOne) {
  const Json body = {{"prompt", "The code for the"}, {"n_predict", 3},   {"n_probs", 40},
                     {"post_sampling_probs", true},  {"temperature", 1}, {"top_k", 40}};
  const HttpReply reply = server().post("/completion", body);
  ASSERT_EQ(reply.status, 200) << reply.text;
  ASSERT_EQ(reply.json["completion_probabilities"].size(), 3u);
  for (const Json& token : reply.json["completion_probabilities"]) {
    double sum = 0, before = 1;
    bool is_there = false;
    for (const Json& other : token["top_probs"]) {
      sum += other["prob"].get<double>();
      EXPECT_LE(other["prob"], before);
      before = other["prob"];
      is_there |= other["id"] == token["id"] && other["prob"] == token["prob"];
    }
    EXPECT_NEAR(sum, 1, 1e-4);
    EXPECT_TRUE(is_there);
  }
  Json greedy = body;
  greedy["temperature"] = 0;
  for (const Json& token : server().post("/completion", greedy).json["completion_probabilities"]) {
    EXPECT_EQ(token["prob"], 1.0);
    EXPECT_EQ(token["top_probs"].size(), 1u);
  }
}

TEST_F(Llama, TheContextsEndIsToldFromALimit) {
  EngineOptions small = RunningServer::small_engine();
  small.context = 64;
  RunningServer narrow(small);
  const Json body = {{"prompt", fresh_prompt(300, 50)}, {"ignore_eos", true}};
  const HttpReply full = narrow.post("/completion", body);
  EXPECT_EQ(full.json["truncated"], true);
  EXPECT_EQ(full.json["stop_type"], "limit");
  Json limited = body;
  limited["n_predict"] = 4;
  EXPECT_EQ(narrow.post("/completion", limited).json["truncated"], false);
}

TEST_F(Llama, TimeIsLimitedAfterALineBreak) {
  const Json body = {{"prompt", "x"}, {"n_predict", 200}, {"t_max_predict_ms", 1}};
  Json lines = body;
  lines["grammar"] = "root ::= (\"a\" | \"\\n\")+ \"never\"";
  lines["logit_bias"] = {{"\n", 1000}};
  const HttpReply late = server().post("/completion", lines);
  ASSERT_EQ(late.status, 200) << late.text;
  EXPECT_EQ(late.json["has_new_line"], true);
  EXPECT_EQ(late.json["stop_type"], "limit");
  EXPECT_EQ(late.json["truncated"], false);
  EXPECT_LT(late.json["tokens_predicted"], 200);
  Json no_lines = body;
  no_lines["n_predict"] = 40;
  no_lines["grammar"] = "root ::= \"a\"+";
  no_lines["ignore_eos"] = true;
  EXPECT_EQ(server().post("/completion", no_lines).json["tokens_predicted"], 40);
}

TEST_F(Llama, SeveralPromptsAreAnsweredInAnArray) {
  const HttpReply reply =
      server().post("/completion", {{"prompt", {"The code", Json::array({5, 6})}}, {"n_predict", 2}});
  ASSERT_TRUE(reply.json.is_array()) << reply.text;
  EXPECT_EQ(reply.json[1]["index"], 1);
  EXPECT_EQ(reply.json[1]["tokens_evaluated"], 2);
}

TEST_F(Llama, TextBecomesTokensAndBack) {
  const HttpReply tokens = server().post("/tokenize", {{"content", "Hello <|im_start|>"}});
  EXPECT_EQ(dump(tokens.json), R"({"tokens":[706,223,1]})");
  EXPECT_EQ(server().post("/detokenize", tokens.json).json["content"], "Hello <|im_start|>");
  const HttpReply plain = server().post("/tokenize", {{"content", "<|im_start|>"}, {"parse_special", false}});
  EXPECT_GT(plain.json["tokens"].size(), 1u);
  EXPECT_EQ(dump(server().post("/tokenize", {{"content", "Hello é"}, {"with_pieces", true}}).json),
            R"({"tokens":[{"id":706,"piece":"Hello"},{"id":223,"piece":" "},)"
            R"({"id":130,"piece":[195]},{"id":105,"piece":[169]}]})");
  EXPECT_EQ(dump(server().post("/tokenize", {{"content", {5, "Hello", 6}}}).json["tokens"]), "[5,706,6]");
  EXPECT_EQ(server().post("/tokenize", {{"content", {"Hello", 2048}}}).error()["param"], "content[1]");
  EXPECT_EQ(server().post("/tokenize", {{"content", 5}}).error()["param"], "content");
  EXPECT_EQ(server().post("/tokenize", Json::object()).error()["param"], "content");
  EXPECT_EQ(server().post("/detokenize", {{"tokens", {5, 2048}}}).error()["param"], "tokens[1]");
  EXPECT_EQ(server().post("/detokenize", Json::object()).error()["param"], "tokens");
}

TEST_F(Llama, TemplatesCanBeTried) {
  const HttpReply reply = server().post("/apply-template", {{"messages", Json::array({user_message("hi")})}});
  EXPECT_EQ(reply.json["prompt"], "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(server().post("/apply-template", Json::object()).error()["param"], "messages");
}

TEST_F(Llama, PropsDescribeTheServer) {
  const HttpReply props = server().get("/props");
  ASSERT_EQ(props.status, 200);
  EXPECT_EQ(props.json["total_slots"], server().engine().options().max_running);
  EXPECT_EQ(props.json["default_generation_settings"]["n_ctx"], server().engine().options().context);
  EXPECT_EQ(props.json["default_generation_settings"]["params"]["top_k"], 40);
  EXPECT_EQ(props.json["eos_token"], "<|im_end|>");
  EXPECT_THAT(props.json["chat_template"].get<std::string>(), HasSubstr("im_start"));
}

TEST_F(Llama, TheCacheIsShown) {
  server().post("/completion", {{"prompt", fresh_prompt(900, 30)}, {"n_predict", 1}});
  const HttpReply cache = server().get("/cache");
  EXPECT_EQ(cache.status, 200);
  EXPECT_EQ(cache.header("Content-Type"), "application/json");
  EXPECT_EQ(cache.text, server().engine().dump_cache_json());
}

TEST_F(Llama, WrongFieldsAreNamed) {
  EXPECT_EQ(server().post("/completion", {{"n_predict", 4}}).error()["param"], "prompt");
  EXPECT_EQ(server().post("/completion", {{"prompt", "x"}, {"n_predict", "x"}}).error()["param"],
            "n_predict");
  EXPECT_EQ(server().post("/completion", {{"prompt", {1, 99999}}}).error()["param"], "prompt[1]");
}

}  // namespace
}  // namespace banyan
