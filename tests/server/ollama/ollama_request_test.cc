// Ollama's bodies to chats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/dialect/told.h"
#include "server/ollama/chat_request.h"
#include "server/ollama/generate_request.h"
#include "server/ollama/models.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OllamaRequest chat(const char* fields) {
  Json body = Json::parse(fields);
  if (!body.contains("messages")) body["messages"] = Json::parse(R"([{"role": "user", "content": "hi"}])");
  auto request = read_ollama_chat(body, {});
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return std::move(request).value_or(OllamaRequest());
}

GenerateRequest generation(const char* fields) {
  auto request = read_ollama_generate(Json::parse(fields), {});
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return std::move(request).value_or(GenerateRequest());
}

TEST(OllamaChat, OptionsAreRead) {
  const OllamaRequest request =
      chat(R"({"options": {"temperature": 0.5, "top_k": 3, "top_p": 0.25, "min_p": 0.125,
      "repeat_penalty": 1.5, "repeat_last_n": 10, "seed": 42, "num_predict": 9, "num_ctx": 4096, "num_gpu": 1,
      "stop": ["END"], "mirostat": 0}, "stream": false})");
  EXPECT_EQ(request.generation.sampling.temperature, 0.5f);
  EXPECT_EQ(request.generation.sampling.top_k, 3);
  EXPECT_EQ(request.generation.sampling.repeat_penalty, 1.5f);
  EXPECT_EQ(request.generation.sampling.penalty_last_n, 10);
  EXPECT_EQ(request.generation.sampling.seed, 42u);
  EXPECT_EQ(request.generation.max_tokens, 9);
  EXPECT_THAT(request.generation.stop, ElementsAre("END"));
  EXPECT_FALSE(request.streams);
  EXPECT_TRUE(chat("{}").streams);
  for (const char* most : {R"({"options": {"num_predict": -1}})", R"({"options": {"num_predict": -2}})",
                           R"({"options": {"num_predict": 0}})", "{}"}) {
    EXPECT_EQ(chat(most).generation.max_tokens, -1) << most;
  }
}

TEST(OllamaChat, CallsWithoutIdsGetSome) {
  EXPECT_THAT(
      told(chat(R"({"messages": [{"role": "system", "content": "Be brief."},
      {"role": "user", "content": "What is in a and b?"},
      {"role": "assistant", "content": "", "thinking": "Look.", "tool_calls": [
        {"function": {"name": "read", "arguments": {"path": "a"}}},
        {"function": {"name": "read", "arguments": {"path": "b"}}},
        {"id": "mine", "function": {"name": "list"}}]},
      {"role": "tool", "tool_name": "read", "content": "apples"},
      {"role": "tool", "content": "pears"},
      {"role": "tool", "tool_call_id": "mine", "content": "x"},
      {"role": "tool", "tool_name": "other", "content": "y"}]})")
               .chat.messages),
      ElementsAre(
          "system Be brief.", "user What is in a and b?",
          "assistant <Look.>  +read#call_0{\"path\": \"a\"} +read#call_1{\"path\": \"b\"} +list#mine{}",
          "tool read#call_0 apples", "tool read#call_1 pears", "tool list#mine x", "tool other y"));
}

TEST(OllamaChat, ToolsFormatsAndThinkingAreRead) {
  const ChatRequest request = chat(R"({"think": true, "format": {"type": "array"}, "tools": [
      {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]})")
                                  .chat;
  ASSERT_EQ(request.tools.size(), 1u);
  EXPECT_EQ(request.tools[0].name, "read");
  EXPECT_EQ(dump(request.schema->schema), R"({"type":"array"})");
  EXPECT_EQ(request.reasoning.enabled, true);
  EXPECT_EQ(dump(chat(R"({"format": "json"})").chat.schema->schema), R"({"type":"object"})");
  EXPECT_FALSE(chat(R"({"format": ""})").chat.schema);
  EXPECT_EQ(chat(R"({"think": false})").chat.reasoning.enabled, false);
  EXPECT_EQ(chat(R"({"think": "high"})").chat.reasoning.effort, "high");
  EXPECT_EQ(chat(R"({"think": "high"})").chat.reasoning.enabled, true);
  EXPECT_EQ(chat(R"({"think": "none"})").chat.reasoning.enabled, false);
  EXPECT_EQ(chat("{}").chat.reasoning.enabled, std::nullopt);
}

TEST(OllamaChat, ALastMessageOfTheAssistantsIsGoneOnFrom) {
  EXPECT_TRUE(chat(R"({"messages": [{"role": "user", "content": "hi"},
                                    {"role": "assistant", "content": "It is"}]})")
                  .chat.continues_last);
}

TEST(OllamaChat, WithoutMessagesTheModelIsLoadedOrUnloaded) {
  EXPECT_TRUE(chat(R"({"messages": []})").only_loads);
  EXPECT_FALSE(chat(R"({"messages": [], "keep_alive": "5m"})").unloads);
  EXPECT_FALSE(chat(R"({"messages": [], "keep_alive": -1})").unloads);
  EXPECT_TRUE(chat(R"({"messages": [], "keep_alive": 0})").unloads);
  EXPECT_TRUE(chat(R"({"messages": [], "keep_alive": "0s"})").unloads);
  EXPECT_FALSE(chat("{}").only_loads);
}

