// Templates that do not end, and requests that make one costly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "banyan/chat_template.h"

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

TEST(ChatTemplateLimits, ATemplateWithoutAnEndIsNotLoaded) {
  for (const char* source :
       {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}"}) {
    const auto chat = ChatTemplate::create(source, "", "");
    ASSERT_FALSE(chat) << source;
    EXPECT_EQ(chat.error().code, Errc::unsupported);
    EXPECT_THAT(chat.error().message, HasSubstr("limit of"));
  }
}

TEST(ChatTemplateLimits, ARequestThatMakesItCostlyIsRefused) {
  const auto chat = ChatTemplate::create("{{ messages[0].content * (times | default(1)) }}", "", "").value();
  const Json messages = {{{"role", "user"}, {"content", "hi"}}};
  EXPECT_EQ(chat->apply(messages).value(), "hi");
  const auto prompt = chat->apply(messages, Json(), true, {{"times", 1'000'000'000'000}});
  ASSERT_FALSE(prompt);
  EXPECT_EQ(prompt.error().code, Errc::invalid_argument);
  EXPECT_THAT(prompt.error().message, HasSubstr("limit of"));
}

TEST(ChatTemplateLimits, ArgumentsThatAreNestedTooDeepStayText) {
  // This template knows no calls, so that they are written as JSON.
  const auto chat = ChatTemplate::create("{{ messages[0].content }}", "", "").value();
  const std::string deep(1'000'000, '[');
  const std::string arguments = deep + std::string(deep.size(), ']');
  const Json call = {{"type", "function"}, {"function", {{"name", "f"}, {"arguments", arguments}}}};
  const auto prompt = chat->apply({{{"role", "assistant"}, {"tool_calls", Json::array({call})}}});
  ASSERT_TRUE(prompt);
  EXPECT_THAT(*prompt, HasSubstr("\"arguments\": \"[[["));
}

}  // namespace
}  // namespace banyan
