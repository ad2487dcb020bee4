#include "cache/stored_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace banyan {
namespace {

struct Mixture {
  const char* name;
  LayerKinds kinds;
  std::size_t memory;
  std::size_t tier;
};

void PrintTo(const Mixture& mixture, std::ostream* out) { *out << mixture.name; }

const std::size_t kToken = kTestLayout.bytes_per_token();

const Mixture kMixtures[] = {
    {"Attention", {.attention = true}, 6000 * kToken, 8000 * kToken},
    {"AttentionTight", {.attention = true}, 2000 * kToken, 3000 * kToken},
    {"Recurrent",
     {.attention = false, .recurrent = true},
     50 * kTestRecurrentLayout.bytes(),
     60 * kTestRecurrentLayout.bytes()},
    {"Hybrid", {.attention = true, .recurrent = true}, 6000 * kToken, 8000 * kToken},
    {"Window", {.attention = true, .window = true}, 8000 * kToken, 9000 * kToken},
    {"AllKinds", {.attention = true, .window = true, .recurrent = true}, 8000 * kToken, 9000 * kToken},
};

class RandomStoredHistory : public testing::TestWithParam<std::tuple<Mixture, std::uint32_t>> {};

TEST_P(RandomStoredHistory, LoadsWhatWasStoredOrNothing) {
  const auto& [mixture, seed] = GetParam();
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes(20'000);
  std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });

  const StoredHistoryResult result = run_stored_history(mixture.kinds, mixture.memory, mixture.tier, bytes);

  EXPECT_EQ(result.wrong, "");
  for (const char* what : {"loading", "loaded", "restart", "restart with something", "damage", "clear"}) {
    EXPECT_GT(result.done.contains(what) ? result.done.at(what) : 0, 5) << what;
  }
  for (const char* what : {"not loaded", "closed while loading", "several loading"}) {
    EXPECT_GT(result.done.contains(what) ? result.done.at(what) : 0, 0) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(Mixtures, RandomStoredHistory,
                         testing::Combine(testing::ValuesIn(kMixtures), testing::Range(1u, 4u)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace banyan
