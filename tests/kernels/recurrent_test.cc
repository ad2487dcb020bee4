#include "kernels/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/attention.h"

namespace banyan::test {
namespace {

using kernels::ConvRows;
using kernels::DeltaRows;

using Numbers = std::vector<float>;

// Each test runs with every instruction set of this machine.
class RecurrentTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { kernels::use_attention_target(GetParam().c_str()); }
  void TearDown() override { kernels::use_attention_target(""); }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  int pick(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  Numbers numbers(std::size_t count, float least = -1, float most = 1) {
    Numbers result(count);
    for (float& number : result) number = std::uniform_real_distribution(least, most)(random_);
    return result;
  }

 private:
  std::mt19937_64 random_;
};

void expect_near(const Numbers& actual, const std::vector<double>& expected, double most) {
  ASSERT_EQ(actual.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  EXPECT_LT(worst, most);
}

struct ConvCase {
  ConvCase(Random& random, int of_taps, int of_channels, int of_rows)
      : taps(of_taps),
        channels(of_channels),
        rows(of_rows),
        in(random.numbers(rows * channels)),
        weights(random.numbers(channels * (taps + 1))),
        tail(random.numbers(taps * channels)) {}

  // Rows [first, last) from `before` to `after`, by `threads` threads.
  void run(int first, int last, const float* before, float* after, Numbers& out, int threads = 1) const {
    for (int i = 0; i < threads; ++i) {
      kernels::convolve({.taps = taps,
                         .channels = channels,
                         .rows = last - first,
                         .in = in.data() + first * channels,
                         .weights = weights.data(),
                         .tail = before,
                         .new_tail = after,
                         .out = out.data() + first * channels},
                        channels * i / threads, channels * (i + 1) / threads);
    }
  }
  double seen(int row, int channel) const {
    return row < taps ? tail[row * channels + channel] : in[(row - taps) * channels + channel];
  }
  std::vector<double> expected() const {
    std::vector<double> result;
    for (int row = 0; row < rows; ++row) {
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        for (int i = 0; i <= taps; ++i) sum += double(weights[c * (taps + 1) + i]) * seen(row + i, c);
        result.push_back(sum / (1 + std::exp(-sum)));
      }
    }
    return result;
  }
  Numbers expected_tail() const {
    Numbers result;
    for (int row = rows; row < rows + taps; ++row) {
      for (int c = 0; c < channels; ++c) result.push_back(static_cast<float>(seen(row, c)));
    }
    return result;
  }

  int taps, channels, rows;
  Numbers in, weights, tail;
};

TEST_P(RecurrentTest, ConvolvesAnySize) {
  Random random(1);
  for (int taps = 1; taps <= RecurrentLayout::kMostTaps; ++taps) {
    for (const int channels : {1, 3, 16, 17, 100, 255, 256, 300}) {
      for (const int rows : {1, 2, 3, 4, 9}) {
        SCOPED_TRACE(testing::Message() << taps << " taps, " << channels << " channels, " << rows << " rows");
        const ConvCase c(random, taps, channels, rows);
        Numbers out(rows * channels, NAN);
        Numbers tail(taps * channels, NAN);
        c.run(0, rows, c.tail.data(), tail.data(), out, random.pick(1, 4));
        expect_near(out, c.expected(), 2e-6);
        EXPECT_EQ(tail, c.expected_tail());
      }
    }
  }
}

TEST_P(RecurrentTest, AConvolutionCutAnywhereIsTheSame) {
  Random random(2);
  for (int taps = 1; taps <= RecurrentLayout::kMostTaps; ++taps) {
    const ConvCase c(random, taps, 50, 12);
    Numbers whole(c.in.size()), tail(c.tail.size());
    c.run(0, c.rows, c.tail.data(), tail.data(), whole);
    for (int cut = 1; cut < c.rows; ++cut) {
      Numbers out(c.in.size(), NAN);
      Numbers state = c.tail;  // in place
      c.run(0, cut, state.data(), state.data(), out);
      c.run(cut, c.rows, state.data(), state.data(), out);
      EXPECT_EQ(out, whole) << "cut at " << cut;
      EXPECT_EQ(state, tail) << "cut at " << cut;
    }
  }
}

TEST_P(RecurrentTest, NoTailIsATailOfZeros) {
  Random random(3);
  ConvCase c(random, 3, 300, 2);
  c.tail.assign(c.tail.size(), 0);
  Numbers out(c.in.size(), NAN), tail(c.tail.size(), NAN);
  c.run(0, c.rows, nullptr, tail.data(), out);
  expect_near(out, c.expected(), 2e-6);
  EXPECT_EQ(tail, c.expected_tail());
}

TEST_P(RecurrentTest, ConvolutionsOfHugeNumbersStayFinite) {
  Random random(4);
  ConvCase c(random, 1, 4, 1);
  c.tail = {0, 0, 0, 0};
  c.weights = {0, 1, 0, 1, 0, 1, 0, 1};
  c.in = {-1e30f, -200, 200, 1e30f};
  Numbers out(4), tail(4);
  c.run(0, 1, c.tail.data(), tail.data(), out);
  EXPECT_NEAR(out[0], 0, 1e-7);
  EXPECT_NEAR(out[1], 0, 1e-7);
  EXPECT_EQ(out[2], 200);
  EXPECT_EQ(out[3], 1e30f);
}

// Rows of one head of which each stride is longer than what a row takes.
struct DeltaCase {
  DeltaCase(Random& random, int of_key_dim, int of_values, int of_rows, float most_decay = 0.5f)
      : key_dim(of_key_dim),
        values(of_values),
        rows(of_rows),
        key_stride(key_dim + random.pick(0, 3)),
        v_stride(values + random.pick(0, 3)),
        out_stride(values + random.pick(0, 3)),
        gate_stride(random.pick(1, 3)),
        q(random.numbers(rows * key_stride)),
        k(random.numbers(rows * key_stride)),
        v(random.numbers(rows * v_stride)),
        g(random.numbers(rows * gate_stride, -most_decay, 0)),
        beta(random.numbers(rows * gate_stride, 0, 1)),
        matrix(random.numbers(key_dim * values)) {
    for (int row = 0; row < rows; ++row) {
      for (Numbers* const vectors : {&q, &k}) {
        float* const vector = vectors->data() + row * key_stride;
        double length = 1e-6;
        for (int i = 0; i < key_dim; ++i) length += double(vector[i]) * vector[i];
        for (int i = 0; i < key_dim; ++i) vector[i] /= static_cast<float>(std::sqrt(length));
      }
    }
  }

