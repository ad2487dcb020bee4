// Grammars of tools with schemas that are careless, large, or of unusual forms.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "chat/reply/grammar_text.h"
#include "chat/reply/reply_form.h"
#include "chat/reply_families.h"
#include "sampling/grammar/matcher.h"
#include "support/shipped_model.h"

namespace banyan {
namespace {

ChatRequest request_of(const std::string& parameters, bool is_strict = false) {
  ChatRequest request = test::weather_request();
  request.tools = {{.name = "f", .parameters = Json::parse(parameters), .is_strict = is_strict}};
  request.tool_choice.mode = ToolChoice::Mode::required;
  return request;
}

Result<ReplyGrammar> grammar_of(const std::string& family, const ChatRequest& request) {
  return reply_grammar(test::learned_form(test::reply_family(family)), request, "");
}

bool fits(const std::string& grammar, std::string_view text) {
  const auto parsed = Grammar::parse(shipped_vocabulary(), grammar);
  if (!parsed) throw std::runtime_error(parsed.error().message + "\n" + grammar);
  EXPECT_TRUE(GrammarMatcher::passes_trial(*parsed)) << grammar;
  GrammarMatcher matcher(*parsed);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!matcher.accept(0, text.substr(i, 1))) return false;
  }
  return matcher.can_end();
}

// Of a call of "f" in Qwen3-Coder's form, with these arguments.
bool takes_tagged(const std::string& parameters,
                  const std::vector<std::pair<std::string, std::string>>& all) {
  std::string call = "<tool_call>\n<function=f>\n";
  for (const auto& [name, value] : all) call += "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
  return fits(grammar_of("qwen3-coder", request_of(parameters)).value().grammar,
              call + "</function>\n</tool_call>");
}

bool takes_literals(const std::string& parameters, const std::string& arguments) {
  return fits(grammar_of("lfm2.5", request_of(parameters)).value().grammar,
              "<|tool_call_start|>[f(" + arguments + ")]<|tool_call_end|>");
}

TEST(ToolGrammar, ReferencesAreThoseOfTheWholeSchema) {
  const std::string tree = R"({"type": "object", "properties": {
    "node": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "nodes": {"type": "array", "items": {"$ref": "#/properties/node"}}, "self": {"$ref": "#"}}})";
  EXPECT_TRUE(takes_tagged(tree, {{"nodes", R"([{"n": 1}])"}}));
  EXPECT_FALSE(takes_tagged(tree, {{"nodes", R"([{"n": "1"}])"}}));
  EXPECT_TRUE(takes_tagged(tree, {{"self", R"({"node": {"n": 1}})"}}));
  EXPECT_FALSE(takes_tagged(tree, {{"self", R"({"node": 1})"}}));
}

