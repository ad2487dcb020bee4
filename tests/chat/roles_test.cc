// Conversations whose roles come in an order that a template refuses or loses.
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;

// Refuses what Python's expression `is_wrong` holds for; `loop` and `m` are the message's.
std::string refusing(const std::string& is_wrong) {
  return "{% for m in messages %}{% if " + is_wrong +
         " %}{{ raise_exception('No!') }}{% endif %}<{{ m.role }}>" +
         "{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}{% endfor %}";
}

TEST(Roles, WithoutASystemItsTextBeginsTheUsers) {
  const std::string source = refusing("m.role == 'system'");
  EXPECT_EQ(prompt(source, {system("a"), user("b"), assistant("c"), system("d"), user("e")}),
            "<user>a\n\nb<assistant>c<user>d<user>e");
  EXPECT_EQ(prompt(source, {system("a"), system("b"), user("c")}), "<user>a\n\nb\n\nc");
  EXPECT_EQ(prompt(source, {system("a"), assistant("b")}), "<user>a<assistant>b");
  EXPECT_EQ(prompt(source, {system("a")}), "<user>a");
  // One that is silently dropped is as bad.
  EXPECT_EQ(prompt("{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}",
                   {system("a"), user("b")}),
            "<user>a\n\nb");
}

TEST(Roles, ASystemThatMustComeFirstIsTheUsersElsewhere) {
  const std::string source = refusing("m.role == 'system' and not loop.first");
  EXPECT_EQ(prompt(source, {system("a"), system("b"), user("c"), system("d"), assistant("e")}),
            "<system>a\n\nb<user>c<user>d<assistant>e");
}

TEST(Roles, SystemsStayWhereATemplateTakesThem) {
  EXPECT_EQ(prompt(refusing("false"), {system("a"), system("b"), user("c"), system("d"), assistant("e")}),
            "<system>a<system>b<user>c<system>d<assistant>e");
}

TEST(Roles, NeighboursOfOneRoleAreOneWhereTheyMustAlternate) {
  const std::string source =
      "{% set n = namespace(at=0) %}{% for m in messages %}"
      "{% if m.role != 'system' %}{% if (m.role == 'user') != (n.at % 2 == 0) %}"
      "{{ raise_exception('roles must alternate') }}{% endif %}{% set n.at = n.at + 1 %}{% endif %}"
      "<{{ m.role }}>{{ m.content }}{% endfor %}";
  EXPECT_EQ(prompt(source, {system("a"), user("b"), user("c"), assistant("d"), assistant("e"), user("f"),
                            system("g"), assistant("h")}),
            "<system>a<user>b\n\nc<assistant>d\n\ne<user>f<system>g<assistant>h");
}

TEST(Roles, SeveralSystemsAreOneWhereToolsGoIntoTheSecondMessage) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{% if tools and loop.index0 == 1 %}{{ tools | tojson }}{% endif "
      "%}"
      "{{ m.content }}{% endfor %}";
  EXPECT_EQ(prompt(source, {system("a"), system("b"), user("c")}), "<system>a\n\nb<user>c");
}

TEST(Roles, WhatFollowsAResultMayHaveToBePartOfIt) {
  const std::string source =
      refusing("m.role == 'user' and not loop.first and messages[loop.index0 - 1].role == 'tool'");
  EXPECT_EQ(prompt(source, {user("a"), calls({weather("1", "{}")}), result("1", "b"), user("c"), system("d"),
                            assistant("e")}),
            "<user>a<assistant>{\"name\": \"weather\", \"arguments\": {}}<tool>b\n\nc<system>d<assistant>e");
}

TEST(Roles, WhatATemplateRefusesInAnyFormIsRefused) {
  const auto text = make(refusing("true"))->apply({.messages = {user("a")}});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().field, "messages[0]");
}

TEST(Roles, AReplyThatSaysNothingIsLeftOutWhereItIsRefused) {
  const std::string source =
      "{% for m in messages %}{% if m.role == 'assistant' and not m.content %}"
      "{{ raise_exception('empty') }}{% endif %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}";
  const std::vector<Message> messages = {user("a"), assistant(""), user("b")};
  EXPECT_EQ(prompt(source, messages), "<user>a<end><user>b<end>");
  EXPECT_EQ(prompt(kTurns, messages), "<user>a<end><assistant><end><user>b<end><assistant>");
}

}  // namespace
}  // namespace banyan
