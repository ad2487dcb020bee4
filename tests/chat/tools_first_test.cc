// Tools before the system's text, where a template has them behind it.
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;

ChatRequest tools_first(std::vector<Message> messages) {
  return {.messages = std::move(messages), .tools = {weather_tool()}, .tools_first = true};
}

const std::string kToolsBehind =
    "{% if tools %}<system>{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}\n\n{% endif "
    "%}"
    "# Tools\n{% for t in tools %}{{ t.function.name }}\n{% endfor %}Call them.<end>\n"
    "{% elif messages[0].role == 'system' %}<system>{{ messages[0].content | trim }}<end>\n{% endif %}"
    "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}<end>\n{% endfor %}";

TEST(ToolsFirst, ChangesPlacesWithTheSystemsText) {
  EXPECT_EQ(prompt(kToolsBehind, tools_first({system(" Be kind.\n"), user("hi")})),
            "<system># Tools\nweather\nCall them.\n\nBe kind.<end>\n<user>hi<end>\n");
}

TEST(ToolsFirst, ComeBeforeAllOfSeveralSystems) {
  EXPECT_EQ(prompt(kToolsBehind, tools_first({system("Be kind."), system("Be brief."), user("hi")})),
            "<system># Tools\nweather\nCall them.\n\nBe kind.\n\nBe brief.<end>\n<user>hi<end>\n");
}

TEST(ToolsFirst, IsSharedByAnotherSystemsText) {
  const std::string one = prompt(kToolsBehind, tools_first({system("In /home/a."), user("hi")}));
  const std::string two = prompt(kToolsBehind, tools_first({system("In /home/b."), user("ho")}));
  const std::string shared = "<system># Tools\nweather\nCall them.\n\nIn /home/";
  EXPECT_TRUE(one.starts_with(shared) && two.starts_with(shared)) << one;
}

TEST(ToolsFirst, ChangesNothingWhereThereIsNothingToChange) {
  ChatRequest request = tools_first({user("hi")});
  EXPECT_EQ(prompt(kToolsBehind, request), "<system># Tools\nweather\nCall them.<end>\n<user>hi<end>\n");
  request = {.messages = {system("Be kind."), user("hi")}, .tools_first = true};
  EXPECT_EQ(prompt(kToolsBehind, request), "<system>Be kind.<end>\n<user>hi<end>\n");
}

TEST(ToolsFirst, LeavesAPromptWhoseToolsAreElsewhere) {
  for (const std::string& source :
       {std::string(
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}{{ tools | tojson }}"),
        std::string(
            "{{ tools | tojson }}{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}"),
        std::string(
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ tools | tojson }}<end>{% endfor %}")}) {
    ChatRequest request = tools_first({system("Be kind."), user("hi")});
    const std::string moved = prompt(source, request);
    request.tools_first = false;
    EXPECT_EQ(moved, prompt(source, request));
  }
}

}  // namespace
}  // namespace banyan
