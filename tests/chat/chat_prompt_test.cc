#include "banyan/chat_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "banyan/chat_template.h"
#include "support/shipped_model.h"

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Json message(const char* role, const Json& content) { return {{"role", role}, {"content", content}}; }

// The text that stands before each point of the prompt.
std::vector<std::string> before_points(const std::string& text, const Json& messages) {
  const ChatPrompt prompt = chat_prompt(shipped_vocabulary(), text, messages);
  EXPECT_EQ(prompt.tokens, shipped_vocabulary().tokenize_chat(text));
  std::vector<std::string> texts;
  for (const auto& [offset, user] : prompt.points) {
    EXPECT_FALSE(user);
    texts.push_back(shipped_vocabulary().detokenize(TokenSpan(prompt.tokens).first(offset)));
  }
  return texts;
}

std::vector<std::string> by_template(const std::string& source, const Json& messages,
                                     const Json& tools = {}) {
  const auto chat = ChatTemplate::create(source, "", "").value();
  return before_points(chat->apply(messages, tools, true, Json()).value(), messages);
}

TEST(ChatPrompt, PointsAreWhereContentsBeginButTheSystems) {
  const Json messages = {message("system", "Be kind."), message("user", "Hello."),
                         message("assistant", "Hi!"), message("user", "Hello.")};
  const std::string system = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n";
  const std::string question = system + "Hello.<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_THAT(by_template("", messages),
              ElementsAre(system, question, question + "Hi!<|im_end|>\n<|im_start|>user\n"));
}

TEST(ChatPrompt, TrimmedContentsAndTextPartsAreFound) {
  const Json parts =
      Json::array({{{"type", "text"}, {"text", "  one "}}, {{"type", "text"}, {"text", "two"}}});
  EXPECT_THAT(by_template("{% for m in messages %}[{{ m.content | trim }}]{% endfor %}",
                          {message("user", parts), message("assistant", "\n three \n")}),
              ElementsAre("[", "[one \ntwo]["));
}

TEST(ChatPrompt, ContentThatTheTemplateChangesGivesNoPoint) {
  const char* source = "{% for m in messages %}[{{ m.content.split('</think>')[-1] }}]{% endfor %}";
  EXPECT_THAT(by_template(source, {message("user", "a"), message("assistant", "<think>b</think>c"),
                                   message("user", "d")}),
              ElementsAre("[", "[a][c]["));
}

TEST(ChatPrompt, WordsOfTheTemplateThatLookLikeAContentDoNotHideTheNext) {
  // The first is found in "user", where the markup names the role.
  EXPECT_THAT(
      by_template("", {message("user", "user"), message("assistant", "assistant"), message("user", "x")}),
      ElementsAre("<|im_start|>", "<|im_start|>user\nuser<|im_end|>\n<|im_start|>",
                  "<|im_start|>user\nuser<|im_end|>\n<|im_start|>assistant\nassistant<|im_end|>\n"
                  "<|im_start|>user\n"));
}

TEST(ChatPrompt, WhereToolsFollowTheSystemsContentItsEndIsAPoint) {
  const char* source =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
      "{% if m.role == 'system' %}\nTools: {{ tools | tojson }}{% endif %}{% endfor %}";
  const Json tools = Json::array(
      {{{"type", "function"}, {"function", {{"name", "weather"}, {"description", std::string(100, 'w')}}}}});
  const Json messages = {message("developer", "Be kind."), message("user", "Hello.")};
  const std::vector<std::string> texts = by_template(source, messages, tools);
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0], "<system>Be kind.");
  EXPECT_TRUE(texts[1].ends_with("<user>"));
}

TEST(ChatPrompt, TokenThatReachesIntoAContentIsNotBeforeIt) {
  // The blank is the beginning of a token with the word.
  ASSERT_EQ(shipped_vocabulary().tokenize(" called", false, true).size(), 1u);
  EXPECT_THAT(before_points("My called", Json::array({message("user", "called")})), ElementsAre("My"));
}

TEST(ChatPrompt, MarksOfTheClientAreTheUsersPoints) {
  const Json mark = {{"mode", "explicit"}};
  const Json parts = Json::array({{{"type", "text"}, {"text", "Be kind."}, {"prompt_cache_breakpoint", mark}},
                                  {{"type", "text"}, {"text", "Be brief."}}});
  Json question = message("user", "Hello.");
  question["cache_control"] = {{"type", "ephemeral"}};
  const Json messages = {message("system", parts), question, message("assistant", "Hi!")};
  const std::string text =
      ChatTemplate::create("", "", "").value()->apply(messages, {}, true, Json()).value();
  const ChatPrompt prompt = chat_prompt(shipped_vocabulary(), text, messages);
  std::vector<std::string> marked;
  for (const auto& [offset, user] : prompt.points) {
    if (user) marked.push_back(shipped_vocabulary().detokenize(TokenSpan(prompt.tokens).first(offset)));
  }
  ASSERT_EQ(marked.size(), 2u);
  EXPECT_TRUE(marked[0].ends_with("system\nBe kind.")) << marked[0];
  EXPECT_TRUE(marked[1].ends_with("user\nHello.")) << marked[1];
  EXPECT_EQ(prompt.points.size(), 4u) << "and where two messages begin";
}

TEST(ChatPrompt, MessagesWithoutTextGiveNone) {
  EXPECT_THAT(before_points("abc", {message("user", nullptr), message("user", ""),
                                    message("user", "not there"), Json{{"role", "user"}}}),
              IsEmpty());
}

}  // namespace
}  // namespace banyan
