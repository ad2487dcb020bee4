// The trained model against the logits of another implementation, transformers in float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "model/tools.h"

namespace banyan::test {
namespace {

struct ReferenceCase {
  std::vector<Token> tokens;
  std::vector<std::int32_t> argmax;
  std::vector<std::int32_t> positions;
  std::vector<float> logits;  // [positions][vocabulary]
};

/// Of data/tally-qwen3-reference.bin; data/README.md has the format.
std::vector<ReferenceCase> read_reference(std::size_t vocabulary) {
  std::ifstream file(BANYAN_TEST_DATA "/tally-qwen3-reference.bin", std::ios::binary);
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

std::vector<float> rows_of(const Logits& logits, std::span<const std::int32_t> positions,
                           std::size_t vocabulary) {
  std::vector<float> rows;
  for (const std::int32_t position : positions) {
    const auto begin =
        logits.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(position) * vocabulary);
    rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(vocabulary));
  }
  return rows;
}

TEST(AgainstTransformers, LogitsAndChoicesAgree) {
  Subject subject(BANYAN_TEST_DATA "/tally-qwen3-f16.gguf", KvType::f32);
  const auto vocabulary = static_cast<std::size_t>(subject.model().info().vocabulary);
  const std::vector<ReferenceCase> cases = read_reference(vocabulary);
  ASSERT_EQ(cases.size(), 3);
  for (const ReferenceCase& c : cases) {
    SCOPED_TRACE(c.tokens.size());
    const auto path = subject.start();
    const Logits logits = subject.evaluate(*path, c.tokens);
    // ggml rounds activations to f16 before it multiplies with f16 weights; transformers did not.
    EXPECT_LT(relative_error(rows_of(logits, c.positions, vocabulary), c.logits), 5e-4);
    int others = 0;
    for (std::size_t row = 0; row < c.tokens.size(); ++row) {
      const std::span<const float> of_row = std::span(logits).subspan(row * vocabulary, vocabulary);
      if (std::ranges::max_element(of_row) - of_row.begin() != c.argmax[row]) ++others;
    }
    EXPECT_LE(others, 1) << "tokens whose most probable successor is another";
  }
}

TEST(AgainstTransformers, KeysAndValuesInF16CostLittle) {
  Subject subject(BANYAN_TEST_DATA "/tally-qwen3-f16.gguf", KvType::f16);
  const auto vocabulary = static_cast<std::size_t>(subject.model().info().vocabulary);
  for (const ReferenceCase& c : read_reference(vocabulary)) {
    const auto path = subject.start();
    const Logits logits = subject.evaluate(*path, c.tokens);
    EXPECT_LT(relative_error(rows_of(logits, c.positions, vocabulary), c.logits), 1e-3) << c.tokens.size();
  }
}

}  // namespace
}  // namespace banyan::test
