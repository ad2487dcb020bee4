#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "state/recurrent_tools.h"

namespace banyan::test::recurrent {
namespace {

constexpr std::size_t kPlenty = std::size_t{64} << 20;

Step reserved(Path& path, std::size_t count) {
  path.state->reserve(count).value();
  return {&path, new_names(count)};
}

// Rows [first, last) of each layer's result.
std::vector<Numbers> rows_of(const std::vector<Numbers>& results, std::size_t first, std::size_t last) {
  constexpr std::size_t kRow = kLayout.value_heads * kLayout.value_dim;
  std::vector<Numbers> part;
  for (const Numbers& result : results) {
    part.emplace_back(result.begin() + std::ptrdiff_t(first * kRow),
                      result.begin() + std::ptrdiff_t(last * kRow));
  }
  return part;
}

TEST(RecurrentBatchTest, MatchesTheTextbook) {
  for (const KeyOrder order : {KeyOrder::grouped, KeyOrder::tiled}) {
    Budget budget(kPlenty);
    Path path = start(budget);
    const Step step = reserved(path, 40);
    const auto actual = forward({&step, 1}, 1, order);
    const auto exact = by_the_textbook(step.added, order);
    for (int layer = 0; layer < kLayout.layers; ++layer) {
      ASSERT_EQ(actual[layer].size(), exact[layer].size());
      double worst = 0;
      for (std::size_t i = 0; i < exact[layer].size(); ++i) {
        const double error = std::abs(actual[layer][i] - exact[layer][i]);
        worst = std::isnan(error) ? INFINITY : std::max(worst, error);
      }
      EXPECT_LT(worst, 2e-6) << "layer " << layer;
    }
  }
}

TEST(RecurrentBatchTest, APathCutAnywhereIsTheSameBitForBit) {
  const Names names = new_names(12);
  const auto whole = expected(names, 12);
  for (std::size_t cut = 1; cut < 12; ++cut) {
    Budget budget(kPlenty);
    Path path = start(budget);
    EXPECT_EQ(extend(path, Names(names.begin(), names.begin() + std::ptrdiff_t(cut))),
              rows_of(whole, 0, cut));
    EXPECT_EQ(extend(path, Names(names.begin() + std::ptrdiff_t(cut), names.end())), rows_of(whole, cut, 12));
  }
}

TEST(RecurrentBatchTest, TokenByTokenIsTheSameBitForBit) {
  Budget budget(kPlenty);
  Path path = start(budget);
  const Names names = new_names(20);
  const auto whole = expected(names, 20);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(extend(path, {names[i]}), rows_of(whole, i, i + 1));
}

TEST(RecurrentBatchTest, ACaptureInsideAPrefillIsAPrefillCutThereBitForBit) {
  const Names names = new_names(12);
  for (std::size_t at = 1; at <= 12; ++at) {
    SCOPED_TRACE(at);
    Budget budget(kPlenty);
    const Names front(names.begin(), names.begin() + std::ptrdiff_t(at));
    Path captured = start(budget);
    captured.state->schedule_capture(at);
    EXPECT_EQ(extend(captured, names), expected(names, 12));
    const auto part = captured.state->snapshot(0, at);
    ASSERT_NE(part, nullptr);

    Path cut = start(budget);
    extend(cut, front);
    Path resumed = resume(*part, front, budget);
    const Step steps[] = {reserved(cut, 3), reserved(resumed, 3)};
    const auto after_cut = forward({&steps[0], 1});
    const Step same{&resumed, steps[0].added};
    EXPECT_EQ(forward({&same, 1}), after_cut);
  }
}

TEST(RecurrentBatchTest, ABatchOfPrefillDecodeAndCapturesIsEachByItselfBitForBit) {
  Budget budget(kPlenty);
  Path trunk = start(budget);
  extend(trunk, new_names(9));
  const auto part = trunk.state->snapshot(0, 9);
  Path decoding = resume(*part, trunk.names, budget);
  Path prefill = start(budget);
  Path another = resume(*part, trunk.names, budget);
  for (const std::size_t offset : {1, 2, 7, 20, 25}) prefill.state->schedule_capture(offset);
  another.state->schedule_capture(11);

  const std::vector<Step> steps = {reserved(prefill, 25), reserved(decoding, 1), reserved(trunk, 1),
                                   reserved(another, 4)};
  const auto together = forward(steps);
  commit(steps);
  std::size_t row = 0;
  for (const auto& [path, added] : steps) {
    EXPECT_EQ(rows_of(together, row, row + added.size()), expected(path->names, added.size()));
    row += added.size();
    EXPECT_TRUE(goes_on(*path));
  }
  for (const std::size_t offset : {1, 2, 7, 20, 25}) {
    const Names front(prefill.names.begin(), prefill.names.begin() + std::ptrdiff_t(offset));
    Path resumed = resume(*prefill.state->snapshot(0, offset), front, budget);
    EXPECT_TRUE(goes_on(resumed)) << offset;
  }
}

// What threads write together, for the thread sanitizer; and whether it is the same.
TEST(RecurrentBatchTest, AnyNumberOfThreadsComputesTheSame) {
  Budget budget(kPlenty);
  Path a = start(budget);
  Path b = start(budget);
  extend(b, new_names(5));
  b.state->schedule_capture(8);
  const std::vector<Step> steps = {reserved(a, 6), reserved(b, 10)};
  const auto one = forward(steps);
  for (const int threads : {2, 3, 7}) EXPECT_EQ(forward(steps, threads), one) << threads << " threads";
  commit(steps);
  EXPECT_TRUE(goes_on(a));
  EXPECT_TRUE(goes_on(b));
}

TEST(RecurrentBatchTest, RefusesWhatItCannotCompute) {
  Budget budget(kPlenty);
  RecurrentState state(kLayout, budget);
  RecurrentLayout other_layout = kLayout;
  ++other_layout.layers;
  RecurrentState other(other_layout, budget);
  ASSERT_TRUE(state.reserve(2));
  ASSERT_TRUE(other.reserve(2));
  using Sequences = std::vector<RecurrentBatch::Sequence>;
  const auto make = [](const Sequences& sequences, int key_heads) {
    (void)RecurrentBatch(sequences, key_heads, KeyOrder::tiled);
  };
  EXPECT_NO_THROW(make({{&state, 2}}, 2));
  EXPECT_THROW(make({}, 2), Misuse);
  EXPECT_THROW(make({{&state, 0}}, 2), Misuse);
  EXPECT_THROW(make({{&state, 3}}, 2), Misuse);
  EXPECT_THROW(make({{&state, 1}}, 3), Misuse);
  EXPECT_THROW(make({{&state, 1}, {&other, 1}}, 2), Misuse);
  EXPECT_THROW(make({{&state, 1}, {&state, 1}}, 2), Misuse);
}

}  // namespace
}  // namespace banyan::test::recurrent
