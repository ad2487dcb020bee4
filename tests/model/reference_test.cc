// The trained models, one for each kind of layer memory, against the logits of another implementation,
// transformers in float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "model/tools.h"

namespace banyan::test {
namespace {

// ggml rounds activations to f16 before it multiplies with f16 weights; transformers did not.
constexpr double kTolerance = 5e-4;

struct ReferenceCase {
  std::vector<Token> tokens;
  std::vector<std::int32_t> argmax;
  std::vector<std::int32_t> positions;
  std::vector<float> logits;  // [positions][vocabulary]
};

/// Of data/tally-MODEL-reference.bin; data/README.md has the format.
std::vector<ReferenceCase> read_reference(const std::string& model, std::size_t vocabulary) {
  std::ifstream file(BANYAN_TEST_DATA "/tally-" + model + "-reference.bin", std::ios::binary);
  file.exceptions(std::ios::failbit);
  const auto read = [&]<class T>(std::vector<T> values) {
    file.read(reinterpret_cast<char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(T)));
    return values;
  };
  std::vector<ReferenceCase> cases(static_cast<std::size_t>(read(std::vector<std::int32_t>(1))[0]));
  for (ReferenceCase& c : cases) {
    const auto sizes = read(std::vector<std::int32_t>(2));
    const auto tokens = static_cast<std::size_t>(sizes[0]);
    const auto positions = static_cast<std::size_t>(sizes[1]);
    c.tokens = read(std::vector<Token>(tokens));
    c.argmax = read(std::vector<std::int32_t>(tokens));
    c.positions = read(std::vector<std::int32_t>(positions));
    c.logits = read(std::vector<float>(positions * vocabulary));
  }
  return cases;
}

/// By how much log-probabilities differ, of tokens that are somewhat probable.
struct Difference {
  double sum = 0;
  double most = 0;
  int count = 0;

  /// Of a row of logits to what is expected.
  void add(std::span<const float> actual, std::span<const float> expected) {
    const auto normaliser = [](std::span<const float> logits) {
      double total = 0;
      for (const float logit : logits) total += std::exp(double{logit});
      return std::log(total);
    };
    const double of_actual = normaliser(actual);
    const double of_expected = normaliser(expected);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double probable = expected[i] - of_expected;
      if (probable < -7) continue;
      const double difference = std::abs(actual[i] - of_actual - probable);
      sum += difference;
      most = std::max(most, difference);
      ++count;
    }
  }
  double mean() const { return sum / count; }
};

class AgainstTransformers : public ::testing::TestWithParam<std::string> {
 protected:
  Subject load(KvType type = KvType::f32) const {
    return Subject(BANYAN_TEST_DATA "/tally-" + GetParam() + "-f16.gguf", type);
  }

  std::vector<ReferenceCase> cases() const { return read_reference(GetParam(), kVocabulary); }

  /// The beginning of a case, longer than the window, to save time.
  ReferenceCase short_case(std::size_t i = 0) const {
    ReferenceCase c = cases()[i];
    c.tokens.resize(kShort);
    while (static_cast<std::size_t>(c.positions.back()) >= kShort) c.positions.pop_back();
    c.logits.resize(c.positions.size() * kVocabulary);
    return c;
  }

  /// Of the logits after each token, at the positions of the reference, to the reference's.
  static double error(const Logits& logits, const ReferenceCase& c) {
    std::vector<float> rows;
    for (const std::int32_t position : c.positions) {
      rows.append_range(
          std::span(logits).subspan(static_cast<std::size_t>(position) * kVocabulary, kVocabulary));
    }
    return relative_error(rows, c.logits);
  }

  static std::vector<Token> slice(const ReferenceCase& c, std::size_t begin, std::size_t count) {
    return {c.tokens.begin() + static_cast<std::ptrdiff_t>(begin),
            c.tokens.begin() + static_cast<std::ptrdiff_t>(begin + count)};
  }

  /// The rows of a path's first tokens and of those that came after.
  static Logits joined(Logits logits, std::span<const float> more) {
    logits.append_range(more);
    return logits;
  }

  static constexpr std::size_t kVocabulary = 2048;
  static constexpr std::size_t kShort = 160;
};

TEST_P(AgainstTransformers, LogitsAndChoicesAgree) {
  Subject subject = load();
  ASSERT_EQ(subject.model().info().vocabulary, kVocabulary);
  ASSERT_EQ(cases().size(), 3);
  for (const ReferenceCase& c : cases()) {
    SCOPED_TRACE(c.tokens.size());
    const Logits logits = subject.evaluate(*subject.start(), c.tokens);
    EXPECT_LT(error(logits, c), kTolerance);
    int others = 0;
    for (std::size_t row = 0; row < c.tokens.size(); ++row) {
      const std::span<const float> of_row = std::span(logits).subspan(row * kVocabulary, kVocabulary);
      if (std::ranges::max_element(of_row) - of_row.begin() != c.argmax[row]) ++others;
    }
    EXPECT_LE(others, 1) << "tokens whose most probable successor is another";
  }
}

