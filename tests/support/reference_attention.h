/// Keys and values that tests recognise, and attention over them as the textbook has it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "banyan/kv_layout.h"

namespace banyan::test {

/// The keys (or values) of one layer [heads][dims] of the token named `token`: multiples of 1/64 in
/// [-2, 2), which half precision holds exactly.
inline std::vector<float> kv_row(std::uint64_t token, int layer, int heads, int dims, bool is_value) {
  std::vector<float> row(static_cast<std::size_t>(heads) * dims);
  std::uint64_t hash = ((token * 2 + is_value) << 8 | layer) * 0x9E3779B97F4A7C15;
  for (float& element : row) {
    hash = (hash ^ hash >> 29) * 0xBF58476D1CE4E5B9;
    element = static_cast<float>(static_cast<int>(hash >> 56) - 128) / 64;
  }
  return row;
}

/// What a format makes of numbers [heads][dims]. kv_row's are what f16 and f32 hold exactly.
inline std::vector<float> rounded(std::vector<float> row, int dims, KvType type) {
  if (type != KvType::q8_0) return row;
  for (auto rest = std::span(row); !rest.empty();) {
    const std::size_t of_head = (rest.size() - 1) % dims + 1;
    const auto block = rest.first(std::min<std::size_t>(of_head, KvLayout::kBlock));
    rest = rest.subspan(block.size());
    float largest = 0;
    for (const float element : block) largest = std::max(largest, std::abs(element));
    const auto scale = static_cast<_Float16>(largest / 127);
    const float inverse = largest == 0 ? 0 : 127 / largest;
    for (float& element : block) element = std::nearbyint(element * inverse) * static_cast<float>(scale);
  }
  return row;
}

/// What one layer should remember of a path of tokens.
class ReferenceMemory {
 public:
  ReferenceMemory(std::span<const std::uint64_t> tokens, const KvLayout& layout, int layer)
      : layout_(layout) {
    for (const std::uint64_t token : tokens) {
      keys_.append_range(
          rounded(kv_row(token, layer, layout.kv_heads, layout.key_dim, false), layout.key_dim, layout.type));
      values_.append_range(rounded(kv_row(token, layer, layout.kv_heads, layout.value_dim, true),
                                   layout.value_dim, layout.type));
    }
  }

  /// softmax(scale * query k) v of one query of a key/value head over the tokens [begin, end), with a
  /// score that has no value, if any.
  std::vector<double> attend(std::span<const float> query, double scale, int head, std::size_t begin,
                             std::size_t end, const float* sink = nullptr) const {
    const auto row = [&](const std::vector<float>& all, std::size_t token, int dims) {
      return std::span(all).subspan((token * layout_.kv_heads + head) * dims, dims);
    };
    std::vector<double> weights;
    for (std::size_t t = begin; t < end; ++t) {
      double score = 0;
      const auto key = row(keys_, t, layout_.key_dim);
      for (std::size_t d = 0; d < key.size(); ++d) score += double{query[d]} * key[d];
      weights.push_back(scale * score);
    }
    const double least = sink == nullptr ? -INFINITY : *sink;
    const double highest = std::max(least, std::ranges::max(weights));
    double sum = std::exp(least - highest);
    std::vector<double> out(layout_.value_dim, 0.0);
    for (std::size_t t = begin; t < end; ++t) {
      const double weight = std::exp(weights[t - begin] - highest);
      sum += weight;
      const auto value = row(values_, t, layout_.value_dim);
      for (std::size_t d = 0; d < value.size(); ++d) out[d] += weight * value[d];
    }
    for (double& element : out) element /= sum;
    return out;
  }

 private:
  KvLayout layout_;
  std::vector<float> keys_;    // [tokens][kv_heads][key_dim]
  std::vector<float> values_;  // [tokens][kv_heads][value_dim]
};

}  // namespace banyan::test