TEST(OllamaGenerate, APromptIsAChat) {
  const GenerateRequest request = generation(R"({"system": "Be brief.", "prompt": "hi", "context": [1, 2]})");
  EXPECT_THAT(told(request.chat.messages), ElementsAre("system Be brief.", "user hi"));
  EXPECT_THAT(request.context, ElementsAre(1, 2));
  EXPECT_FALSE(request.is_raw);
}

TEST(OllamaGenerate, ARawPromptIsNone) {
  const GenerateRequest request = generation(R"({"prompt": "<s>hi", "raw": true})");
  EXPECT_TRUE(request.is_raw);
  EXPECT_EQ(request.prompt, "<s>hi");
  EXPECT_TRUE(request.chat.messages.empty());
}

TEST(OllamaGenerate, SuffixesAndLoadsAreKnown) {
  EXPECT_EQ(generation(R"({"prompt": "a = ", "suffix": ";"})").suffix, ";");
  EXPECT_TRUE(generation(R"({"model": "tally"})").only_loads);
  EXPECT_FALSE(generation(R"({"prompt": "a"})").only_loads);
}

TEST(OllamaRequests, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"messages": 5})", "messages"},
      {R"({"messages": [5]})", "messages[0]"},
      {R"({"messages": [{"content": "x"}]})", "messages[0].role"},
      {R"({"messages": [{"role": "robot"}]})", "messages[0].role"},
      {R"({"messages": [{"role": "user", "content": 5}]})", "messages[0].content"},
      {R"({"messages": [{"role": "assistant", "tool_calls": [{}]}]})", "messages[0].tool_calls[0].function"},
      {R"({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}]})",
       "messages[0].tool_calls[0].function.arguments"},
      {R"({"tools": [{"type": "function"}]})", "tools[0].function"},
      {R"({"tools": [{"type": "function", "function": {}}]})", "tools[0].function.name"},
      {R"({"format": 5})", "format"},
      {R"({"format": "yaml"})", "format"},
      {R"({"think": 5})", "think"},
      {R"({"think": "banana"})", "think"},
      {R"({"options": {"temperature": "hot"}})", "options.temperature"},
      {R"({"options": {"stop": [5]}})", "options.stop[0]"},
      {R"({"keep_alive": []})", "keep_alive"},
  };
  for (const auto& [fields, name] : wrong) {
    const auto request = read_ollama_chat(Json::parse(fields), {});
    ASSERT_FALSE(request) << fields;
    EXPECT_EQ(request.error().code, Errc::invalid_argument) << fields;
    EXPECT_EQ(request.error().field, name) << fields;
    EXPECT_THAT(request.error().message, HasSubstr(name)) << fields;
  }
  const std::pair<const char*, const char*> wrong_generations[] = {
      {R"({"prompt": 5})", "prompt"},
      {R"({"prompt": "a", "context": [-1]})", "context[0]"},
      {R"({"prompt": "a", "context": [99999999999]})", "context[0]"},
      {R"({"prompt": "a", "context": [1], "raw": true})", "context"},
      {R"({"prompt": "a", "images": ["x"]})", "images"},
      {R"({"prompt": "a", "template": "{{ .Prompt }}"})", "template"},
      {R"({"prompt": "a", "options": {"mirostat": 2}})", "options.mirostat"},
  };
  for (const auto& [fields, name] : wrong_generations) {
    const auto request = read_ollama_generate(Json::parse(fields), {});
    ASSERT_FALSE(request) << fields;
    EXPECT_EQ(request.error().field, name) << fields;
  }
}

TEST(OllamaRequests, FieldsOfOtherDialectsAreNotIgnored) {
  for (const char* fields : {R"({"stop": ["a"]})", R"({"temperature": 0})", R"({"num_predict": 5})",
                             R"({"tool_choice": "required"})", R"({"system": "Be brief."})"}) {
    Json body = Json::parse(fields);
    const std::string name = body.begin().key();
    body["messages"] = Json::parse(R"([{"role": "user", "content": "hi"}])");
    const auto request = read_ollama_chat(body, {});
    ASSERT_FALSE(request) << fields;
    EXPECT_EQ(request.error().field, name) << fields;
  }
  chat(R"({"tool_choice": "auto", "stop": [], "x_unknown": 5})");
  EXPECT_FALSE(read_ollama_generate(Json::parse(R"({"prompt": "a", "temperature": 0})"), {}));
}

TEST(OllamaRequests, PicturesAreRefused) {
  const auto request = read_ollama_chat(
      Json::parse(R"({"messages": [{"role": "user", "content": "x", "images": ["AAAA"]}]})"), {});
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Errc::unsupported);
  EXPECT_EQ(request.error().field, "messages[0].images");
  EXPECT_TRUE(
      read_ollama_chat(Json::parse(R"({"messages": [{"role": "user", "content": "x", "images": []}]})"), {}));
}

TEST(OllamaNames, HaveTheTagLatestUnlessTheySayAnother) {
  EXPECT_TRUE(is_named("tally", "tally"));
  EXPECT_TRUE(is_named("tally:latest", "tally"));
  EXPECT_TRUE(is_named("tally", "tally:latest"));
  EXPECT_TRUE(is_named("host:80/org/tally:latest", "host:80/org/tally"));
  EXPECT_TRUE(is_named("org/tally:7b", "org/tally:7b"));
  EXPECT_FALSE(is_named("tally:7b:latest", "tally:7b"));
  EXPECT_FALSE(is_named("tally:7b", "tally"));
  EXPECT_FALSE(is_named("tally", "org/tally"));
}

}  // namespace
}  // namespace banyan