TEST_P(AgainstTransformers, KeysAndValuesInF16CostLittle) {
  Subject subject = load(KvType::f16);
  const ReferenceCase c = short_case();
  EXPECT_LT(error(subject.evaluate(*subject.start(), c.tokens), c), 1e-3);
}

TEST_P(AgainstTransformers, LogitsAgreeInOddChunks) {
  Subject subject = load();
  const ReferenceCase c = short_case();
  const auto path = subject.start();
  Logits logits;
  for (std::size_t size = 3; path->tokens() < c.tokens.size(); size = size * 7 % 101) {
    const std::size_t count = std::min(size, c.tokens.size() - path->tokens());
    logits.append_range(subject.evaluate(*path, slice(c, path->tokens(), count)));
  }
  EXPECT_LT(error(logits, c), kTolerance);
}

TEST_P(AgainstTransformers, LogitsAgreeTokenByToken) {
  Subject subject = load();
  const ReferenceCase c = short_case();
  const auto path = subject.start();
  Logits logits;
  for (const Token token : c.tokens) logits.append_range(subject.evaluate(*path, {token}));
  EXPECT_LT(error(logits, c), kTolerance);
}

TEST_P(AgainstTransformers, KeysAndValuesInQ8_0CostLittle) {
  Subject exact = load(KvType::f32);
  Subject subject = load(KvType::q8_0);
  Difference difference;
  for (const ReferenceCase& c : cases()) {
    const Logits expected = exact.evaluate(*exact.start(), c.tokens);
    const Logits actual = subject.evaluate(*subject.start(), c.tokens);
    for (std::size_t row = 0; row < expected.size(); row += kVocabulary) {
      difference.add(std::span(actual).subspan(row, kVocabulary),
                     std::span(expected).subspan(row, kVocabulary));
    }
  }
  std::printf("log-probabilities differ by %.5f on average, by %.4f at most\n", difference.mean(),
              difference.most);
  // Twice what was measured.
  EXPECT_LT(difference.mean(), 2.5e-3);
  EXPECT_LT(difference.most, 0.9);
}

TEST_P(AgainstTransformers, LogitsAgreeInABatchWithOthersOnOneTrunk) {
  Subject subject = load();
  const ReferenceCase c = short_case();
  const ReferenceCase other = short_case(1);
  constexpr std::size_t kTrunk = 100;
  constexpr std::size_t kRest = kShort - kTrunk;
  const auto trunk = subject.start();
  const Logits of_trunk = subject.evaluate(*trunk, slice(c, 0, kTrunk));

  const auto before = subject.fork(*trunk);
  const auto path = subject.fork(*trunk);
  const auto after = subject.fork(*trunk);
  const auto alone = subject.start();
  const Subject::Piece pieces[] = {{before.get(), random_tokens(9, kVocabulary, 1)},
                                   {alone.get(), other.tokens},
                                   {path.get(), slice(c, kTrunk, kRest)},
                                   {after.get(), random_tokens(31, kVocabulary, 2)}};
  const Logits batch = subject.evaluate(pieces);
  const auto rows = [&](std::size_t first, std::size_t count) {
    return std::span(batch).subspan(first * kVocabulary, count * kVocabulary);
  };
  EXPECT_LT(error(joined({}, rows(9, kShort)), other), kTolerance);
  EXPECT_LT(error(joined(of_trunk, rows(9 + kShort, kRest)), c), kTolerance);
}

TEST_P(AgainstTransformers, PathsResumeWhereAPrefillWasCaptured) {
  Subject subject = load();
  const ReferenceCase c = short_case();
  const auto whole = subject.start();
  // Around the edges of the convolution's kernel, of a tile of keys and of the window.
  const std::size_t offsets[] = {1, 2, 3, 4, 5, 15, 16, 17, 127, 128, 129, 143, 144, 145, 150};
  for (const std::size_t offset : offsets) {
    for (const auto& state : whole->of_groups) state->schedule_capture(offset);
  }
  const Logits expected = subject.evaluate(*whole, c.tokens);
  EXPECT_LT(error(expected, c), kTolerance);
  constexpr std::size_t kRows = 3;
  for (const std::size_t offset : offsets) {
    const auto path = subject.fork(*whole, offset);
    EXPECT_EQ(path->tokens(), offset);
    EXPECT_LT(relative_error(subject.evaluate(*path, slice(c, offset, kRows)),
                             std::span(expected).subspan(offset * kVocabulary, kRows * kVocabulary)),
              kTolerance)
        << offset;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, AgainstTransformers, ::testing::Values("qwen3", "gemma3", "qwen35"),
                         [](const auto& model) { return model.param; });

}  // namespace
}  // namespace banyan::test
