// Contents in the form that a template reads: a text, an array of parts, or an array of one.
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;

Message parts(Role role, std::vector<TextPart> all) { return {.role = role, .content = std::move(all)}; }

TEST(Contents, PartsAreJoinedForATemplateThatReadsText) {
  EXPECT_EQ(prompt(kTurns, {parts(Role::user, {{.text = "one "}, {.text = "two"}}), parts(Role::user, {})}),
            "<user>one two<end><user><end><assistant>");
}

TEST(Contents, AnArrayThatATemplatePrintsAsItIsIsNotGiven) {
  // {{ list }} is an array's text in Python's form, in which all parts can be found.
  EXPECT_EQ(prompt("{% for m in messages %}[{{ m.content }}]{% endfor %}",
                   {parts(Role::user, {{.text = "a"}, {.text = "b"}})}),
            "[ab]");
}

const std::string kTakesBoth =
    "{% for m in messages %}[{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{{ part.text | trim }}{% if not loop.last %}|{% endif %}{% endfor %}"
    "{% endif %}]{% endfor %}";

TEST(Contents, ATemplateThatTakesBothGetsSeveralPartsAsAnArray) {
  EXPECT_EQ(prompt(kTakesBoth, {parts(Role::user, {{.text = "a "}, {.text = "b"}}), user("c ")}),
            "[a|b][c ]");
  EXPECT_EQ(prompt(kTakesBoth, {parts(Role::user, {{.text = "c "}})}), "[c ]") << "one part is a text";
  EXPECT_EQ(prompt(kTakesBoth, {parts(Role::user, {{.text = ""}, {.text = "c "}})}), "[c ]");
}

TEST(Contents, ATemplateThatTakesArraysAloneGetsNothingElse) {
  const char* source =
      "{% for m in messages %}[{% for part in m.content %}{{ part['text'] }};{% endfor %}]{% endfor %}";
  EXPECT_EQ(prompt(source, {user("a"), parts(Role::user, {{.text = "b"}, {.text = "c"}}), assistant("")}),
            "[a;][b;c;][;]");
}

TEST(Contents, EachRoleHasItsOwnForm) {
  // The system's first part only, the user's all, the assistant's as text.
  const char* source =
      "{% for m in messages %}{% if m.role == 'system' %}<<{{ m.content[0].text }}>>"
      "{% elif m.role == 'user' %}[{% for part in m.content %}{{ part.text }}{% endfor %}]"
      "{% else %}({{ m.content }}){% endif %}{% endfor %}";
  EXPECT_EQ(prompt(source, {parts(Role::system, {{.text = "a"}, {.text = "b"}}),
                            parts(Role::user, {{.text = "c"}, {.text = "d"}}),
                            parts(Role::assistant, {{.text = "e"}, {.text = "f"}})}),
            "<<ab>>[cd](ef)");
}

TEST(Contents, MarksAndTextInPartsOrWholeDoNotChangeThePrompt) {
  for (const std::string& source : {kTurns, kTakesBoth}) {
    const std::string expected = prompt(source, {system("a"), user("b"), assistant("c"), user("d")});
    for (const bool is_marked : {false, true}) {
      EXPECT_EQ(
          prompt(source, {parts(Role::system, {{"a", is_marked}}), parts(Role::user, {{"b", is_marked}}),
                          parts(Role::assistant, {{"c", is_marked}, {"", is_marked}}),
                          parts(Role::user, {{"", !is_marked}, {"d", is_marked}})}),
          expected);
    }
  }
}

TEST(Contents, WhatATemplateNeverShowsIsGivenAsText) {
  EXPECT_EQ(prompt("{% for m in messages %}{{ m.content is string }}{% endfor %}", {user("a")}), "True");
}

}  // namespace
}  // namespace banyan
