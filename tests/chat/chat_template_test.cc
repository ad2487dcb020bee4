#include "banyan/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

std::unique_ptr<ChatTemplate> make(const std::string& source) {
  return ChatTemplate::create(source, "<s>", "</s>").value();
}

Error refusal(const ChatTemplate& chat, const Json& messages) {
  const auto prompt = chat.apply(messages);
  EXPECT_FALSE(prompt) << *prompt;
  return prompt ? Error{} : prompt.error();
}

TEST(ChatTemplate, WithoutASourceIsChatMl) {
  const auto chat = make("");
  const Json messages = Json::parse(R"([{"role": "system", "content": "Be kind."},
                                        {"role": "user", "content": "Hello."}])");
  EXPECT_EQ(
      chat->apply(messages).value(),
      "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(chat->apply(messages, Json(), false, Json()).value(),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n");
}

TEST(ChatTemplate, SeesTokensVariablesAndTools) {
  const auto chat = make(
      "{{ bos_token }}{{ mood }}{% for t in tools %}{{ t.function.name }}{% endfor %}"
      "{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token }}");
  const Json tools =
      Json::parse(R"([{"type": "function", "function": {"name": "weather", "parameters": {}}}])");
  EXPECT_EQ(
      chat->apply(Json::parse(R"([{"role": "user", "content": "hi"}])"), tools, true, {{"mood", "calm"}})
          .value(),
      "<s>calmweatherhi</s>");
}

TEST(ChatTemplate, TextPartsAreJoinedAndDeveloperIsSystem) {
  const auto chat = make("{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}");
  EXPECT_EQ(chat->apply(Json::parse(R"([
      {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "user", "content": []}])"))
                .value(),
            "system:a\nb;user:;");
}

