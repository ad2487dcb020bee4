#include "banyan/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;
using ::testing::HasSubstr;

TEST(ChatTemplate, WithoutASourceIsChatMl) {
  ChatRequest request = {.messages = {system("Be kind."), user("Hello.")}};
  EXPECT_EQ(
      prompt("", request),
      "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n");
  request.opens_reply = false;
  EXPECT_EQ(prompt("", request),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n");
}

TEST(ChatTemplate, SeesTokensVariablesAndTools) {
  const ChatRequest request = {
      .messages = {user("hi")}, .tools = {weather_tool()}, .variables = {{"mood", "calm"}}};
  EXPECT_EQ(prompt("{{ bos_token }}{{ mood }}{% for t in tools %}{{ t.function.name }}{% endfor %}"
                   "{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token }}",
                   request),
            "<s>calmweatherhi</s>");
}

TEST(ChatTemplate, WithoutToolsOrCallsTheirNamesAreNotDefined) {
  EXPECT_EQ(prompt("{% for m in messages %}[{{ m.content }}{% if m.tool_calls is defined %}calls{% endif %}]"
                   "{% endfor %}{% if tools is not none %}tools{% endif %}",
                   {user("hi"), calls({})}),
            "[hi][]");
}

TEST(ChatTemplate, RefusalsNameTheField) {
  const auto chat = make("");
  const auto field = [&](const ChatRequest& request) {
    const auto text = chat->apply(request);
    EXPECT_FALSE(text);
    EXPECT_EQ(text.error().code, Errc::invalid_argument);
    EXPECT_THAT(text.error().message, HasSubstr(text.error().field));
    return text.error().field;
  };
  EXPECT_EQ(field({}), "messages");
  EXPECT_EQ(field({.messages = {user("hi")}, .variables = "x"}), "chat_template_kwargs");
  EXPECT_EQ(field({.messages = {user("hi")}, .continues_last = true}), "messages");
  Json deep = "x";
  for (int i = 0; i < 1000; ++i) deep = Json::array({std::move(deep)});
  EXPECT_EQ(field({.messages = {user("hi")}, .variables = {{"x", deep}}}), "chat_template_kwargs");
  EXPECT_EQ(field({.messages = {user("hi")}, .tools = {weather_tool(), {.name = "f", .parameters = deep}}}),
            "tools[1]");
}

TEST(ChatTemplate, TextThatIsNotUtf8IsAnErrorOrPassesButNeverMore) {
  const auto text = make("{{ messages | tojson }}")->apply({.messages = {user("\xFF")}});
  if (!text) {
    EXPECT_EQ(text.error().code, Errc::invalid_argument);
  }
}

TEST(ChatTemplate, ItsOwnRefusalNamesTheMessage) {
  const auto chat = make(
      "{% for m in messages %}{% if 'secret' in m.content %}{{ raise_exception('Not today.') }}{% endif %}"
      "{{ m.content }}{% endfor %}");
  for (const std::size_t wrong : {0u, 1u, 7u, 29u}) {
    ChatRequest request;
    for (std::size_t i = 0; i < 30; ++i) request.messages.push_back(user(i == wrong ? "a secret" : "hello"));
    const auto text = chat->apply(request);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().field, "messages[" + std::to_string(wrong) + "]");
    EXPECT_THAT(text.error().message, HasSubstr("Not today."));
    EXPECT_THAT(text.error().message, HasSubstr(text.error().field));
    EXPECT_LT(text.error().message.size(), 100u);
  }
}

TEST(ChatTemplate, ABrokenTemplateIsRefused) {
  const auto broken = ChatTemplate::create("{% for m in messages %}", "", "");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::invalid_argument);
}

TEST(ChatTemplate, ManyThreadsMayApplyIt) {
  const auto chat =
      make("{{ strftime_now('%Y') | length }}{% for m in messages %}{{ m.content }}{% endfor %}");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, text = std::string(5, static_cast<char>('a' + i))] {
      for (int n = 0; n < 50; ++n) EXPECT_EQ(prompt(*chat, {.messages = {user(text)}}), "4" + text);
    });
  }
}

TEST(ChatTemplate, PrintsNothing) {
  ::testing::internal::CaptureStderr();
  make("{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace banyan
