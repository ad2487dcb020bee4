// Templates that do not end, and requests that make one costly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;
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
  const auto chat = make("{{ messages[0].content * (times | default(1)) }}");
  ChatRequest request = {.messages = {user("hi")}};
  EXPECT_EQ(prompt(*chat, request), "hi");
  request.variables = {{"times", 1'000'000'000'000}};
  const auto text = chat->apply(request);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::invalid_argument);
  EXPECT_THAT(text.error().message, HasSubstr("limit of"));
}

}  // namespace
}  // namespace banyan
