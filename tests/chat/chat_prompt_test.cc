#include "banyan/chat_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chat/chat_examples.h"
#include "support/shipped_model.h"

namespace banyan {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The text that stands before each point of the prompt.
std::vector<std::string> before_points(const std::string& text, const ChatRequest& request) {
  const ChatPrompt found = chat_prompt(shipped_vocabulary(), text, request);
  EXPECT_EQ(found.tokens, shipped_vocabulary().tokenize_chat(text));
  std::vector<std::string> texts;
  for (const auto& [offset, is_users] : found.points) {
    EXPECT_FALSE(is_users);
    texts.push_back(shipped_vocabulary().detokenize(TokenSpan(found.tokens).first(offset)));
  }
  return texts;
}

std::vector<std::string> by_template(const std::string& source, const ChatRequest& request) {
  return before_points(prompt(source, request), request);
}

TEST(ChatPrompt, PointsAreWhereContentsBeginButTheSystems) {
  const ChatRequest request = {
      .messages = {system("Be kind."), user("Hello."), assistant("Hi!"), user("Hello.")}};
  const std::string opening = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n";
  const std::string question = opening + "Hello.<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_THAT(by_template("", request),
              ElementsAre(opening, question, question + "Hi!<|im_end|>\n<|im_start|>user\n"));
}

TEST(ChatPrompt, TrimmedContentsAndTextPartsAreFound) {
  const Message parts = {.role = Role::user, .content = {{.text = "  one "}, {.text = "two"}}};
  EXPECT_THAT(by_template("{% for m in messages %}[{{ m.content | trim }}]{% endfor %}",
                          {.messages = {parts, assistant("\n three \n")}}),
              ElementsAre("[", "[one two]["));
}

TEST(ChatPrompt, ContentThatTheTemplateChangesGivesNoPoint) {
  const char* source = "{% for m in messages %}[{{ m.content.split('</think>')[-1] }}]{% endfor %}";
  EXPECT_THAT(by_template(source, {.messages = {user("a"), assistant("<think>b</think>c"), user("d")}}),
              ElementsAre("[", "[a][c]["));
}

TEST(ChatPrompt, WordsOfTheTemplateThatLookLikeAContentDoNotHideTheNext) {
  // The first is found in "user", where the markup names the role.
  EXPECT_THAT(by_template("", {.messages = {user("user"), assistant("assistant"), user("x")}}),
              ElementsAre("<|im_start|>", "<|im_start|>user\nuser<|im_end|>\n<|im_start|>",
                          "<|im_start|>user\nuser<|im_end|>\n<|im_start|>assistant\nassistant<|im_end|>\n"
                          "<|im_start|>user\n"));
}

TEST(ChatPrompt, WhereToolsFollowTheSystemsContentItsEndIsAPoint) {
  const char* source =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
      "{% if m.role == 'system' %}\nTools: {{ tools | tojson }}{% endif %}{% endfor %}";
  const std::vector<std::string> texts =
      by_template(source, {.messages = {system("Be kind."), user("Hello.")},
                           .tools = {{.name = "weather", .description = std::string(100, 'w')}}});
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0], "<system>Be kind.");
  EXPECT_TRUE(texts[1].ends_with("<user>"));
}

TEST(ChatPrompt, WhereToolsComeBeforeTheSystemsContentItsBeginningIsAPoint) {
  const char* source = "{{ tools | tojson }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
  const std::vector<std::string> texts =
      by_template(source, {.messages = {system("Be kind."), user("Hello.")},
                           .tools = {{.name = "weather", .description = std::string(100, 'w')}}});
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_TRUE(texts[0].ends_with("<system>"));
  EXPECT_TRUE(texts[1].ends_with("<user>"));
}

TEST(ChatPrompt, TokenThatReachesIntoAContentIsNotBeforeIt) {
  // The blank is the beginning of a token with the word.
  ASSERT_EQ(shipped_vocabulary().tokenize(" called", false, true).size(), 1u);
  EXPECT_THAT(before_points("My called", {.messages = {user("called")}}), ElementsAre("My"));
}

TEST(ChatPrompt, MarksOfTheClientAreTheUsersPoints) {
  ChatRequest request = {
      .messages = {{.role = Role::system, .content = {{"Be kind.", true}, {"Be brief.", false}}},
                   {.role = Role::user, .content = {{"Hello.", true}}},
                   assistant("Hi!")}};
  const ChatPrompt found = chat_prompt(shipped_vocabulary(), prompt("", request), request);
  std::vector<std::string> marked;
  for (const auto& [offset, is_users] : found.points) {
    if (is_users) marked.push_back(shipped_vocabulary().detokenize(TokenSpan(found.tokens).first(offset)));
  }
  ASSERT_EQ(marked.size(), 2u);
  EXPECT_TRUE(marked[0].ends_with("system\nBe kind.")) << marked[0];
  EXPECT_TRUE(marked[1].ends_with("user\nHello.")) << marked[1];
  EXPECT_EQ(found.points.size(), 4u) << "and where two messages begin";
}

TEST(ChatPrompt, MessagesWithoutTextGiveNone) {
  EXPECT_THAT(before_points("abc", {.messages = {{.role = Role::user}, user(""), user("not there")}}),
              IsEmpty());
}

}  // namespace
}  // namespace banyan
