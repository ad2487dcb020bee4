#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "chat/reply/reply_form.h"
#include "chat/reply_families.h"
#include "sampling/grammar/matcher.h"
#include "support/shipped_model.h"

namespace banyan {
namespace {

using test::ReplyFamily;

Message calling(const ReplyFamily& family, const std::vector<std::string>& arguments,
                const std::string& thought = "") {
  Message message{.role = Role::assistant, .reasoning = thought};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    message.calls.push_back(
        {test::call_id(family, "get_weather", static_cast<int>(i)), "get_weather", arguments[i]});
  }
  return message;
}

ChatRequest required() {
  ChatRequest request = test::weather_request();
  request.tool_choice.mode = ToolChoice::Mode::required;
  return request;
}

GrammarMatcher matcher_of(const std::string& grammar) {
  const auto parsed = Grammar::parse(shipped_vocabulary(), grammar);
  if (!parsed) throw std::runtime_error(parsed.error().message + "\n" + grammar);
  EXPECT_TRUE(GrammarMatcher::passes_trial(*parsed)) << grammar;
  return GrammarMatcher(*parsed);
}

bool fits(const std::string& grammar, std::string_view text) {
  GrammarMatcher matcher = matcher_of(grammar);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!matcher.accept(0, text.substr(i, 1))) return false;
  }
  return matcher.can_end();
}

bool fits(const ReplyFamily& family, const ChatRequest& request, const Message& reply) {
  const auto rendered = test::render_reply(family, request, reply);
  const auto grammar = reply_grammar(test::learned_form(family), request, rendered.prompt);
  if (!grammar) throw std::runtime_error(grammar.error().message);
  EXPECT_THAT(grammar->triggers, testing::IsEmpty());
  return fits(grammar->grammar, rendered.reply);
}

bool opens(const ReplyFamily& family) {
  const ChatRequest request = test::weather_request();
  return opens_thought(test::learned_form(family), request, test::render(family, request));
}

// The prompt tells of tools, and the reply must not call them.
TEST(ReplyGrammar, WithoutAChoiceOfToolsTakesNoCall) {
  ChatRequest request = test::weather_request();
  request.tool_choice.mode = ToolChoice::Mode::none;
  int kept = 0;
  for (const ReplyFamily& family : test::reply_families()) {
    if (family.name == "none") continue;
    SCOPED_TRACE(family.name);
    const std::string thought = family.thinks && opens(family) ? "Hm." : "";
    const Message says{
        .role = Role::assistant, .content = {{.text = "It is [12] < 30."}}, .reasoning = thought};
    const auto rendered = test::render_reply(family, request, says);
    const auto grammar = reply_grammar(test::learned_form(family), request, rendered.prompt);
    ASSERT_TRUE(grammar);
    if (grammar->grammar.empty()) continue;  // calls look like text
    ++kept;
    EXPECT_TRUE(grammar->is_optional);
    EXPECT_TRUE(fits(family, request, says)) << grammar->grammar;
    EXPECT_FALSE(fits(family, request, calling(family, {R"({"city": "Oslo", "days": 3})"}, thought)));
  }
  EXPECT_GT(kept, 5);
}

