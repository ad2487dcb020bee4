#include "trie/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace banyan {
namespace {

class RandomHistory : public testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomHistory, AgreesWithAPlainMapAfterEveryStep) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  std::vector<std::uint8_t> bytes(12'000);
  std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });

  const HistoryResult result = run_history(bytes);

  EXPECT_EQ(result.wrong, "");
  EXPECT_GT(result.steps, 2500u);
  EXPECT_GT(result.most_nodes, 50u);
  for (const char* operation :
       {"append", "no append", "append in place", "split", "no split", "merge", "no merge", "remove",
        "no remove", "shorten", "no shorten", "release", "no release"}) {
    EXPECT_GT(result.done.contains(operation) ? result.done.at(operation) : 0, 20) << operation;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, testing::Range(1u, 7u));

}  // namespace
}  // namespace banyan
