// What requests leave open.
#include "server/request_defaults.h"

#include <gtest/gtest.h>

namespace banyan {
namespace {

TEST(RequestDefaults, NothingIsThoughtWithinABudgetOfNothing) {
  ChatRequest chat;
  chat.reasoning = {.enabled = true, .budget = 0};
  fill_in(chat, {});
  EXPECT_EQ(chat.reasoning.enabled, false);
  ChatRequest other;
  fill_in(other, {.reasoning = {.budget = 0}});
  EXPECT_EQ(other.reasoning.enabled, false);
  other.reasoning = {.enabled = true, .budget = 5};
  fill_in(other, {.reasoning = {.budget = 0}});
  EXPECT_EQ(other.reasoning.enabled, true);
}

}  // namespace
}  // namespace banyan