TEST(ChatTemplate, AToolCallNeedsNoContent) {
  const auto chat = make("");
  const auto prompt = chat->apply(Json::parse(R"([
      {"role": "user", "content": "Weather?"},
      {"role": "assistant", "content": null, "tool_calls": [
          {"id": "1", "type": "function",
           "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": "rain"}])"));
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_THAT(*prompt, HasSubstr("Oslo"));
  EXPECT_THAT(*prompt, HasSubstr("rain"));
}

TEST(ChatTemplate, WhatIsNullOrEmptyIsNotPrinted) {
  const auto chat = make(
      "{% for m in messages %}[{{ m.content }}{% if m.tool_calls is defined %}{{ "
      "m.tool_calls[0].function.name }}"
      "{% endif %}]{% endfor %}{% if tools is not none %}tools{% endif %}");
  const Json call = {{"type", "function"},
                     {"function", {{"name", "f"}, {"arguments", "{\"argument_needle\": 1}"}}}};
  const Json messages = {{{"role", "user"}, {"content", "hi"}, {"tool_calls", Json::array()}},
                         {{"role", "user"}, {"content", "ho"}, {"tool_calls", nullptr}}};
  EXPECT_EQ(chat->apply(messages, Json::array(), true, Json()).value(), "[hi][ho]");
  const auto with_calls =
      make("{% for m in messages %}{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }};{% endfor %}");
  const Json calling = {{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", Json::array({call})}}};
  EXPECT_TRUE(with_calls->apply(calling).value().starts_with("[{")) << with_calls->apply(calling).value();
}

TEST(ChatTemplate, ATemplateWithoutToolsIsToldOfThemAsText) {
  const auto chat = make("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
  const Json tools =
      Json::parse(R"([{"type": "function", "function": {"name": "weather", "parameters": {}}}])");
  const Json messages = {{{"role", "user"}, {"content", "Rain?"}},
                         {{"role", "assistant"},
                          {"content", nullptr},
                          {"tool_calls", Json::parse(
                                             R"([{"id": "1", "type": "function",
                 "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}])")}},
                         {{"role", "tool"}, {"tool_call_id", "1"}, {"content", "yes"}}};
  const std::string prompt = chat->apply(messages, tools, true, Json()).value();
  EXPECT_TRUE(prompt.starts_with("<system>You can call any of the following tools")) << prompt;
  EXPECT_THAT(prompt, HasSubstr("\"name\": \"weather\""));
  EXPECT_THAT(prompt, HasSubstr("\"city\": \"Oslo\""));
  EXPECT_THAT(prompt, HasSubstr("<user>{\n  \"tool_response\": {\n    \"content\": \"yes\""));
}

TEST(ChatTemplate, ArgumentsAndContentsHaveTheFormThatTheTemplateReads) {
  const auto chat = make(
      "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}"
      "{% for k, v in c.function.arguments.items() %}<parameter={{ k }}>{{ v }}{% endfor %}{% endfor %}"
      "{% else %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %};{% endfor %}");
  const Json messages = {{{"role", "user"}, {"content", "Rain?"}},
                         {{"role", "assistant"},
                          {"content", nullptr},
                          {"tool_calls", Json::parse(
                                             R"([{"id": "1", "type": "function",
                 "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}])")}}};
  EXPECT_EQ(chat->apply(messages).value(), "Rain?;<parameter=city>Oslo;");
}

TEST(ChatTemplate, RefusalsNameTheField) {
  const auto chat = make("");
  const auto field = [&](const char* messages) {
    const Error error = refusal(*chat, Json::parse(messages));
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr(error.field));
    return error.field;
  };
  EXPECT_EQ(field(R"({})"), "messages");
  EXPECT_EQ(field(R"([])"), "messages");
  EXPECT_EQ(field(R"(["hi"])"), "messages[0]");
  EXPECT_EQ(field(R"([{"content": "hi"}])"), "messages[0].role");
  EXPECT_EQ(field(R"([{"role": 7, "content": "hi"}])"), "messages[0].role");
  EXPECT_EQ(field(R"([{"role": "wizard", "content": "hi"}])"), "messages[0].role");
  EXPECT_EQ(field(R"([{"role": "user", "content": "hi"}, {"role": "user"}])"), "messages[1].content");
  EXPECT_EQ(field(R"([{"role": "user", "content": 7}])"), "messages[0].content");
  EXPECT_EQ(field(R"([{"role": "user", "content": ["hi"]}])"), "messages[0].content[0]");
  EXPECT_EQ(field(R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}])"),
            "messages[0].content[1].type");
  EXPECT_EQ(field(R"([{"role": "user", "content": [{"type": "text"}]}])"), "messages[0].content[0].text");
  EXPECT_EQ(field(R"([{"role": "assistant", "tool_calls": "x"}])"), "messages[0].tool_calls");
  EXPECT_EQ(chat->apply(Json::parse(R"([{"role": "user", "content": "hi"}])"), Json("x"), true, Json())
                .error()
                .field,
            "tools");
  EXPECT_EQ(chat->apply(Json::parse(R"([{"role": "user", "content": "hi"}])"), Json(), true, Json("x"))
                .error()
                .field,
            "chat_template_kwargs");
}

TEST(ChatTemplate, ValuesNestedWithoutEndAreRefused) {
  Json deep = "x";
  for (int i = 0; i < 1000; ++i) deep = Json::array({std::move(deep)});
  const Json messages = Json::parse(R"([{"role": "user", "content": "hi"}])");
  const auto chat = make("{{ tools }}");
  EXPECT_EQ(chat->apply(messages, deep, true, Json()).error().field, "tools");
  EXPECT_EQ(chat->apply(messages, Json(), true, {{"x", deep}}).error().field, "chat_template_kwargs");
  EXPECT_EQ(refusal(*chat, {{{"role", "user"}, {"content", deep}}}).field, "messages[0]");
}

TEST(ChatTemplate, TextThatIsNotUtf8IsAnErrorOrPassesButNeverMore) {
  const auto chat = make("{{ messages | tojson }}");
  EXPECT_EQ(refusal(*chat, {{{"role", "user"}, {"content", "\xFF"}}}).code, Errc::invalid_argument);
}

TEST(ChatTemplate, TheTemplatesOwnRefusalIsPassedOn) {
  const auto chat = make(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No orders!') }}{% endif %}"
      "{{ m.content }}{% endfor %}");
  EXPECT_EQ(chat->apply(Json::parse(R"([{"role": "user", "content": "hi"}])")).value(), "hi");
  // A template that takes no system message gets its text in the first user message.
  EXPECT_EQ(chat->apply(Json::parse(R"([{"role": "system", "content": "Be kind."},
                                         {"role": "user", "content": "hi"}])"))
                .value(),
            "Be kind.\nhi");
  const auto strict = make("{{ raise_exception('Not today.') }}");
  EXPECT_THAT(refusal(*strict, Json::parse(R"([{"role": "user", "content": "hi"}])")).message,
              HasSubstr("Not today."));
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
      for (int n = 0; n < 50; ++n) {
        EXPECT_EQ(chat->apply(Json{{{"role", "user"}, {"content", text}}}).value(), "4" + text);
      }
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