  void run(int first, int last, const float* from, float* to, Numbers& out) const {
    kernels::scan_delta({.key_dim = key_dim,
                         .values = values,
                         .rows = last - first,
                         .scale = 0.7f,
                         .q = q.data() + first * key_stride,
                         .k = k.data() + first * key_stride,
                         .v = v.data() + first * v_stride,
                         .out = out.data() + first * out_stride,
                         .g = g.data() + first * gate_stride,
                         .beta = beta.data() + first * gate_stride,
                         .key_stride = key_stride,
                         .v_stride = v_stride,
                         .out_stride = out_stride,
                         .gate_stride = gate_stride,
                         .from = from,
                         .to = to});
  }
  // `out` holds what must stay in the gaps between rows.
  void expect(std::vector<double>& out, std::vector<double>& after) const {
    after.assign(matrix.begin(), matrix.end());
    for (int row = 0; row < rows; ++row) {
      for (int j = 0; j < values; ++j) {
        double seen = 0;
        double sum = 0;
        for (int i = 0; i < key_dim; ++i) {
          after[i * values + j] *= std::exp(double(g[row * gate_stride]));
          seen += after[i * values + j] * k[row * key_stride + i];
        }
        const double delta = beta[row * gate_stride] * (v[row * v_stride + j] - seen);
        for (int i = 0; i < key_dim; ++i) {
          after[i * values + j] += k[row * key_stride + i] * delta;
          sum += after[i * values + j] * q[row * key_stride + i];
        }
        out[row * out_stride + j] = 0.7f * sum;
      }
    }
  }

  int key_dim, values, rows;
  std::size_t key_stride, v_stride, out_stride, gate_stride;
  Numbers q, k, v, g, beta, matrix;
};

TEST_P(RecurrentTest, ScansAnySize) {
  Random random(5);
  for (const int key_dim : {1, 2, 3, 7, 8, 10, 16, 20, 64, 100, 128, 256}) {
    for (int values = 1; values <= RecurrentLayout::kTile; ++values) {
      SCOPED_TRACE(testing::Message() << key_dim << " keys, " << values << " values");
      const DeltaCase c(random, key_dim, values, random.pick(1, 12));
      Numbers out(c.rows * c.out_stride, 9);
      Numbers after(c.matrix.size(), NAN);
      c.run(0, c.rows, c.matrix.data(), after.data(), out);
      std::vector<double> expected_out(out.size(), 9), expected_after;
      c.expect(expected_out, expected_after);
      expect_near(out, expected_out, 1e-5);
      expect_near(after, expected_after, 1e-5);
    }
  }
}

TEST_P(RecurrentTest, AScanCutAnywhereIsTheSame) {
  Random random(6);
  for (const int values : {32, 27, 16, 1}) {
    const DeltaCase c(random, 50, values, 10);
    Numbers whole(c.rows * c.out_stride), after(c.matrix.size());
    c.run(0, c.rows, c.matrix.data(), after.data(), whole);
    for (int cut = 1; cut < c.rows; ++cut) {
      Numbers out(whole.size());
      Numbers state = c.matrix;  // in place
      c.run(0, cut, state.data(), state.data(), out);
      c.run(cut, c.rows, state.data(), state.data(), out);
      EXPECT_EQ(out, whole) << "cut at " << cut;
      EXPECT_EQ(state, after) << "cut at " << cut;
    }
  }
}

TEST_P(RecurrentTest, NoMatrixIsAMatrixOfZeros) {
  Random random(7);
  DeltaCase c(random, 20, 27, 3);
  c.matrix.assign(c.matrix.size(), 0);
  Numbers out(c.rows * c.out_stride), after(c.matrix.size(), NAN);
  c.run(0, c.rows, nullptr, after.data(), out);
  Numbers same_out(out.size()), same_after(after.size());
  c.run(0, c.rows, c.matrix.data(), same_after.data(), same_out);
  EXPECT_EQ(out, same_out);
  EXPECT_EQ(after, same_after);
}

TEST_P(RecurrentTest, LongScansStayExactWhateverTheDecay) {
  Random random(8);
  for (const float most_decay : {0.0f, 0.01f, 1.0f, 200.0f}) {
    const DeltaCase c(random, 64, 32, 2000, most_decay);
    Numbers out(c.rows * c.out_stride), after(c.matrix.size());
    c.run(0, c.rows, c.matrix.data(), after.data(), out);
    std::vector<double> expected_out(out.size()), expected_after;
    c.expect(expected_out, expected_after);
    expect_near(after, expected_after, 3e-5);
    expect_near(out, expected_out, 3e-5);
  }
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Targets, RecurrentTest,
                         testing::ValuesIn(std::vector<std::string>(kernels::attention_targets().begin(),
                                                                    kernels::attention_targets().end())),
                         [](const auto& target) { return target.param; });

}  // namespace banyan::test
