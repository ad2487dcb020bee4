#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>

#include "banyan/base.h"
#include "kernels/attention_case.h"
#include "kernels/attention_check.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

using kernels::AttentionShape;

constexpr int kDims[] = {8, 20, 24, 32, 64, 72, 80, 96, 100, 112, 128, 192, 256};

// Does something with every instruction set that this machine has.
void for_each_target(const std::function<void()>& check) {
  for (const char* const target : kernels::attention_targets()) {
    SCOPED_TRACE(target);
    kernels::use_attention_target(target);
    check();
  }
  kernels::use_attention_target("");
}

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

// The keys and values of a case are exact in both formats, so what is left is the rounding of sums
// and of exp.
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
      for (const int threads : {2, 3, 5, 8, 64}) EXPECT_EQ(c.attend(threads), one) << threads << " threads";
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

INSTANTIATE_TEST_SUITE_P(Types, AttentionTest, testing::Values(KvType::f16, KvType::f32),
                         [](const auto& type) { return type.param == KvType::f16 ? "f16" : "f32"; });

double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

// One token's keys and values as halves, written to an otherwise untouched segment.
struct Written {
  static constexpr KvLayout kLayout{.layers = 2, .kv_heads = 1, .key_dim = 20, .value_dim = 21};
  static constexpr int kCapacity = 48;
  static constexpr int kToken = 21;

  Written(const std::vector<float>& keys, const std::vector<float>& values)
      : segment(kLayout.segment_bytes(kCapacity) / 2, 0xFFFF) {
    kernels::write_token(kLayout, 1, reinterpret_cast<std::byte*>(segment.data()), kCapacity, kToken,
                         keys.data(), values.data());
  }
  std::uint16_t& key(int dim) {
    return segment[kLayout.keys_offset(kCapacity, 1, 0) / 2 + kToken / 16 * 20 * 16 + dim * 16 + kToken % 16];
  }
  std::uint16_t& value(int dim) {
    return segment[kLayout.values_offset(kCapacity, 1, 0) / 2 + kToken * 21 + dim];
  }

  std::vector<std::uint16_t> segment;
};

TEST(WriteTokenTest, RoundsToTheNearestHalf) {
  for_each_target([] {
    std::mt19937_64 random(1);
    for (int repeat = 0; repeat < 200; ++repeat) {
      const auto floats = [&](int count) {
        std::vector<float> result(count);
        for (float& element : result) {
          element = std::ldexp(std::uniform_real_distribution<float>(-1, 1)(random),
                               std::uniform_int_distribution(-26, 15)(random));
        }
        return result;
      };
      const std::vector<float> keys = floats(20);
      const std::vector<float> values = floats(21);
      Written written(keys, values);
      const auto expect_nearest = [](std::uint16_t bits, float exact) {
        const double error = std::abs(half(bits) - exact);
        const auto up = static_cast<std::uint16_t>(bits + 1);
        const auto down = static_cast<std::uint16_t>(bits - 1);
        EXPECT_LE(error, std::abs(half(up) - exact)) << exact;
        if ((bits & 0x7FFF) != 0) {
          EXPECT_LE(error, std::abs(half(down) - exact)) << exact;
        }
      };
      for (int d = 0; d < 20; ++d) expect_nearest(written.key(d), keys[d]);
      for (int d = 0; d < 21; ++d) expect_nearest(written.value(d), values[d]);
    }
  });
}

TEST(WriteTokenTest, TouchesNothingElse) {
  for_each_target([] {
    Written written(std::vector<float>(20, 1.0f), std::vector<float>(21, 1.0f));
    for (int d = 0; d < 20; ++d) written.key(d) = 0xFFFF;
    for (int d = 0; d < 21; ++d) written.value(d) = 0xFFFF;
    EXPECT_TRUE(std::ranges::all_of(written.segment, [](std::uint16_t bits) { return bits == 0xFFFF; }));
  });
}

TEST(WriteTokenTest, SaturatesWhatAHalfCannotHold) {
  for_each_target([] {
    std::vector<float> keys(20, 1e6f);
    keys[19] = -INFINITY;
    std::vector<float> values(21, 65519.0f);
    values[20] = -1e30f;
    Written written(keys, values);
    EXPECT_EQ(half(written.key(0)), 65504);
    EXPECT_EQ(half(written.key(19)), -65504);
    EXPECT_EQ(half(written.value(0)), 65504);
    EXPECT_EQ(half(written.value(20)), -65504);
  });
}

TEST(AttentionTargetTest, KnowsThisMachinesInstructionSets) {
  EXPECT_FALSE(kernels::attention_targets().empty());
  EXPECT_THROW(kernels::use_attention_target("Z80"), Misuse);
}

}  // namespace
}  // namespace banyan::test
