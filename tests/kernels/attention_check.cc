#include "kernels/attention_check.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <random>
#include <vector>

#include "kernels/attention.h"
#include "kernels/attention_case.h"

namespace banyan::test {
namespace {

class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // A number in [least, most]; the least when the bytes are used up.
  int pick(int least, int most) { return least + (byte() << 8 | byte()) % (most - least + 1); }
  bool once_in(int times) { return pick(1, times) == 1; }

 private:
  int byte() {
    if (bytes_.empty()) return 0;
    const int first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  std::span<const std::uint8_t> bytes_;
};

}  // namespace

std::string check_attention(std::span<const std::uint8_t> bytes) {
  Choices choices(bytes);
  std::mt19937_64 random(choices.pick(0, 65535));
  const int threads = choices.pick(1, 5);
  AttentionCase::Options options;
  KvLayout& layout = options.shape.layout;
  layout.type = kKvTypes[choices.pick(0, 2)];
  layout.layers = choices.pick(1, 2);
  options.layer = choices.pick(0, layout.layers - 1);
  layout.key_dim = choices.once_in(2) ? choices.pick(1, 16) * 16 : choices.pick(1, 260);
  layout.value_dim = choices.once_in(2) ? choices.pick(1, 16) * 16 : choices.pick(1, 260);
  // Many heads and rows, or long paths.
  const bool is_long = choices.once_in(4);
  layout.kv_heads = choices.pick(1, is_long ? 1 : 3);
  options.shape.query_heads = layout.kv_heads * choices.pick(1, is_long ? 3 : 9);
  options.shape.scale = 1 / std::sqrt(static_cast<float>(layout.key_dim));
  options.sequences = choices.pick(1, is_long ? 2 : 5);
  options.most_rows = choices.once_in(4) ? choices.pick(1, is_long ? 3 : 24) : 2;
  options.most_run = is_long ? choices.pick(1, 1500) : choices.pick(1, 150);
  options.anywhere = choices.once_in(4);
  options.sinks = choices.once_in(2);
  if (choices.once_in(2)) options.shape.window = choices.pick(1, is_long ? 2000 : 200);
  const bool is_sharp = choices.once_in(4);
  if (is_sharp) options.sharpness = 300;

  const AttentionCase c(options, random);
  const std::vector<double> expected = c.expected();
  // What is expected is of keys and values as the format holds them, so what is left is the rounding of sums
  // and of exp. Sharp scores reach 10000, where a float is good to 1/2048.
  const double tolerance = is_sharp ? 8e-3 : 1e-5;
  std::string wrong;
  for (const char* const target : kernels::attention_targets()) {
    kernels::use_attention_target(target);
    const std::vector<float> actual = c.attend(threads);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (std::abs(actual[i] - expected[i]) < tolerance) continue;
      wrong = std::format("{}: element {} is {}, not {}", target, i, actual[i], expected[i]);
      break;
    }
    if (c.attend(1) != actual) wrong = std::format("{}: not the same with {} threads", target, threads);
    if (!wrong.empty()) break;
  }
  kernels::use_attention_target("");
  return wrong;
}

}  // namespace banyan::test
