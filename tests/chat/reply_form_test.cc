#include "chat/reply/reply_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/reply_families.h"

namespace banyan {
namespace {

using Arguments = CallForm::Arguments;

CallForm call_form(const std::string& name) { return test::learned_form(test::reply_family(name)).call; }

TEST(ReplyForm, AllFamiliesButThoseWithoutCallsAreLearned) {
  for (const test::ReplyFamily& family : test::reply_families()) {
    const ReplyForm form = test::learned_form(family);
    EXPECT_EQ(form.is_plain, family.name == "none") << family.name;
    EXPECT_EQ(!form.reasoning.end.empty(), family.thinks || family.name == "command-r7b") << family.name;
  }
  EXPECT_EQ(call_form("none"), plain_call_form());
}

TEST(ReplyForm, MarkersStandInTheirPlaces) {
  CallForm form = call_form("qwen3-coder");
  EXPECT_EQ(form.arguments, Arguments::tagged);
  EXPECT_EQ(form.begin, "<tool_call>\n<function=");
  EXPECT_EQ(form.name_end, ">\n");
  EXPECT_EQ(form.key_begin, "<parameter=");
  EXPECT_EQ(form.key_end, ">\n");
  EXPECT_EQ(form.value_end, "\n</parameter>");
  EXPECT_TRUE(form.values_on_lines);
  EXPECT_EQ(form.end, "\n</function>\n</tool_call>");
  EXPECT_EQ(form.separator, "\n");

  form = call_form("apriel");
  EXPECT_EQ(form.arguments, Arguments::members);
  EXPECT_EQ(form.section_begin, "<tool_calls>[");
  EXPECT_EQ(form.section_end, "]</tool_calls>");
  EXPECT_EQ(form.separator, ", ");
  EXPECT_EQ(form.id_key, "id");

  form = call_form("kimi-k2");
  EXPECT_EQ(form.arguments, Arguments::json);
  EXPECT_EQ(form.section_begin, "<|tool_calls_section_begin|>");
  EXPECT_EQ(form.begin, "<|tool_call_begin|>functions.");
  EXPECT_EQ(form.name_end, ":");
  EXPECT_EQ(form.word, CallForm::Word::number);
  EXPECT_EQ(form.word_end, "<|tool_call_argument_begin|>");
  EXPECT_EQ(form.end, "<|tool_call_end|>");

  form = call_form("kimi-k3");
  EXPECT_EQ(form.section_begin, "<|open|>tools<|sep|>");
  EXPECT_EQ(form.key_end, "\" type=\"");
  EXPECT_EQ(form.text_type, "string");
  EXPECT_EQ(form.type_end, "\"<|sep|>");

  form = call_form("gemma4");
  EXPECT_EQ(form.arguments, Arguments::literals);
  EXPECT_EQ(form.begin, "<|tool_call>call:");
  EXPECT_EQ(form.quote, "<|\"|>");
  EXPECT_EQ(form.end, "<tool_call|>");

  form = call_form("solar");
  EXPECT_EQ(form.section_begin, "<|tool_calls|>");
  EXPECT_EQ(form.begin, "<|tool_call:begin|>");
  EXPECT_EQ(form.name_begin, "<|tool_call:name|>");
  EXPECT_EQ(form.name_end, "<|tool_call:args|>");
  EXPECT_EQ(form.end, "<|tool_call:end|>");
  EXPECT_EQ(form.separator, "");

  form = call_form("aya");
  EXPECT_EQ(form.key_end, ">");
  EXPECT_EQ(form.value_end, "\n</parameter>");
  EXPECT_TRUE(form.values_on_lines);
  EXPECT_FALSE(form.has_cdata);
  EXPECT_TRUE(call_form("minicpm5").has_cdata);

  EXPECT_EQ(call_form("mistral3.2").word, CallForm::Word::id);
  EXPECT_EQ(call_form("llama3").arguments_key, "parameters");
  EXPECT_EQ(call_form("command-r7b").name_key, "tool_name");
  EXPECT_TRUE(call_form("llama3").is_single);
}

TEST(ReplyForm, ThoughtsAreLearned) {
  const auto reasoning = [](const std::string& name) {
    return test::learned_form(test::reply_family(name)).reasoning;
  };
  EXPECT_EQ(reasoning("qwen3"), (ReasoningForm{"<think>", "</think>"}));
  EXPECT_EQ(reasoning("gemma4"), (ReasoningForm{"<|channel>thought", "<channel|>"}));
  EXPECT_EQ(reasoning("devstral"), (ReasoningForm{"[THINK]", "[/THINK]"}));
  EXPECT_EQ(reasoning("apriel"), (ReasoningForm{"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"}));
  EXPECT_EQ(reasoning("hermes"), ReasoningForm{});
}

TEST(ReplyForm, APromptMayOpenAThought) {
  const auto opens = [](const std::string& name) {
    const test::ReplyFamily& family = test::reply_family(name);
    const ChatRequest request = test::weather_request();
    return opens_thought(test::learned_form(family), request, test::render(family, request));
  };
  for (const char* name : {"qwq", "qwen3.5", "deepseek-r1", "glm4.7", "minimax-m2", "kimi-k3", "apriel"}) {
    EXPECT_TRUE(opens(name)) << name;
  }
  for (const char* name : {"hermes", "qwen3", "glm4.6", "gemma4", "gpt-oss", "none"})
    EXPECT_FALSE(opens(name)) << name;
}

}  // namespace
}  // namespace banyan
