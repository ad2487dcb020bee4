// What a template is told of thinking: an assistant's thoughts where it reads them, and its variables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

Message thinks(Message message, const std::string& thought) {
  message.reasoning = thought;
  return message;
}

TEST(Thoughts, AreGivenWhereATemplateReadsThem) {
  for (const char* place : {"reasoning_content", "reasoning", "thinking"}) {
    const std::string source = std::string("{% for m in messages %}<{{ m.role }}>{% if m.") + place +
                               " %}<think>{{ m." + place +
                               " }}</think>{% endif %}{{ m.content }}{% endfor %}";
    EXPECT_EQ(prompt(source, {user("a"), thinks(assistant("b"), "hm"), assistant("c")}),
              "<user>a<assistant><think>hm</think>b<assistant>c");
  }
}

TEST(Thoughts, MayBePartsOfTheContent) {
  const auto source = [](const std::string& shown) {
    return "{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}"
           "{% for p in m.content %}{% if p.type == 'thinking' %}[THINK]" +
           shown + "[/THINK]{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}";
  };
  const std::vector<Message> messages = {user("a"), thinks(assistant("b"), "hm"), assistant("c")};
  EXPECT_EQ(prompt(source("{{ p.thinking }}"), messages), "<user>a<assistant>[THINK]hm[/THINK]b<assistant>c");
  EXPECT_EQ(prompt(source("{% for t in p.thinking %}{{ t.text }}{% endfor %}"), messages),
            "<user>a<assistant>[THINK]hm[/THINK]b<assistant>c");
}

TEST(Thoughts, ATemplateMayReadThemOnlyBesideCalls) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{% if m.tool_calls %}{% if m.content and m.thinking %}"
      "{{ raise_exception('one of both') }}{% endif %}{{ m.content or m.thinking }}"
      "{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}{% else %}{{ m.content }}{% endif %}"
      "{% endfor %}";
  EXPECT_THAT(prompt(source, {user("a"), thinks(calls({weather("1")}), "hm"), result("1", "b")}),
              HasSubstr("<assistant>hm{"));
  // What is said there is part of the thought.
  EXPECT_THAT(
      prompt(source, {user("a"), thinks(calls({weather("1")}, "Let me see."), "hm"), result("1", "b")}),
      HasSubstr("<assistant>hm\n\nLet me see.{"));
  EXPECT_THAT(prompt(source, {user("a"), calls({weather("1")}, "Let me see."), result("1", "b")}),
              HasSubstr("<assistant>Let me see.{"));
}

TEST(Thoughts, ATemplateThatReadsNoneGetsNone) {
  EXPECT_THAT(prompt("{{ messages | tojson }}{% for m in messages %}{{ m.content }}{% endfor %}",
                     {user("a"), thinks(assistant("b"), "hm")}),
              Not(HasSubstr("thinking")));
  EXPECT_EQ(prompt(kTurns, {user("a"), thinks(assistant("b"), "hm"), user("c")}),
            "<user>a<end><assistant>b<end><user>c<end><assistant>");
}

TEST(Variables, AreThoseOfLlamaServer) {
  const std::string source =
      "{{ enable_thinking }} {{ thinking }} {{ reasoning_effort }} {{ date_string }} {{ datetime }}";
  ChatRequest request = {.messages = {user("a")}};
  EXPECT_THAT(prompt(source, request),
              MatchesRegex("True   [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [A-Z][a-z]{2} [0-9]{2} [0-9]{4}"));
  request.reasoning = {.enabled = false, .effort = "low"};
  EXPECT_THAT(prompt(source, request), MatchesRegex("False False low .*"));
  request.variables = {{"enable_thinking", 1}, {"reasoning_effort", "much"}, {"datetime", "now"}};
  EXPECT_THAT(prompt(source, request), MatchesRegex("1 False much .* now"));
}

TEST(Variables, MessagesAndToolsAreNotTheRequests) {
  EXPECT_EQ(prompt("{{ messages[0].content }}", {.messages = {user("a")}, .variables = {{"messages", 5}}}),
            "a");
}

TEST(Variables, AnEffortThatATemplateRefusesIsTheNearestThatItTakes) {
  const std::string source =
      "{% if reasoning_effort is defined and reasoning_effort not in ['none', 'high'] %}"
      "{{ raise_exception('unknown effort') }}{% endif %}{{ reasoning_effort }}{{ messages[0].content }}";
  const auto taken = [&](const std::string& effort) {
    return prompt(source, {.messages = {user("")}, .reasoning = {.enabled = {}, .effort = effort}});
  };
  EXPECT_EQ(taken("high"), "high");
  EXPECT_EQ(taken("medium"), "high");
  EXPECT_EQ(taken("low"), "high");
  EXPECT_EQ(taken("minimal"), "none");
  EXPECT_EQ(taken("max"), "high");
  EXPECT_EQ(taken(""), "");
}

}  // namespace
}  // namespace banyan
