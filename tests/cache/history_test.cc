#include "cache/history.h"

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
  std::size_t limit;
  std::vector<const char*> must_happen;
};

void PrintTo(const Mixture& mixture, std::ostream* out) { *out << mixture.name; }

const std::size_t kSegment = kTestLayout.segment_bytes(64);

const Mixture kMixtures[] = {
    {"AttentionTight", {.attention = true}, 12 * kSegment, {"evict leaf", "out of memory"}},
    {"AttentionRoomy", {.attention = true}, 30 * kSegment, {"evict leaf", "evict tail", "last_token"}},
    {"Recurrent",
     {.attention = false, .recurrent = true},
     14 * kTestRecurrentLayout.bytes(),
     {"no_point", "no_state", "evict cheap", "evict inner", "points given up", "out of memory"}},
    {"Hybrid",
     {.attention = true, .recurrent = true},
     15 * kSegment,
     {"no_point", "no_state", "evict cheap", "evict inner", "out of memory"}},
    {"Window",
     {.attention = true, .window = true},
     22 * kSegment,
     {"no_point", "evict inner", "out of memory"}},
    {"AllKinds",
     {.attention = true, .window = true, .recurrent = true},
     24 * kSegment,
     {"no_point", "no_state", "evict inner", "evict cheap"}},
};

class RandomCacheHistory : public testing::TestWithParam<std::tuple<Mixture, std::uint32_t>> {};

TEST_P(RandomCacheHistory, AgreesWithAPlainMapAfterEveryStep) {
  const auto& [mixture, seed] = GetParam();
  SCOPED_TRACE(std::string(mixture.name) + ", seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes(40'000);
  std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });

  const CacheHistoryResult result = run_cache_history(mixture.kinds, mixture.limit, bytes);

  EXPECT_EQ(result.wrong, "");
  EXPECT_GT(result.steps, 2000u);
  EXPECT_GT(result.evictions, 50u);
  for (const char* what :
       {"prefill", "decode", "publish", "restored", "close", "close early", "move over an open session"}) {
    EXPECT_GT(result.done.contains(what) ? result.done.at(what) : 0, 30) << what;
  }
  for (const char* what : mixture.must_happen) {
    EXPECT_GT(result.done.contains(what) ? result.done.at(what) : 0, 0) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(Mixtures, RandomCacheHistory,
                         testing::Combine(testing::ValuesIn(kMixtures), testing::Range(1u, 4u)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace banyan
