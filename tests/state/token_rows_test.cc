#include "state/token_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kv_write.h"
#include "support/reference_attention.h"

namespace banyan::test {
namespace {

constexpr int kTile = KvLayout::kTile;

std::vector<KvLayout> layouts() {
  std::vector<KvLayout> all;
  for (const KvType type : kKvTypes) {
    for (const auto& [key_dim, value_dim] :
         std::vector<std::pair<int, int>>{{20, 12}, {1, 33}, {64, 32}, {70, 1}}) {
      all.push_back({.layers = 2, .kv_heads = 2, .key_dim = key_dim, .value_dim = value_dim, .type = type});
    }
  }
  return all;
}

std::string name(const KvLayout& layout) {
  return std::string(kv_type_name(layout.type)) + " of " + std::to_string(layout.key_dim) + " and " +
         std::to_string(layout.value_dim);
}

// Where in a segment byte `i` of a token's row lies, as kv_layout.h has it; counted from where the keys, or
// the values, of the layer and head begin.
std::size_t in_segment(const KvLayout& layout, bool is_value, int token, std::size_t i) {
  const std::size_t dim = is_value ? layout.value_dim : layout.key_dim;
  const std::size_t tile = token / kTile;
  const std::size_t in_tile = token % kTile;
  if (layout.type != KvType::q8_0) {
    const std::size_t size = layout.type == KvType::f16 ? 2 : 4;
    const std::size_t number = is_value ? token * dim + i / size : (tile * dim + i / size) * kTile + in_tile;
    return number * size + i % size;
  }
  constexpr std::size_t kBlockBytes = 2 + KvLayout::kBlock;
  const std::size_t block = i / kBlockBytes;
  const std::size_t in_block = i % kBlockBytes;
  if (is_value) {
    const std::size_t start = tile * kTile * layout.value_bytes();
    if (in_block < 2) return start + (block * kTile + in_tile) * 2 + in_block;
    return start + KvLayout::blocks(layout.value_dim) * kTile * 2 + in_tile * dim + block * KvLayout::kBlock +
           in_block - 2;
  }
  const std::size_t start = tile * kTile * layout.key_bytes() + block * kBlockBytes * kTile;
  return in_block < 2 ? start + in_tile * 2 + in_block : start + (in_block - 2) * kTile + 2 * kTile + in_tile;
}

// Calls visit(byte in the segment, byte in the block) for all that a view shares with a block of `tokens`
// tokens from row `first` on.
template <class Visit>
void for_each_byte(const KvLayout& layout, const SegmentView& view, int tokens, int first, Visit visit) {
  std::size_t rows = 0;
  for (int layer = 0; layer < layout.layers; ++layer) {
    for (int head = 0; head < layout.kv_heads; ++head) {
      for (const bool is_value : {false, true}) {
        const int capacity = view.segment->capacity();
        const std::size_t start = is_value ? layout.values_offset(capacity, layer, head)
                                           : layout.keys_offset(capacity, layer, head);
        const std::size_t row_bytes = is_value ? layout.value_bytes() : layout.key_bytes();
        for (int t = 0; t < view.size(); ++t) {
          for (std::size_t i = 0; i < row_bytes; ++i) {
            visit(start + in_segment(layout, is_value, view.begin + t, i),
                  rows + (first + t) * row_bytes + i);
          }
        }
        rows += tokens * row_bytes;
      }
    }
  }
}

using Bytes = std::vector<std::byte>;

Bytes random_bytes(std::size_t count, std::mt19937& random) {
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// Every view of three tiles that begins at an interesting place, in the middle of a longer block.
template <class Check>
void for_each_view(const std::shared_ptr<Segment>& segment, Check check) {
  for (const int begin : {0, 7, 15, 17}) {
    for (int end = begin + 1; end <= 3 * kTile; ++end) check(SegmentView{segment, begin, end});
  }
}

TEST(TokenRowsTest, TokensOfASegmentBecomeRows) {
  std::mt19937 random(1);
  Budget budget(1 << 20);
  for (const KvLayout& layout : layouts()) {
    SCOPED_TRACE(name(layout));
    const auto segment = Segment::create(layout, 3 * kTile, budget).value();
    const Bytes memory = random_bytes(segment->bytes(), random);
    std::ranges::copy(memory, segment->data());
    for_each_view(segment, [&](const SegmentView& view) {
      const int tokens = view.size() + 5;
      Bytes block(tokens * layout.bytes_per_token(), std::byte{0xAA});
      Bytes expected = block;
      for_each_byte(layout, view, tokens, 3,
                    [&](std::size_t at, std::size_t row) { expected[row] = memory[at]; });
      copy_to_rows(layout, view, block, 3);
      EXPECT_TRUE(block == expected) << "tokens " << view.begin << " to " << view.end;
    });
  }
}

TEST(TokenRowsTest, RowsBecomeTokensOfASegmentAndNothingElseIsTouched) {
  std::mt19937 random(2);
  Budget budget(1 << 20);
  for (const KvLayout& layout : layouts()) {
    SCOPED_TRACE(name(layout));
    const auto segment = Segment::create(layout, 3 * kTile, budget).value();
    const Bytes before = random_bytes(segment->bytes(), random);
    for_each_view(segment, [&](const SegmentView& view) {
      const int tokens = view.size() + 5;
      const Bytes block = random_bytes(tokens * layout.bytes_per_token(), random);
      std::ranges::copy(before, segment->data());
      Bytes expected = before;
      for_each_byte(layout, view, tokens, 3,
                    [&](std::size_t at, std::size_t row) { expected[at] = block[row]; });
      copy_from_rows(layout, block, 3, view);
      EXPECT_TRUE(std::ranges::equal(std::span(segment->data(), segment->bytes()), expected))
          << "tokens " << view.begin << " to " << view.end;
    });
  }
}

// The numbers of a row of `dim`, which is taken off what is left of a block.
std::vector<float> numbers(std::span<const std::byte>& rest, int dim, KvType type) {
  const auto next = [&]<class Number>(Number number) {
    std::memcpy(&number, rest.data(), sizeof(Number));
    rest = rest.subspan(sizeof(Number));
    return static_cast<float>(number);
  };
  std::vector<float> result;
  float scale = 1;
  for (int d = 0; d < dim; ++d) {
    if (type == KvType::q8_0) {
      if (d % KvLayout::kBlock == 0) scale = next(_Float16());
      result.push_back(scale * next(std::int8_t()));
    } else {
      result.push_back(type == KvType::f16 ? next(_Float16()) : next(float()));
    }
  }
  return result;
}

TEST(TokenRowsTest, RowsAreTheNumbersOfATokenInOrder) {
  constexpr int kTokens = 20;
  Budget budget(1 << 20);
  for (const KvLayout& layout : layouts()) {
    SCOPED_TRACE(name(layout));
    const auto segment = Segment::create(layout, 2 * kTile, budget).value();
    const auto row = [&](int token, int layer, bool is_value) {
      return kv_row(token, layer, layout.kv_heads, is_value ? layout.value_dim : layout.key_dim, is_value);
    };
    for (int layer = 0; layer < layout.layers; ++layer) {
      for (int t = 0; t < kTokens; ++t) {
        kernels::write_token(layout, layer, segment->data(), segment->capacity(), t,
                             row(t, layer, false).data(), row(t, layer, true).data());
      }
    }
    Bytes block(kTokens * layout.bytes_per_token());
    copy_to_rows(layout, {segment, 0, kTokens}, block, 0);
    std::span<const std::byte> rest = block;
    for (int layer = 0; layer < layout.layers; ++layer) {
      for (int head = 0; head < layout.kv_heads; ++head) {
        for (const bool is_value : {false, true}) {
          const int dim = is_value ? layout.value_dim : layout.key_dim;
          for (int t = 0; t < kTokens; ++t) {
            const std::vector<float> all = rounded(row(t, layer, is_value), dim, layout.type);
            ASSERT_TRUE(std::ranges::equal(numbers(rest, dim, layout.type),
                                           std::span(all).subspan(std::size_t(head) * dim, dim)))
                << (is_value ? "value" : "key") << " of token " << t;
          }
        }
      }
    }
    EXPECT_TRUE(rest.empty());
  }
}

TEST(TokenRowsTest, AnotherBlockIsMisuse) {
  Budget budget(1 << 20);
  const KvLayout layout = layouts()[0];
  const auto segment = Segment::create(layout, kTile, budget).value();
  Bytes block(4 * layout.bytes_per_token());
  EXPECT_THROW(copy_to_rows(layout, {segment, 0, 4}, block, 1), Misuse);
  EXPECT_THROW(copy_from_rows(layout, block, -1, {segment, 0, 4}), Misuse);
  block.pop_back();
  EXPECT_THROW(copy_from_rows(layout, block, 0, {segment, 0, 3}), Misuse);
}

}  // namespace
}  // namespace banyan::test
