// Anthropic's bodies to chats.
#include "server/anthropic/messages_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/dialect/sealed_thought.h"
#include "server/dialect/told.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

MessagesRequest read(const std::string& fields,
                     const char* messages = R"([{"role": "user", "content": "hi"}])") {
  Json body = Json::parse(fields);
  if (!body.contains("messages")) body["messages"] = Json::parse(messages);
  if (!body.contains("max_tokens")) body["max_tokens"] = 100;
  auto request = read_messages_request(body, {});
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return std::move(request).value_or(MessagesRequest());
}

std::vector<std::string> history(const char* fields) { return told(read(fields).chat.messages); }

Error error_of(const char* fields) {
  Json body = {{"max_tokens", 5}, {"messages", Json::parse(R"([{"role": "user", "content": "hi"}])")}};
  body.update(Json::parse(fields));
  const auto request = read_messages_request(body, {});
  return request ? Error{Errc::io, "there was none"} : request.error();
}

TEST(AnthropicRequest, TextsAndBlocksAreTheSame) {
  EXPECT_THAT(history(R"({"system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]})"),
              ElementsAre("system Be brief.", "user hi"));
  EXPECT_THAT(history(R"({"system": [{"type": "text", "text": "Be brief."}], "messages":
                          [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})"),
              ElementsAre("system Be brief.", "user hi"));
}

TEST(AnthropicRequest, MarksAreRestorePoints) {
  const char* mark = R"({"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                                    {"type": "text", "text": "b", "cache_control": null}],
                         "messages": [{"role": "user", "content": [{"type": "text", "text": "c",
                                       "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}]})";
  EXPECT_THAT(history(mark), ElementsAre("system a*|b", "user c*"));
  EXPECT_THAT(history(R"({"cache_control": {"type": "ephemeral"}})"), ElementsAre("user hi*"));
}

TEST(AnthropicRequest, BillingIsLeftOut) {
  EXPECT_THAT(
      history(R"({"system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.7;"},
                                     {"type": "text", "text": "You are an agent."}]})"),
      ElementsAre("system You are an agent.", "user hi"));
  EXPECT_THAT(history(R"({"system": "x-anthropic-billing-header: cc_version=2.1.7;\nYou are an agent."})"),
              ElementsAre("system You are an agent.", "user hi"));
  EXPECT_THAT(history(R"({"system": "x-anthropic-billing-header: cc_version=2.1.7;"})"),
              ElementsAre("user hi"));
}

TEST(AnthropicRequest, SystemMessagesStayWhereTheyAre) {
  EXPECT_THAT(history(R"({"messages": [{"role": "user", "content": "hi"},
                                       {"role": "system", "content": "Today is Friday."}]})"),
              ElementsAre("user hi", "system Today is Friday."));
}

TEST(AnthropicRequest, CallsAndResultsAreMessagesOfTheirOwn) {
  EXPECT_THAT(history(R"({"messages": [
      {"role": "user", "content": "What is in a.txt and b.txt?"},
      {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "I must look.", "signature": "x"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a.txt"}},
        {"type": "tool_use", "id": "t2", "name": "list", "input": {}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t1", "content": "apples"},
        {"type": "tool_result", "tool_use_id": "t2", "is_error": true, "cache_control": {"type": "ephemeral"},
         "content": [{"type": "text", "text": "no such"}, {"type": "text", "text": " folder"}]},
        {"type": "text", "text": "Go on."}]}]})"),
              ElementsAre("user What is in a.txt and b.txt?",
                          "assistant <I must look.> I look. +read#t1{\"path\": \"a.txt\"} +list#t2{}",
                          "tool read#t1 apples", "tool list#t2 Error: |no such| folder*", "user Go on."));
}

TEST(AnthropicRequest, WhatIsSaidBeforeAResultStaysBeforeIt) {
  EXPECT_THAT(history(R"({"messages": [
      {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
      {"role": "user", "content": [
      {"type": "text", "text": "Here:"}, {"type": "tool_result", "tool_use_id": "t1"}]}]})"),
              ElementsAre("assistant +f#t1{}", "user Here:", "tool f#t1"));
}

TEST(AnthropicRequest, DocumentsOfTextAreText) {
  EXPECT_THAT(history(R"({"messages": [{"role": "user", "content": [
      {"type": "document", "title": "Notes", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
      {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "y"}]},
       "cache_control": {"type": "ephemeral"}}]}]})"),
              ElementsAre("user Notes\n|x|y*"));
}

TEST(AnthropicRequest, ThoughtsThatWereNotShownComeBackInTheirSignatures) {
  Json body = Json::parse(R"({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"},
      {"role": "assistant", "content": [{"type": "thinking", "thinking": ""}, {"type": "text", "text": "yes"}]},
      {"role": "user", "content": "so?"}]})");
  Json& signature = body["messages"][1]["content"][0]["signature"];
  signature = seal_thought("deep");
  EXPECT_EQ(told(read_messages_request(body, {})->chat.messages[1]), "assistant <deep> yes");
  signature = "from elsewhere";
  EXPECT_EQ(told(read_messages_request(body, {})->chat.messages[1]), "assistant yes");
}