TEST(ToolGrammar, ManyArgumentsShareOneLargeSchema) {
  Json parameters = {{"type", "object"}, {"properties", Json::object()}};
  for (int i = 0; i < 512; ++i) {
    parameters["properties"]["p" + std::to_string(i)] = {{"type", "integer"}};
    parameters["required"].push_back("p" + std::to_string(i));
  }
  parameters["$defs"]["values"]["enum"] = std::vector<int>(100'000, 1);
  ChatRequest request = request_of("{}");
  request.tools[0].parameters = parameters;
  EXPECT_TRUE(grammar_of("qwen3-coder", request));
}

TEST(ToolGrammar, ACarelessSchemaIsLeftOutWhereNoCallIsAskedFor) {
  for (const char* family : {"hermes", "qwen3-coder", "gpt-oss", "lfm2.5"}) {
    for (const char* parameters :
         {R"({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "any"}}}})",
          R"({"type": "object", "properties": {"a": {"type": "integer", "$ref": "http://x"}}})"}) {
      ChatRequest request = request_of(parameters);
      request.tools.push_back(test::weather_request().tools[0]);
      request.tool_choice.mode = ToolChoice::Mode::automatic;
      const auto made = grammar_of(family, request);
      ASSERT_TRUE(made) << family << made.error().message;
      EXPECT_TRUE(made->is_optional);
      EXPECT_NE(made->grammar, "");
    }
  }
  ChatRequest request = request_of(R"({"type": "object", "properties": {"a": {"type": "any"}}})");
  request.tool_choice.mode = ToolChoice::Mode::automatic;
  EXPECT_TRUE(fits(grammar_of("hermes", request).value().grammar,
                   "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1]}}\n</tool_call>"));
  request.tools[0].is_strict = true;
  EXPECT_FALSE(grammar_of("hermes", request));
}

TEST(ToolGrammar, HundredsOfToolsShareWhatTheyHaveInCommon) {
  ChatRequest request = request_of("{}");
  request.tools.clear();
  for (int i = 0; i < 200; ++i) {
    const std::string name = "tool_" + std::to_string(i);
    request.tools.push_back({.name = name, .parameters = {{"type", "object"}}});
    request.tools.back().parameters["properties"] = {
        {name, {{"type", "string"}}}, {"limit", {{"type", "integer"}}}, {"filter", {{"type", "object"}}}};
  }
  const auto made = grammar_of("hermes", request);
  ASSERT_TRUE(made);
  EXPECT_TRUE(Grammar::parse(shipped_vocabulary(), made->grammar));
}

TEST(ToolGrammar, TooManyToolsHaveNoGrammarWhereNoCallIsAskedFor) {
  ChatRequest request = request_of("{}");
  request.tools.clear();
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "tool_" + std::to_string(i);
    request.tools.push_back({.name = name, .parameters = {{"type", "object"}}});
    request.tools.back().parameters["properties"] = {{name, {{"pattern", "^(a|b)*" + name + "(a|b){9}$"}}}};
  }
  EXPECT_FALSE(grammar_of("hermes", request));
  EXPECT_FALSE(grammar_of("qwen3-coder", request));
  request.tool_choice.mode = ToolChoice::Mode::automatic;
  EXPECT_EQ(grammar_of("hermes", request).value().grammar, "");
  EXPECT_EQ(grammar_of("qwen3-coder", request).value().grammar, "");
}

TEST(ToolGrammar, TextWithoutAMarkerTakesLinearTime) {
  GrammarText grammar;
  const std::string name = grammar.text_without("<ab<abc>");
  const std::string text = grammar.print(name).value();
  EXPECT_TRUE(fits(text, "<ab<ab<ab <abc> <<ab<ab<"));
  EXPECT_FALSE(fits(text, "x<ab<ab<abc>"));
  std::string large;
  for (int i = 0; i < 100'000; ++i) large += static_cast<char>('a' + i % 7 + i % 11);
  grammar.text_without(large);
  EXPECT_FALSE(grammar.print(name));
}

TEST(ToolGrammar, ArgumentsThatNoPropertyNamesAreTaken) {
  for (const char* parameters : {R"({"type": "object"})", R"({"additionalProperties": {"type": "string"}})",
                                 R"({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})"}) {
    EXPECT_TRUE(takes_tagged(parameters, {{"a", "x < y"}, {"b", "2"}})) << parameters;
    EXPECT_TRUE(takes_tagged(parameters, {})) << parameters;
    EXPECT_TRUE(takes_literals(parameters, "a='x', b=[1]")) << parameters;
    EXPECT_TRUE(takes_literals(parameters, "")) << parameters;
  }
  EXPECT_FALSE(
      takes_tagged(R"({"type": "object", "properties": {}, "additionalProperties": false})", {{"a", "x"}}));
  const std::string behind =
      R"({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"n": {"type": "integer"}}}}})";
  EXPECT_TRUE(takes_tagged(behind, {{"n", "1"}}));
  EXPECT_FALSE(takes_tagged(behind, {{"n", "x"}}));
  EXPECT_TRUE(takes_literals(behind, "n=1"));
}

TEST(ToolGrammar, AllValuesOfAnEnumAreTaken) {
  const std::string parameters =
      R"({"properties": {"a": {"type": ["string", "null"], "enum": ["x", "y", null]}, "b": {"enum": [1, "auto"]}}})";
  for (const char* value : {"x", "y", "null"}) EXPECT_TRUE(takes_tagged(parameters, {{"a", value}})) << value;
  EXPECT_TRUE(takes_tagged(parameters, {{"b", "1"}}));
  EXPECT_TRUE(takes_tagged(parameters, {{"b", "auto"}}));
  EXPECT_FALSE(takes_tagged(parameters, {{"a", "z"}}));
  EXPECT_TRUE(takes_literals(parameters, "a=None, b=1"));
  EXPECT_FALSE(takes_literals(parameters, "b=2"));
}

TEST(ToolGrammar, TextsOfAnEnumAreEscaped) {
  const std::string parameters = R"({"properties": {"a": {"enum": ["C:\\new", "a', b", "x\ny"]}}})";
  for (const char* value : {R"('C:\\new')", R"('a\', b')", R"('x\ny')"}) {
    EXPECT_TRUE(takes_literals(parameters, std::string("a=") + value)) << value;
  }
  EXPECT_FALSE(takes_literals(parameters, R"(a='C:\new')"));
}

TEST(ToolGrammar, IntegersOf64BitsAreTaken) {
  EXPECT_TRUE(takes_literals(R"({"properties": {"id": {"type": "integer"}}})", "id=1234567890123456789"));
  EXPECT_TRUE(
      takes_tagged(R"({"properties": {"id": {"type": "integer"}}})", {{"id", "1234567890123456789"}}));
}

TEST(ToolGrammar, WhatAStrictToolCannotKeepIsAnError) {
  const auto message = [](const std::string& family, const std::string& property) {
    const auto made = grammar_of(family, request_of(R"({"properties": {"a": )" + property + "}}", true));
    return made ? "" : made.error().message;
  };
  EXPECT_THAT(message("qwen3-coder", R"({"type": "string", "pattern": "^[0-9]{4}$"})"),
              testing::HasSubstr("pattern"));
  EXPECT_EQ(message("qwen3-coder", R"({"type": "integer", "minimum": 3})"), "");
  EXPECT_EQ(message("qwen3-coder", R"({"type": "string"})"), "");
  EXPECT_THAT(message("lfm2.5", R"({"type": "integer", "minimum": 3})"), testing::HasSubstr("minimum"));
  EXPECT_EQ(message("lfm2.5", R"({"type": "integer"})"), "");
  EXPECT_EQ(message("hermes", R"({"type": "string", "pattern": "^[0-9]{4}$"})"), "");
}

TEST(ToolGrammar, MarkersAroundTextsMayComeBehindAThought) {
  // In this form they are control tokens.
  const ReplyForm form = {.reasoning = {"<think>", "</think>"},
                          .call = plain_call_form(),
                          .silent = {.text_begin = "<|im_start|>", .text_end = "<|im_end|>"}};
  ChatRequest request = request_of("{}");
  request.tool_choice.mode = ToolChoice::Mode::automatic;
  const auto made = reply_grammar(form, request, "<think>\n").value();
  const Vocabulary& vocabulary = shipped_vocabulary();
  GrammarMatcher matcher(Grammar::parse(vocabulary, made.grammar, true).value());
  for (const Token token : vocabulary.tokenize("</think>\n<|im_start|>Well.", false, true)) {
    EXPECT_TRUE(matcher.accept(token, vocabulary.piece(token))) << vocabulary.piece(token, true);
  }
  EXPECT_TRUE(matcher.can_end());
}

TEST(ToolGrammar, AReplyInAnOpenMessageBeginsAnotherForItsCall) {
  const ReplyForm form = test::learned_form(test::reply_family("gpt-oss"));
  const ChatRequest request = request_of("{}");
  const auto takes = [&](const std::string& prompt, const std::string& reply) {
    return fits(reply_grammar(form, request, prompt).value().grammar, reply);
  };
  const std::string call = " to=functions.f<|channel|>commentary json<|message|>{}<|call|>";
  EXPECT_TRUE(takes("<|start|>assistant", call));
  const std::string open = "<|start|>assistant<|channel|>final<|message|>";
  EXPECT_FALSE(takes(open, call));
  EXPECT_TRUE(takes(open, "<|end|><|start|>assistant" + call));
  EXPECT_TRUE(
      takes("<|start|>assistant<|channel|>analysis<|message|>So", " be it.<|end|><|start|>assistant" + call));
  ChatRequest keeping = request;
  keeping.tools.clear();
  keeping.tool_choice.mode = ToolChoice::Mode::automatic;
  keeping.schema = ReplySchema{.schema = {{"type", "integer"}}};
  EXPECT_TRUE(fits(reply_grammar(form, keeping, open).value().grammar, "12"));
}

TEST(ToolGrammar, ARecipientThatATextSpeaksOfIsNoCall) {
  ChatRequest request = request_of("{}");
  request.tool_choice.mode = ToolChoice::Mode::automatic;
  const auto made = grammar_of("gpt-oss", request).value();
  for (const std::string& trigger : made.triggers) EXPECT_TRUE(trigger.starts_with("<|")) << trigger;
  EXPECT_TRUE(fits(made.grammar, "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}"));
  EXPECT_TRUE(fits(made.grammar, "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}"));
}

}  // namespace
}  // namespace banyan
