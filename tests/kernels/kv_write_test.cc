#include "kernels/kv_write.h"

#include <ggml.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/every_target.h"

namespace banyan::test {
namespace {

// A token's bytes are those that are the same whatever was there before.
TEST(KvWriteTest, EveryTokenHasItsOwnBytes) {
  constexpr int kCapacity = 32;
  for (const KvType type : kKvTypes) {
    for (const int dim : {1, 8, 31, 32, 33, 64}) {
      const KvLayout layout{.layers = 2, .kv_heads = 2, .key_dim = dim, .value_dim = dim + 5, .type = type};
      SCOPED_TRACE(testing::Message() << kv_type_name(type) << " of " << dim);
      const std::vector<float> keys(2 * layout.key_dim, 1.0f);
      const std::vector<float> values(2 * layout.value_dim, 1.0f);
      for_each_target([&] {
        std::vector<int> writers(layout.segment_bytes(kCapacity));
        for (int layer = 0; layer < layout.layers; ++layer) {
          for (int token = 0; token < kCapacity; ++token) {
            std::vector<std::byte> zeros(writers.size(), std::byte{0});
            std::vector<std::byte> ones(writers.size(), std::byte{0xFF});
            for (auto* const segment : {&zeros, &ones}) {
              kernels::write_token(layout, layer, segment->data(), kCapacity, token, keys.data(),
                                   values.data());
            }
            for (std::size_t i = 0; i < writers.size(); ++i) writers[i] += zeros[i] == ones[i];
          }
        }
        EXPECT_TRUE(std::ranges::all_of(writers, [](int count) { return count == 1; }));
      });
    }
  }
}

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

TEST(KvWriteTest, RoundsToTheNearestHalf) {
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

TEST(KvWriteTest, SaturatesWhatAHalfCannotHold) {
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

using Head = std::vector<float>;

// One token's keys and values in q8_0, of one head.
struct Quantised {
  static constexpr KvLayout kLayout{
      .layers = 1, .kv_heads = 1, .key_dim = 72, .value_dim = 100, .type = KvType::q8_0};
  static constexpr int kCapacity = 32;
  static constexpr int kToken = 21;

  struct Number {
    std::uint16_t scale;
    std::int8_t number;
    double value() const { return half(scale) * number; }
  };

  Quantised(const Head& key, const Head& value) : segment(kLayout.segment_bytes(kCapacity), std::byte{0xFF}) {
    kernels::write_token(kLayout, 0, segment.data(), kCapacity, kToken, key.data(), value.data());
  }
  Number key(int dim) const {
    const std::size_t tile = kLayout.keys_offset(kCapacity, 0, 0) + kToken / 16 * 16 * (72 + 3 * 2);
    const std::size_t block = tile + dim / 32 * 16 * (2 + 32);
    return at(block + kToken % 16 * 2, block + 16 * 2 + dim % 32 * 16 + kToken % 16);
  }
  Number value(int dim) const {
    const std::size_t tile = kLayout.values_offset(kCapacity, 0, 0) + kToken / 16 * 16 * (100 + 4 * 2);
    return at(tile + (dim / 32 * 16 + kToken % 16) * 2, tile + 4 * 16 * 2 + kToken % 16 * 100 + dim);
  }
  Number at(std::size_t scale, std::size_t number) const {
    Number result;
    std::memcpy(&result.scale, &segment[scale], sizeof(result.scale));
    std::memcpy(&result.number, &segment[number], sizeof(result.number));
    return result;
  }

  std::vector<std::byte> segment;
};

// Calls check(number, what it was before, what ggml makes of it).
template <class Check>
void for_each_number(const Head& key, const Head& value, const Check& check) {
  const Quantised written(key, value);
  const auto compare = [&](const Head& exact, auto number) {
    Head padded = exact;
    padded.resize((exact.size() + 31) / 32 * 32);
    std::vector<std::uint8_t> blocks(padded.size() / 32 * 34);
    ggml_quantize_chunk(GGML_TYPE_Q8_0, padded.data(), blocks.data(), 0, 1,
                        static_cast<std::int64_t>(padded.size()), nullptr);
    for (int d = 0; d < static_cast<int>(exact.size()); ++d) {
      Quantised::Number of_ggml;
      std::memcpy(&of_ggml.scale, &blocks[d / 32 * 34], sizeof(of_ggml.scale));
      std::memcpy(&of_ggml.number, &blocks[d / 32 * 34 + 2 + d % 32], sizeof(of_ggml.number));
      check(number(d), exact[d], of_ggml);
    }
  };
  compare(key, [&](int d) { return written.key(d); });
  compare(value, [&](int d) { return written.value(d); });
}

TEST(KvWriteTest, QuantisesAsGgmlDoes) {
  for_each_target([] {
    std::mt19937_64 random(1);
    int numbers = 0, others = 0;
    for (int repeat = 0; repeat < 200; ++repeat) {
      const float size = std::ldexp(1.0f, std::uniform_int_distribution(-7, 15)(random));
      const auto head = [&](int count) {
        Head result(count);
        for (float& element : result) element = std::uniform_real_distribution<float>(-size, size)(random);
        return result;
      };
      for_each_number(head(72), head(100), [&](const auto& number, float, const auto& of_ggml) {
        ASSERT_EQ(number.scale, of_ggml.scale);
        ASSERT_LE(std::abs(number.number - of_ggml.number), 1);
        ++numbers;
        others += number.number != of_ggml.number;
      });
    }
    // ggml's reference divides before it rounds, which differs where a number is as near to one as to
    // another.
    EXPECT_LE(others * 1000, numbers);
  });
}

TEST(KvWriteTest, QuantisedNumbersAreAtMostHalfAStepOff) {
  for_each_target([] {
    std::mt19937_64 random(1);
    double worst = 0;
    for (int repeat = 0; repeat < 200; ++repeat) {
      const auto head = [&](int count) {
        Head result(count);
        for (float& element : result) element = std::normal_distribution<float>()(random);
        for (int first = 0; first < count; first += 32) result[first] = repeat % 2 == 0 ? 4 : -4;
        return result;
      };
      for_each_number(head(72), head(100), [&](const auto& number, float exact, const auto&) {
        worst = std::max(worst, std::abs(number.value() - exact) / std::max(4.0f, std::abs(exact)));
      });
    }
    // Half a step of 1/127 of the largest, and what rounding the scale to a half costs.
    EXPECT_LT(worst, 0.5 / 127 + std::ldexp(1.0, -11));
  });
}

TEST(KvWriteTest, QuantisedZerosAndWhatIsTooSmallAreZero) {
  for (const float tiny : {0.0f, -0.0f, 1e-45f, 1e-38f, 3e-6f}) {
    for_each_target([&] {
      for_each_number(Head(72, tiny), Head(100, -tiny),
                      [](const auto& number, float, const auto&) { EXPECT_EQ(number.value(), 0); });
    });
  }
}

TEST(KvWriteTest, QuantisingLimitsWhatAHalfCannotHoldAndForgetsWhatIsNoNumber) {
  for_each_target([] {
    Head key(72, 1.0f);
    key[0] = NAN;
    key[40] = INFINITY;
    Head value(100, -1.0f);
    value[3] = -1e30f;
    value[99] = -NAN;
    const Quantised written(key, value);
    EXPECT_EQ(written.key(0).value(), 0);
    EXPECT_NEAR(written.key(1).value(), 1, 1e-3);
    EXPECT_NEAR(written.key(40).value(), 65504, 65504.0 / 2048);
    EXPECT_NEAR(written.value(3).value(), -65504, 65504.0 / 2048);
    EXPECT_EQ(written.value(4).number, 0);
    EXPECT_NEAR(written.value(98).value(), -1, 1e-3);
    EXPECT_EQ(written.value(99).value(), 0);
  });
}

}  // namespace
}  // namespace banyan::test