TEST(AnthropicRequest, ALastMessageOfTheAssistantsIsGoneOnFrom) {
  const MessagesRequest request = read(R"({"messages": [{"role": "user", "content": "hi"},
                                          {"role": "assistant", "content": "It is {"}]})");
  EXPECT_TRUE(request.chat.continues_last);
  EXPECT_FALSE(request.chat.opens_reply);
  EXPECT_FALSE(read("{}").chat.continues_last);
}

TEST(AnthropicRequest, ThinkingIsOffUnlessAskedFor) {
  EXPECT_EQ(read("{}").chat.reasoning.enabled, false);
  const MessagesRequest enabled = read(R"({"thinking": {"type": "enabled", "budget_tokens": 2048}})");
  EXPECT_EQ(enabled.chat.reasoning.enabled, true);
  EXPECT_EQ(enabled.chat.reasoning.budget, 2048);
  EXPECT_FALSE(enabled.hides_thoughts);
  const MessagesRequest adaptive = read(R"({"thinking": {"type": "adaptive", "display": "omitted"},
                                            "output_config": {"effort": "high"}})");
  EXPECT_EQ(adaptive.chat.reasoning.enabled, true);
  EXPECT_EQ(adaptive.chat.reasoning.budget, -1);
  EXPECT_EQ(adaptive.chat.reasoning.effort, "high");
  EXPECT_TRUE(adaptive.hides_thoughts);
  EXPECT_EQ(read(R"({"thinking": {"type": "disabled"}})").chat.reasoning.enabled, false);
  EXPECT_EQ(read(R"({"output_config": {"effort": "high"}})").chat.reasoning.enabled, false);
  EXPECT_EQ(error_of(R"({"output_config": {"effort": "banana"}})").field, "output_config.effort");
  EXPECT_EQ(error_of(R"({"thinking": {"type": "enabled"}})").field, "thinking.budget_tokens");
}

TEST(AnthropicRequest, FieldsOfOtherDialectsAreNotIgnored) {
  EXPECT_EQ(error_of(R"({"stop": ["a"]})").field, "stop");
  EXPECT_EQ(error_of(R"({"max_completion_tokens": 5})").field, "max_completion_tokens");
  EXPECT_EQ(error_of(R"({"response_format": {"type": "json_object"}})").field, "response_format");
  EXPECT_EQ(error_of(R"({"stop": "a"})").message,
            "`stop` is a field of OpenAI's chat; here it is `stop_sequences`");
  EXPECT_EQ(error_of(R"({"x_unknown": 5})").code, Errc::io) << "there is none";
}

TEST(AnthropicRequest, ResultsAreOfCallsBeforeThem) {
  const Error error = error_of(R"({"messages": [{"role": "user", "content": [
      {"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}]}]})");
  EXPECT_EQ(error.field, "tool_use_id");
  EXPECT_THAT(error.message, HasSubstr("\"toolu_9\""));
}

TEST(AnthropicRequest, SchemasComeByBothNames) {
  for (const char* fields :
       {R"({"output_config": {"format": {"type": "json_schema", "schema": {"type": "array"}}}})",
        R"({"output_format": {"type": "json_schema", "schema": {"type": "array"}}})"}) {
    const auto schema = read(fields).chat.schema;
    ASSERT_TRUE(schema) << fields;
    EXPECT_EQ(dump(schema->schema), R"({"type":"array"})");
  }
}

TEST(AnthropicRequest, ToolsThatOthersRunAreLeftOut) {
  const ChatRequest chat = read(R"({"tools": [
      {"name": "read", "description": "Reads.", "input_schema": {"type": "object"}, "defer_loading": true,
       "cache_control": {"type": "ephemeral"}},
      {"type": "custom", "name": "write", "input_schema": {"type": "object"}, "strict": true,
       "eager_input_streaming": true},
      {"type": "web_search_20250305", "name": "web_search"}]})")
                               .chat;
  ASSERT_EQ(chat.tools.size(), 2u);
  EXPECT_EQ(chat.tools[0].name, "read");
  EXPECT_EQ(chat.tools[0].description, "Reads.");
  EXPECT_EQ(dump(chat.tools[0].parameters), R"({"type":"object"})");
  EXPECT_FALSE(chat.tools[0].is_strict);
  EXPECT_TRUE(chat.tools[1].is_strict);
}