TEST(ReplyGrammar, TakesTheCallsThatTemplatesWrite) {
  const std::string plain = R"({"city": "Oslo", "days": 3})";
  for (const ReplyFamily& family : test::reply_families()) {
    if (family.name == "none") continue;
    SCOPED_TRACE(family.name);
    const std::string thought = family.thinks && opens(family) ? "Hm <b>." : "";
    EXPECT_TRUE(fits(family, required(), calling(family, {plain}, thought)));
    if (family.thinks) {
      EXPECT_TRUE(fits(family, required(), calling(family, {plain}, "So\nbe it.")));
    }
    if (family.name != "lfm2.5") {
      EXPECT_TRUE(fits(family, required(),
                       calling(family, {R"({"city": "a \"b\"\n<c>", "hourly": false})"}, thought)));
    }
    EXPECT_FALSE(
        fits(family, required(), calling(family, {R"({"city": "Oslo", "days": "three"})"}, thought)));
    EXPECT_FALSE(fits(family, required(), calling(family, {R"({"days": 3})"}, thought)));
    if (!family.calls_several || family.name == "gpt-oss") continue;
    EXPECT_TRUE(fits(family, required(), calling(family, {plain, plain}, thought)));
    ChatRequest one = required();
    one.parallel_calls = false;
    EXPECT_TRUE(fits(family, one, calling(family, {plain}, thought)));
    EXPECT_FALSE(fits(family, one, calling(family, {plain, plain}, thought)));
  }
}

TEST(ReplyGrammar, OnlyNamedToolsAreCalled) {
  const ReplyFamily& family = test::reply_family("hermes");
  ChatRequest request = required();
  request.tool_choice.allowed = {"note"};
  EXPECT_FALSE(fits(family, request, calling(family, {R"({"city": "Oslo"})"})));
  request.tool_choice.allowed = {"get_weather"};
  EXPECT_TRUE(fits(family, request, calling(family, {R"({"city": "Oslo"})"})));
}

TEST(ReplyGrammar, TakesHoldWhenTheModelOpensACall) {
  const ChatRequest request = test::weather_request();
  const auto grammar = [&](const std::string& name) {
    const ReplyFamily& family = test::reply_family(name);
    return reply_grammar(test::learned_form(family), request, test::render(family, request)).value();
  };
  const std::string call =
      "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
  EXPECT_THAT(grammar("hermes").triggers, testing::ElementsAre("<tool_call>"));
  EXPECT_TRUE(fits(grammar("hermes").grammar, call));
  EXPECT_TRUE(fits(grammar("hermes").grammar, call + "\n" + call));
  EXPECT_FALSE(fits(grammar("hermes").grammar,
                    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>"));
  // What a thought says of calls is none.
  EXPECT_THAT(grammar("qwen3").triggers, testing::ElementsAre("<tool_call>", "<think>"));
  EXPECT_TRUE(fits(grammar("qwen3").grammar, "<think>\na <tool_call> b\n</think>\n\nWell.\n" + call));
  EXPECT_TRUE(fits(grammar("qwen3").grammar, "<think>\na <tool_call> b\n</think>\n\nWell."));
  EXPECT_THAT(grammar("qwq").triggers, testing::ElementsAre("</think>"));
  EXPECT_TRUE(fits(grammar("qwq").grammar, "</think>\n\nWell.\n" + call));
  EXPECT_FALSE(fits(grammar("qwq").grammar, "</think>\n\nWell.\n<tool_call> or so"));
  // A bare JSON object may be anything.
  EXPECT_EQ(grammar("llama3").grammar, "");
}

TEST(ReplyGrammar, AReplyKeepsToItsSchema) {
  ChatRequest request = test::weather_request();
  request.tools.clear();
  request.schema =
      ReplySchema{.schema = Json::parse(
                      R"({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})")};
  const auto takes = [&](const std::string& name, const std::string& reply) {
    const ReplyFamily& family = test::reply_family(name);
    return fits(
        reply_grammar(test::learned_form(family), request, test::render(family, request)).value().grammar,
        reply);
  };
  EXPECT_TRUE(takes("hermes", R"({"n": 1})"));
  EXPECT_FALSE(takes("hermes", R"({"n": "1"})"));
  EXPECT_TRUE(takes("qwq", "{x}\n</think>\n\n{\"n\": 1}"));
  EXPECT_FALSE(takes("qwq", "{\"n\": 1}"));
  EXPECT_TRUE(takes("qwen3", "<think>\nx\n</think>\n\n{\"n\": 1}"));
  EXPECT_TRUE(takes("qwen3", "{\"n\": 1}"));
  EXPECT_TRUE(
      takes("gpt-oss",
            "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>{\"n\": 1}"));
  EXPECT_TRUE(takes("functionary3.2", "all\n{\"n\": 1}"));
  EXPECT_TRUE(takes("kimi-k3", "x<|close|>think<|sep|><|open|>response<|sep|>{\"n\": 1}"));
}

TEST(ReplyGrammar, WhatASchemaCannotKeepIsNamed) {
  ChatRequest request = required();
  request.tools[1].parameters =
      Json::parse(R"({"type": "object", "properties": {"text": {"$ref": "#/nothing"}}})");
  const auto grammar = reply_grammar(test::learned_form(test::reply_family("hermes")), request, "");
  ASSERT_FALSE(grammar);
  EXPECT_EQ(grammar.error().field, "tools");
  EXPECT_THAT(grammar.error().message, testing::HasSubstr("\"note\""));
}

TEST(ReplyGrammar, LongTextsBetweenTagsAreFollowed) {
  const ReplyFamily& family = test::reply_family("qwen3-coder");
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "x </para \n";
  Message message{.role = Role::assistant};
  message.calls.push_back({"id", "note", Json({{"text", text}}).dump()});
  EXPECT_TRUE(fits(family, required(), message));
}

TEST(ReplyGrammar, WithoutToolsAndSchemaThereIsNone) {
  ChatRequest request = test::weather_request();
  request.tool_choice.mode = ToolChoice::Mode::none;
  EXPECT_EQ(reply_grammar(ReplyForm{}, request, "").value().grammar, "");
}

}  // namespace
}  // namespace banyan
