#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <utility>

#include "banyan/base.h"
#include "kernels/attention_case.h"
#include "kernels/attention_check.h"
#include "kernels/every_target.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

using kernels::AttentionShape;

constexpr int kDims[] = {8, 20, 24, 32, 64, 72, 80, 96, 100, 112, 128, 192, 256};

class AttentionTest : public testing::TestWithParam<KvType> {
 protected:
  AttentionShape shape(int kv_heads, int group, int key_dim, int value_dim, int layers = 1) const {
    const KvLayout layout{layers, kv_heads, key_dim, value_dim, GetParam()};
    return {layout, kv_heads * group, 1 / std::sqrt(static_cast<float>(key_dim))};
  }

  // Any shape, window, tree and rows.
  AttentionCase::Options any_options(std::mt19937_64& random) const {
    const auto pick = [&](int least, int most) { return std::uniform_int_distribution(least, most)(random); };
    const auto dim = [&] { return kDims[pick(0, std::size(kDims) - 1)]; };
    const int key_dim = dim();
    const int value_dim = pick(0, 1) == 0 ? key_dim : dim();
    AttentionCase::Options options;
    options.shape = shape(pick(1, 4), pick(1, 16), key_dim, value_dim, pick(1, 3));
    options.layer = pick(0, options.shape.layout.layers - 1);
    options.sequences = pick(1, 6);
    options.most_rows = pick(0, 3) == 0 ? 20 : 2;
    options.most_run = pick(0, 1) == 0 ? 20 : 150;
    options.anywhere = pick(0, 3) == 0;
    options.sinks = pick(0, 1) == 0;
    if (pick(0, 1) == 0) options.shape.window = pick(0, 2) == 0 ? pick(1, 20) : pick(1, 300);
    return options;
  }
};

// What is expected is of keys and values as the format holds them, so what is left is the rounding of
// sums and of exp.
void expect_near(const std::vector<float>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  EXPECT_LT(worst, tolerance);
}

TEST_P(AttentionTest, MatchesTheTextbookForAnyShapeAndTreeOfRuns) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const AttentionCase c(any_options(random), random);
    const std::vector<double> expected = c.expected();
    for_each_target([&] { expect_near(c.attend(), expected, 1e-5); });
  }
}

// What the fuzz target does, with fixed bytes.
TEST(AttentionCheckTest, AgreesWithTheTextbookForAnyBytes) {
  for (int seed = 0; seed < scaled(60); ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(60);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(check_attention(bytes), "") << "seed " << seed;
  }
}

// A path of two runs, cut at every place around the window's edge and a tile's, of rows from one to more
// than a tile.
TEST_P(AttentionTest, SeesTheWindowAndNothingElse) {
  constexpr int kTokens = 200;
  std::mt19937_64 random(1);
  for (const int window : {1, 2, 15, 16, 17, 63, 64, 65, 90, 199, 200, 201}) {
    for (const int rows : {1, 3, 33}) {
      for (int around = -2; around <= 2; ++around) {
        for (const int cut : {kTokens - window + around, kTokens - rows - window + around, 16 + around}) {
          if (cut <= 0 || cut >= kTokens) continue;
          const int begin = std::uniform_int_distribution(0, 17)(random);
          SCOPED_TRACE(testing::Message() << "window " << window << ", " << rows << " rows, cut at " << cut
                                          << ", then from token " << begin);
          AttentionCase::Options options{.shape = shape(1, 2, 8, 8), .sinks = around == 0};
          options.shape.window = window;
          const AttentionCase::Run runs[] = {{begin / 2, cut}, {begin, kTokens - cut}};
          const AttentionCase c(options, runs, rows, random);
          const std::vector<double> expected = c.expected();
          for_each_target([&] { expect_near(c.attend(), expected, 1e-5); });
        }
      }
    }
  }
}

TEST_P(AttentionTest, ASinkTakesWeightAndGivesNothing) {
  std::mt19937_64 random(1);
  AttentionCase c({.shape = shape(1, 2, 64, 32)}, random);
  for_each_target([&] {
    c.set_sinks({});
    const std::vector<float> without = c.attend();
    c.set_sinks({-INFINITY, -1000});
    EXPECT_EQ(c.attend(), without);
    c.set_sinks({1000, 1000});
    expect_near(c.attend(), std::vector<double>(without.size(), 0.0), 1e-30);
  });
}

// One token has all the weight, and the running maximum rises far with a later one.
TEST_P(AttentionTest, MatchesTheTextbookWhenScoresAreFarApart) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    AttentionCase::Options options{
        .shape = shape(2, 3, 64, 32), .sequences = 3, .sharpness = 300, .sinks = seed % 2 == 1};
    const AttentionCase c(options, random);
    const std::vector<double> expected = c.expected();
    // Scores reach 5000, where a float is good to 1/4096.
    for_each_target([&] { expect_near(c.attend(), expected, 4e-3); });
  }
}