TEST(AnthropicRequest, EveryToolChoiceIsKnown) {
  const auto choice = [](const std::string& json) {
    return read(R"({"tools": [{"name": "a"}, {"name": "b"}], "tool_choice": )" + json + "}").chat;
  };
  EXPECT_EQ(choice(R"({"type": "auto"})").tool_choice.mode, ToolChoice::Mode::automatic);
  EXPECT_EQ(choice(R"({"type": "none"})").tool_choice.mode, ToolChoice::Mode::none);
  EXPECT_EQ(choice(R"({"type": "any"})").tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_TRUE(choice(R"({"type": "any"})").parallel_calls);
  const ChatRequest named = choice(R"({"type": "tool", "name": "b", "disable_parallel_tool_use": true})");
  EXPECT_EQ(named.tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_THAT(named.tool_choice.allowed, ElementsAre("b"));
  EXPECT_FALSE(named.parallel_calls);
}

TEST(AnthropicRequest, SamplingAndStopsAreRead) {
  const MessagesRequest request =
      read(R"({"temperature": 0.5, "top_p": 0.25, "top_k": 3, "seed": 7, "stream": true,
      "stop_sequences": ["END", ""], "metadata": {"user_id": "u"}, "context_management": {}, "safeguards": {}})");
  EXPECT_EQ(request.generation.sampling.temperature, 0.5f);
  EXPECT_EQ(request.generation.sampling.top_p, 0.25f);
  EXPECT_EQ(request.generation.sampling.top_k, 3);
  EXPECT_EQ(request.generation.sampling.seed, 7u);
  EXPECT_EQ(request.generation.max_tokens, 100);
  EXPECT_THAT(request.generation.stop, ElementsAre("END"));
  EXPECT_TRUE(request.streams);
}

TEST(AnthropicRequest, OnlyCountingNeedsNoMaxTokens) {
  const Json body = Json::parse(R"({"messages": [{"role": "user", "content": "hi"}]})");
  EXPECT_TRUE(read_count_request(body));
  EXPECT_EQ(read_messages_request(body, {}).error().field, "max_tokens");
}

TEST(AnthropicRequest, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"messages": []})", "messages"},
      {R"({"messages": 5})", "messages"},
      {R"({"messages": [5]})", "messages[0]"},
      {R"({"messages": [{"role": "robot", "content": "x"}]})", "messages[0].role"},
      {R"({"messages": [{"role": "user"}]})", "messages[0].content"},
      {R"({"messages": [{"role": "user", "content": 5}]})", "messages[0].content"},
      {R"({"messages": [{"role": "user", "content": [{"text": "x"}]}]})", "messages[0].content[0].type"},
      {R"({"messages": [{"role": "user", "content": [{"type": "text"}]}]})", "messages[0].content[0].text"},
      {R"({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]})",
       "messages[0].content[0].tool_use_id"},
      {R"({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t"}]}]})",
       "messages[0].content[0].name"},
      {R"({"system": [{"type": "text", "text": 5}]})", "system[0].text"},
      {R"({"tools": [{"name": ""}]})", "tools[0].name"},
      {R"({"tools": [{"name": "a", "input_schema": []}]})", "tools[0].input_schema"},
      {R"({"tool_choice": {"type": "sometimes"}})", "tool_choice.type"},
      {R"({"tool_choice": {"type": "any"}})", "tool_choice"},
      {R"({"tools": [{"name": "a"}], "tool_choice": {"type": "tool", "name": "b"}})", "tool_choice"},
      {R"({"thinking": {"type": "enabled"}})", "thinking.budget_tokens"},
      {R"({"thinking": {"type": "loud"}})", "thinking.type"},
      {R"({"output_config": {"format": {"type": "json_schema"}}})", "output_config.format.schema"},
      {R"({"stop_sequences": ["a", 5]})", "stop_sequences[1]"},
      {R"({"max_tokens": -1})", "max_tokens"},
      {R"({"stream": "yes"})", "stream"},
  };
  for (const auto& [fields, name] : wrong) {
    const Error error = error_of(fields);
    EXPECT_EQ(error.code, Errc::invalid_argument) << fields;
    EXPECT_EQ(error.field, name) << fields;
    EXPECT_THAT(error.message, HasSubstr(name)) << fields;
  }
}

TEST(AnthropicRequest, PicturesOfTheUserAreRefused) {
  const Error error = error_of(R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"},
                                     {"type": "image", "source": {}}]}]})");
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_EQ(error.field, "messages[0].content[1].type");
  EXPECT_THAT(error.message, HasSubstr("reads text only"));
}

// An agent sends it with every request from then on.
TEST(AnthropicRequest, APictureThatAToolGaveIsAFewWords) {
  const Json body = Json::parse(R"({"max_tokens": 9, "messages": [
      {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [
       {"type": "text", "text": "x"}, {"type": "image", "source": {}}]}]}]})");
  EXPECT_EQ(told(read_messages_request(body, {})->chat.messages[1]),
            "tool f#t x|[a picture, which this model cannot see]");
}

TEST(AnthropicRequest, ThreadsAreRefused) {
  const Error error = error_of(R"({"thread": {"type": "create"}})");
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_EQ(error.field, "thread");
  EXPECT_EQ(error_of(R"({"thread": {"type": "continue", "previous_message_id": "msg_1"}})").field, "thread");
}

}  // namespace
}  // namespace banyan
