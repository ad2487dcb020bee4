// Prompts that end behind the beginning of a reply.
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;

std::string goes_on(const std::string& source, std::vector<Message> messages) {
  return prompt(source, ChatRequest{.messages = std::move(messages), .continues_last = true});
}

TEST(GoingOn, EndsBehindTheLastContent) {
  EXPECT_EQ(goes_on(kTurns, {user("Count."), assistant("1, 2,")}), "<user>Count.<end><assistant>1, 2,");
  EXPECT_EQ(goes_on("", {user("Count."), assistant("1, 2, ")}),
            "<|im_start|>user\nCount.<|im_end|>\n<|im_start|>assistant\n1, 2, ");
}

TEST(GoingOn, KeepsBlanksThatATemplateTrims) {
  EXPECT_EQ(goes_on("{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}<end>{% endfor %}",
                    {user("Count. "), assistant("1, 2,\n")}),
            "<user>Count.<end><assistant>1, 2,\n");
}

TEST(GoingOn, WorksWithContentThatCameBefore) {
  EXPECT_EQ(goes_on(kTurns, {user("a"), assistant("a"), user("a"), assistant("a")}),
            "<user>a<end><assistant>a<end><user>a<end><assistant>a");
  EXPECT_EQ(goes_on(kTurns, {user("a"), assistant("")}), "<user>a<end><assistant>");
}

TEST(GoingOn, PartsMayBeArrays) {
  EXPECT_EQ(goes_on("{% for m in messages %}[{% for p in m.content %}{{ p.text }}{% endfor %}]{% endfor %}",
                    {user("a"), assistant("b")}),
            "[a][b");
}

TEST(GoingOn, PartsThatATemplateJoinsAreNotJoinedToTheEnd) {
  const std::string source =
      "{% for m in messages %}[{% if m.content is string %}{{ m.content }}{% else %}"
      "{% for p in m.content %}{{ p.text }}{{ '\\n' if not loop.last else '' }}{% endfor %}{% endif %}]{% "
      "endfor %}";
  EXPECT_EQ(goes_on(source, {user("a"), assistant("b")}), "[a][b");
}

TEST(GoingOn, InAThoughtWhereThereIsNothingElse) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{% if m.reasoning_content %}<think>{{ m.reasoning_content "
      "}}</think>"
      "{% endif %}{{ m.content }}<end>{% endfor %}";
  Message thought = assistant("");
  thought.reasoning = "Well,";
  EXPECT_EQ(goes_on(source, {user("a"), thought}), "<user>a<end><assistant><think>Well,");
  thought.content = {{.text = "So"}};
  EXPECT_EQ(goes_on(source, {user("a"), thought}), "<user>a<end><assistant><think>Well,</think>So");
}

TEST(GoingOn, BehindTheOpeningOfAReplyWhereATemplateWritesNone) {
  EXPECT_EQ(goes_on("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
                    "{% if add_generation_prompt %}>{% endif %}",
                    {user("a"), assistant("b")}),
            "a>b");
}

}  // namespace
}  // namespace banyan