TEST_P(AttentionTest, MatchesTheTextbookOverThousandsOfTokens) {
  int longest = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const AttentionCase c({.shape = shape(1, 2, 32, 32), .sequences = 2, .most_run = 8000}, random);
    longest = std::max(longest, *std::ranges::max_element(c.positions()));
    const std::vector<double> expected = c.expected();
    for_each_target([&] { expect_near(c.attend(), expected, 1e-5); });
  }
  EXPECT_GT(longest, 5000);
}

TEST_P(AttentionTest, AnyNumberOfThreadsComputesTheSameBits) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const AttentionCase c(any_options(random), random);
    for_each_target([&] {
      const std::vector<float> one = c.attend();
      for (const int threads : {2, 3, 8, 16, 64, 128})
        EXPECT_EQ(c.attend(threads), one) << threads << " threads";
    });
  }
}

TEST_P(AttentionTest, OtherRowsOfTheBatchDoNotChangeABit) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const AttentionCase c(any_options(random), random);
    const int begin = std::uniform_int_distribution(0, c.rows() - 1)(random);
    const int end = std::uniform_int_distribution(begin + 1, c.rows())(random);
    for_each_target([&] {
      const std::vector<float> all = c.attend();
      const std::vector<float> some(all.begin() + begin * c.out_size(), all.begin() + end * c.out_size());
      EXPECT_EQ(c.attend_alone(begin, end), some) << "rows " << begin << " to " << end << " of " << c.rows();
    });
  }
}

// Three tokens in every 512 of a million positions, so that the tree of sums has all of its levels.
std::vector<AttentionCase::Run> deep_runs() {
  std::vector<AttentionCase::Run> runs{{5, 3}};
  for (int piece = 1; piece < 2048; ++piece) runs.push_back({piece % 7, 3, 509});
  return runs;
}

TEST_P(AttentionTest, AnyNumberOfThreadsComputesTheSameBitsFarDownAPath) {
  std::mt19937_64 random(1);
  // Few rows, whose sums of all pieces can be kept, and so many that only those of upper levels can.
  for (const int rows : {1, 10}) {
    const AttentionCase c({.shape = shape(1, 16, 8, 8), .sinks = true}, deep_runs(), rows, random);
    const std::vector<float> one = c.attend();
    expect_near(one, c.expected(), 1e-5);
    for (const int threads : {2, 8, 16, 64, 128}) {
      const kernels::AttentionPlan plan = c.plan(threads);
      EXPECT_EQ(plan.root_level(), 4);
      EXPECT_EQ(plan.cut_level(), rows == 1 ? 0 : 1);
      EXPECT_GT(plan.tasks().size(), plan.blocks().size());
      EXPECT_EQ(c.attend(threads), one) << rows << " rows, " << threads << " threads";
    }
  }
}

TEST_P(AttentionTest, RowsFurtherDownThePathDoNotChangeABit) {
  std::mt19937_64 random(1);
  const AttentionCase::Options options{.shape = shape(1, 2, 8, 8), .anywhere = true, .sinks = true};
  const AttentionCase c(options, deep_runs(), 12, random);
  const std::vector<float> all = c.attend(8);
  expect_near(all, c.expected(), 1e-5);
  for (int row = 0; row < c.rows(); ++row) {
    const std::vector<float> of_row(all.begin() + row * c.out_size(), all.begin() + (row + 1) * c.out_size());
    EXPECT_EQ(c.attend_alone(row, row + 1), of_row) << "at position " << c.positions()[row];
  }
}

// What q8_0 costs: the error of a row's result, relative to it, where one token has hardly more weight than
// another and where few have all of it.
TEST(QuantisedAttentionTest, IsNearToWhatExactKeysAndValuesGive) {
  for (const auto& [sharpness, most] : {std::pair{1.0f, 6e-3}, {10.0f, 1.2e-2}}) {
    double error = 0, size = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::mt19937_64 random(seed);
      const KvLayout layout{
          .layers = 1, .kv_heads = 2, .key_dim = 128, .value_dim = 128, .type = KvType::q8_0};
      const AttentionCase c(
          {.shape = {layout, 4, 1 / std::sqrt(128.0f)}, .sequences = 2, .sharpness = sharpness}, random);
      const std::vector<double> exact = c.expected(KvType::f32);
      const std::vector<float> quantised = c.attend();
      for (std::size_t i = 0; i < exact.size(); ++i) {
        error += (quantised[i] - exact[i]) * (quantised[i] - exact[i]);
        size += exact[i] * exact[i];
      }
    }
    const double relative = std::sqrt(error / size);
    std::printf("queries up to %.0f: relative error %.2e\n", sharpness, relative);
    EXPECT_LT(relative, most);
    EXPECT_GT(relative, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionTest, testing::ValuesIn(kKvTypes),
                         [](const auto& type) { return kv_type_name(type.param); });

TEST(AttentionTargetTest, KnowsThisMachinesInstructionSets) {
  EXPECT_FALSE(kernels::attention_targets().empty());
  EXPECT_THROW(kernels::use_attention_target("Z80"), Misuse);
}

}  // namespace
}  // namespace banyan::test
