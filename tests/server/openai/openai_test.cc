// OpenAI's endpoints, over HTTP and with a real model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "server/running_server.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kCompletions = "/v1/completions";
// A grammar that leaves the model no choice.
constexpr const char* kForced = "root ::= \"Grüße 🌳, né?\"";
constexpr const char* kForcedText = "Grüße 🌳, né?";

RunningServer& server() { return shared_server(); }

class OpenAi : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(server().settle(), ""); }
};

Json chat(const std::string& text, const Json& more = Json::object()) {
  Json body = {{"messages", Json::array({user_message(text)})}, {"temperature", 0}};
  body.update(more);
  return body;
}

std::string content(const HttpReply& reply, std::size_t choice = 0) {
  return reply.json.at("choices").at(choice).at("message").at("content");
}

TEST_F(OpenAi, ChatRemembersTheConversation) {
  Json messages = Json::array({user_message("The code for the red gate is 4821. My cat is called Milo.")});
  const HttpReply first = server().post(kChat, {{"messages", messages}, {"temperature", 0}});
  ASSERT_EQ(first.status, 200) << first.text;
  messages.push_back({{"role", "assistant"}, {"content", content(first)}});
  messages.push_back(user_message("What is the code for the red gate?"));
  const HttpReply second = server().post(kChat, {{"messages", messages}, {"temperature", 0}});
  EXPECT_EQ(content(second), "The code for the red gate is 4821.");
  EXPECT_EQ(second.json["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(second.json["model"], "tally-qwen3-q8_0");
  EXPECT_THAT(second.json["id"].get<std::string>(), StartsWith("chatcmpl-"));
}

TEST_F(OpenAi, UsageCountsExactlyWhatTheNextTurnRestores) {
  Json messages = Json::array({user_message("My horse is called Fleegoo. I live in Zork.")});
  const std::vector<Token> first_prompt = chat_tokens(messages);
  const HttpReply first = server().post(kChat, {{"messages", messages}, {"temperature", 0}});
  const Json usage = first.json["usage"];
  EXPECT_EQ(usage["prompt_tokens"], first_prompt.size());
  EXPECT_EQ(usage["total_tokens"],
            usage["prompt_tokens"].get<std::size_t>() + usage["completion_tokens"].get<std::size_t>());

  messages.push_back({{"role", "assistant"}, {"content", content(first)}});
  messages.push_back(user_message("What is my horse called?"));
  const HttpReply second = server().post(kChat, {{"messages", messages}, {"temperature", 0}});
  EXPECT_EQ(content(second), "Your horse is called Fleegoo.");
  // All of the first turn but the token that ended it, which was never evaluated.
  const std::size_t kept = first_prompt.size() + usage["completion_tokens"].get<std::size_t>() - 1;
  const std::size_t prompt = chat_tokens(messages).size();
  EXPECT_EQ(second.json["usage"]["prompt_tokens"], prompt);
  EXPECT_EQ(second.json["usage"]["prompt_tokens_details"]["cached_tokens"], kept);
  EXPECT_EQ(second.json["usage"]["prompt_tokens_details"]["cache_write_tokens"], prompt - kept);
  EXPECT_EQ(second.json["timings"]["cache_n"], kept);
  EXPECT_EQ(second.json["timings"]["prompt_n"], prompt - kept);

  // Once more: everything but the last token, which is evaluated for its logits.
  const HttpReply again = server().post(kChat, {{"messages", messages}, {"temperature", 0}});
  EXPECT_EQ(again.json["usage"]["prompt_tokens_details"]["cached_tokens"], prompt - 1);
  EXPECT_EQ(content(again), content(second));
}

TEST_F(OpenAi, StreamsSayTheSameAsWholeAnswers) {
  const Json body = chat("Count from 3 to 14.", {{"stream_options", {{"include_usage", true}}}});
  const HttpReply whole = server().post(kChat, body);
  const HttpStream stream = server().stream(kChat, body);
  EXPECT_EQ(stream.status, 200);
  EXPECT_EQ(stream.wrong, "");
  EXPECT_TRUE(stream.done);
  ASSERT_GE(stream.events.size(), 4u);

  std::string text;
  for (std::size_t i = 0; i < stream.events.size(); ++i) {
    const Json& event = stream.events[i];
    EXPECT_EQ(event["id"], stream.events[0]["id"]);
    EXPECT_EQ(event["created"], stream.events[0]["created"]);
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    if (event["choices"].empty()) continue;
    EXPECT_EQ(event["choices"][0]["delta"].contains("role"), i == 0);
    text += delta_text(event);
    EXPECT_EQ(event["choices"][0]["finish_reason"].is_null(), i + 2 < stream.events.size());
  }
  EXPECT_EQ(text, content(whole));
  const Json& last = stream.events.back();
  EXPECT_TRUE(last["choices"].empty());
  EXPECT_EQ(last["usage"]["completion_tokens"], whole.json["usage"]["completion_tokens"]);
  EXPECT_EQ(stream.events[stream.events.size() - 2]["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(dump(stream.events[stream.events.size() - 2]["choices"][0]["delta"]), "{}");
}

TEST_F(OpenAi, CharactersAreNeverCut) {
  const Json body = chat("Say: milk", {{"grammar", kForced}});
  EXPECT_EQ(content(server().post(kChat, body)), kForcedText);
  std::string text;
  for (const Json& event : server().stream(kChat, body).events) {
    const std::string piece = delta_text(event);
    EXPECT_TRUE(is_utf8(piece));
    EXPECT_EQ(piece.find("\uFFFD"), std::string::npos);
    text += piece;
  }
  EXPECT_EQ(text, kForcedText);
}

TEST_F(OpenAi, AnswersUnicodeMessages) {
  const HttpReply reply = server().post(kChat, chat("My name is Žofie 🌳. \u202Eabc"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json["usage"]["prompt_tokens"],
            chat_tokens(Json::array({user_message("My name is Žofie 🌳. \u202Eabc")})).size());
}

TEST_F(OpenAi, ChoicesAreNumberedAndDifferBySeed) {
  const Json body = chat("Say: something", {{"n", 3},
                                            {"temperature", 2},
                                            {"top_k", 0},
                                            {"min_p", 0},
                                            {"top_p", 1},
                                            {"seed", 5},
                                            {"max_tokens", 12}});
  const HttpReply reply = server().post(kChat, body);
  ASSERT_EQ(reply.status, 200) << reply.text;
  ASSERT_EQ(reply.json["choices"].size(), 3u);
  EXPECT_NE(content(reply, 0), content(reply, 1));
  EXPECT_NE(content(reply, 1), content(reply, 2));
  EXPECT_EQ(reply.json["usage"]["prompt_tokens"],
            chat_tokens(Json::array({user_message("Say: something")})).size());
  EXPECT_LE(reply.json["usage"]["completion_tokens"], 36);

  const HttpReply again = server().post(kChat, body);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reply.json["choices"][i]["index"], i);
    EXPECT_EQ(content(again, i), content(reply, i));
  }

  std::vector<std::string> texts(3);
  std::vector<int> ends(3);
  const HttpStream stream = server().stream(kChat, body);
  EXPECT_TRUE(stream.done);
  for (const Json& event : stream.events) {
    const auto index = event["choices"][0]["index"].get<std::size_t>();
    EXPECT_EQ(ends.at(index), 0);
    texts[index] += delta_text(event);
    ends[index] += !event["choices"][0]["finish_reason"].is_null();
  }
  EXPECT_THAT(ends, ElementsAre(1, 1, 1));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(texts[i], content(reply, i));
}

TEST_F(OpenAi, RepliesStopAtWordsAndLimits) {
  const HttpReply stopped = server().post(kChat, chat("Count from 3 to 14.", {{"stop", ", 7"}}));
  EXPECT_EQ(content(stopped), "3, 4, 5, 6");
  EXPECT_EQ(stopped.json["choices"][0]["finish_reason"], "stop");
  const HttpReply cut = server().post(kChat, chat("Count from 3 to 14.", {{"max_tokens", 3}}));
  EXPECT_EQ(cut.json["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(cut.json["usage"]["completion_tokens"], 3);
  const HttpReply none = server().post(kChat, chat("Count from 3 to 14.", {{"max_tokens", 0}}));
  EXPECT_EQ(content(none), "");
  EXPECT_EQ(none.json["usage"]["completion_tokens"], 0);
}

TEST_F(OpenAi, LogprobsRankTheGreedyTokenFirst) {
  const HttpReply reply =
      server().post(kChat, chat("Count from 3 to 6.", {{"logprobs", true}, {"top_logprobs", 3}}));
  const Json& tokens = reply.json["choices"][0]["logprobs"]["content"];
  ASSERT_FALSE(tokens.empty());
  std::string text;
  for (const Json& token : tokens) {
    text += token["token"].get<std::string>();
    ASSERT_EQ(token["top_logprobs"].size(), 3u);
    EXPECT_EQ(token["top_logprobs"][0]["id"], token["id"]);
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]);
    EXPECT_GE(token["top_logprobs"][0]["logprob"], token["top_logprobs"][1]["logprob"]);
    EXPECT_LE(token["logprob"].get<double>(), 0);
  }
  EXPECT_EQ(text, content(reply));
}

TEST_F(OpenAi, LogitBiasForcesAndForbids) {
  const Token hello = server().engine().vocabulary().tokenize("Hello", false, true).at(0);
  const HttpReply forced = server().post(
      kChat, chat("Where do I live?", {{"max_tokens", 2}, {"logit_bias", {{std::to_string(hello), 1000}}}}));
  EXPECT_EQ(content(forced), "HelloHello");
  const HttpReply first = server().post(kChat, chat("Hello."));
  EXPECT_THAT(content(first), StartsWith("Hello"));
  const HttpReply other =
      server().post(kChat, chat("Hello.", {{"logit_bias", Json::array({Json::array({hello, false})})}}));
  EXPECT_THAT(content(other), testing::Not(StartsWith("Hello")));
}

TEST_F(OpenAi, JsonObjectsAreJson) {
  int whole = 0;
  for (int seed = 0; seed < 6; ++seed) {
    const HttpReply reply =
        server().post(kChat, chat("Say: milk", {{"response_format", {{"type", "json_object"}}},
                                                {"temperature", 1},
                                                {"seed", seed},
                                                {"max_tokens", 60}}));
    ASSERT_EQ(reply.status, 200) << reply.text;
    EXPECT_THAT(content(reply), StartsWith("{"));
    if (reply.json["choices"][0]["finish_reason"] != "stop") continue;
    ++whole;
    EXPECT_TRUE(Json::accept(content(reply))) << content(reply);
  }
  EXPECT_GT(whole, 0);
}

TEST_F(OpenAi, RepliesKeepToASchema) {
  const Json schema = {{"type", "object"},
                       {"properties",
                        {{"name", {{"type", "string"}, {"maxLength", 8}}},
                         {"kind", {{"enum", {"cat", "dog"}}}},
                         {"age", {{"type", "integer"}, {"minimum", 1}, {"maximum", 30}}}}},
                       {"required", {"name", "kind", "age"}},
                       {"additionalProperties", false}};
  const Json format = {{"type", "json_schema"},
                       {"json_schema", {{"name", "pet"}, {"strict", true}, {"schema", schema}}}};
  for (int seed = 0; seed < 6; ++seed) {
    const HttpReply reply = server().post(
        kChat, chat("My cat is called Milo.",
                    {{"response_format", format}, {"temperature", 1}, {"seed", seed}, {"max_tokens", 200}}));
    ASSERT_EQ(reply.status, 200) << reply.text;
    ASSERT_EQ(reply.json["choices"][0]["finish_reason"], "stop") << content(reply);
    const Json pet = Json::parse(content(reply));
    EXPECT_LE(pet.at("name").get<std::string>().size(), 8u * 4);
    EXPECT_TRUE(pet.at("kind") == "cat" || pet.at("kind") == "dog") << pet;
    EXPECT_TRUE(pet.at("age") >= 1 && pet.at("age") <= 30) << pet;
    EXPECT_EQ(pet.size(), 3u);
  }
  const HttpReply llama_servers = server().post(
      "/completion",
      {{"prompt", "Yes or no?"}, {"json_schema", {{"enum", {"yes", "no"}}}}, {"n_predict", 20}});
  ASSERT_EQ(llama_servers.status, 200) << llama_servers.text;
  EXPECT_THAT(llama_servers.json["content"].get<std::string>(), testing::AnyOf("\"yes\"", "\"no\""));
}

TEST_F(OpenAi, CompletionsTakeSeveralPrompts) {
  const Json prompt = Json::array({"The code for the", "The code for the", "My cat"});
  const Json body = {{"prompt", prompt}, {"n", 2}, {"temperature", 0}, {"max_tokens", 4}, {"echo", true}};
  const HttpReply reply = server().post(kCompletions, body);
  ASSERT_EQ(reply.status, 200) << reply.text;
  ASSERT_EQ(reply.json["choices"].size(), 6u);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(reply.json["choices"][i]["index"], i);
    texts.push_back(reply.json["choices"][i]["text"]);
    EXPECT_THAT(texts[i], StartsWith(prompt[i / 2].get<std::string>()));
  }
  EXPECT_EQ(texts[0], texts[3]);
  EXPECT_EQ(reply.json["usage"]["completion_tokens"], 24);
  EXPECT_THAT(reply.json["id"].get<std::string>(), StartsWith("cmpl-"));

  const HttpStream stream = server().stream(kCompletions, body);
  EXPECT_TRUE(stream.done);
  std::vector<std::string> streamed(6);
  for (const Json& event : stream.events) {
    EXPECT_EQ(event["object"], "text_completion");
    streamed.at(event["choices"][0]["index"]) += event["choices"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(streamed, texts);
}

TEST_F(OpenAi, CompletionsTakeTokenIds) {
  const std::vector<Token> ids = server().engine().vocabulary().tokenize("The code for the", true, true);
  const auto text = [](const HttpReply& reply) { return reply.json.at("choices").at(0).at("text"); };
  const Json common = {{"temperature", 0}, {"max_tokens", 4}};
  Json by_ids = common, by_text = common;
  by_ids["prompt"] = ids;
  by_text["prompt"] = "The code for the";
  EXPECT_EQ(text(server().post(kCompletions, by_ids)), text(server().post(kCompletions, by_text)));
}

TEST_F(OpenAi, CompletionLogprobsFollowTheText) {
  const HttpReply reply = server().post(
      kCompletions, {{"prompt", "x"}, {"grammar", kForced}, {"logprobs", 2}, {"temperature", 0}});
  ASSERT_EQ(reply.status, 200) << reply.text;
  const Json& logprobs = reply.json["choices"][0]["logprobs"];
  const std::size_t tokens = logprobs["tokens"].size();
  EXPECT_EQ(logprobs["token_logprobs"].size(), tokens);
  EXPECT_EQ(logprobs["top_logprobs"].size(), tokens);
  EXPECT_EQ(logprobs["text_offset"].size(), tokens);
  EXPECT_EQ(logprobs["text_offset"][0], 0);
  for (const Json& top : logprobs["top_logprobs"]) EXPECT_LE(top.size(), 2u);
}

TEST_F(OpenAi, ModelsAreListedAndFound) {
  const HttpReply list = server().get("/v1/models");
  ASSERT_EQ(list.status, 200);
  EXPECT_EQ(list.json["object"], "list");
  const Json& model = list.json["data"].at(0);
  EXPECT_EQ(model["id"], "tally-qwen3-q8_0");
  EXPECT_EQ(model["object"], "model");
  EXPECT_EQ(model["meta"]["n_ctx"], server().engine().options().context);
  EXPECT_EQ(server().get("/v1/models/tally-qwen3-q8_0").json, model);
  const HttpReply none = server().get("/v1/models/other");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.error()["code"], "model_not_found");
}

TEST_F(OpenAi, PromptsAreCounted) {
  const Json messages = Json::array({user_message("Hello.")});
  const HttpReply reply = server().post("/v1/chat/completions/input_tokens", {{"messages", messages}});
  EXPECT_EQ(reply.json["object"], "response.input_tokens");
  EXPECT_EQ(reply.json["input_tokens"], chat_tokens(messages).size());
  EXPECT_EQ(server().post("/v1/chat/completions/input_tokens", Json::object()).error()["param"], "messages");
}

TEST_F(OpenAi, ProgressIsToldWhileThePromptIsRead) {
  std::string long_text;
  for (int i = 0; i < 400; ++i) long_text += "Number " + std::to_string(i * 7919) + ". ";
  const HttpStream stream =
      server().stream(kChat, chat(long_text, {{"return_progress", true}, {"max_tokens", 2}}));
  ASSERT_EQ(stream.status, 200) << stream.wrong;
  std::vector<std::size_t> done;
  std::size_t total = 0;
  for (const Json& event : stream.events) {
    if (!event.contains("prompt_progress")) continue;
    total = event["prompt_progress"]["total"];
    done.push_back(event["prompt_progress"]["processed"]);
  }
  ASSERT_GE(done.size(), 2u);
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_EQ(done.back(), total);
  EXPECT_EQ(total, chat_tokens(Json::array({user_message(long_text)})).size());
  for (const Json& event : server().stream(kChat, chat("Hello.")).events) {
    EXPECT_FALSE(event.contains("prompt_progress"));
  }
}

TEST_F(OpenAi, ControlTokensAreTextInChatsOnly) {
  const Token start = server().engine().vocabulary().tokenize("<|im_start|>", false, true).at(0);
  const Json forced = {{"logit_bias", {{std::to_string(start), 1000}}}, {"max_tokens", 1}};
  EXPECT_EQ(content(server().post(kChat, chat("Hello.", forced))), "<|im_start|>");
  Json completion = forced;
  completion["prompt"] = "Hello.";
  EXPECT_EQ(server().post(kCompletions, completion).json["choices"][0]["text"], "");
}

TEST_F(OpenAi, AnyModelNameIsAccepted) {
  EXPECT_EQ(server().post(kChat, chat("Hello.", {{"model", "gpt-5"}})).status, 200);
}

TEST_F(OpenAi, WrongFieldsAreNamedInTheErrorObject) {
  const HttpReply reply = server().post(kChat, chat("Hello.", {{"temperature", "hot"}}));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(dump(reply.json), R"({"error":{"message":"temperature must be a number",)"
                              R"("type":"invalid_request_error","param":"temperature","code":null}})");
  const HttpStream stream = server().stream(kChat, chat("Hello.", {{"n", 0}}));
  EXPECT_EQ(stream.status, 400);
  EXPECT_EQ(server().post(kChat, chat("Hello.", {{"grammar", "root ::= ("}})).error()["param"], "grammar");
  EXPECT_EQ(
      server().post(kChat, {{"messages", Json::array({Json{{"role", "user"}, {"content", 5}}})}}).status,
      400);
}

TEST_F(OpenAi, TooLongAPromptSaysByHowMuch) {
  const int context = server().engine().options().context;
  const HttpReply reply =
      server().post(kCompletions, {{"prompt", std::vector<Token>(static_cast<std::size_t>(context), 300)}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error()["type"], "exceed_context_size_error");
  EXPECT_EQ(reply.error()["code"], "context_length_exceeded");
  EXPECT_EQ(reply.error()["n_prompt_tokens"], context);
  EXPECT_EQ(reply.error()["n_ctx"], context);
  EXPECT_THAT(reply.error()["message"].get<std::string>(),
              testing::HasSubstr("exceeds the available context size"));
}

}  // namespace
}  // namespace banyan
