#include "state/token_rows.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace banyan {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are little-endian");

constexpr int kTile = KvLayout::kTile;

// Where numbers of some tokens lie: in tiles or in rows.
template <class Byte>
struct Grid {
  Byte* first;
  std::size_t token_step;   // bytes from one token to the next
  std::size_t number_step;  // bytes from one number of a token to the next
};

// Numbers of a token that lie at even steps, in its tile as in its row.
struct Field {
  std::size_t size;  // bytes of a number
  std::size_t count;
  std::size_t in_tile;  // offset of the tile's first token's
  std::size_t token_step;
  std::size_t number_step;
  std::size_t in_row;  // offset
};

std::vector<Field> fields_of_keys(const KvLayout& layout) {
  if (layout.type != KvType::q8_0) {
    const std::size_t size = layout.type == KvType::f16 ? 2 : 4;
    return {{size, static_cast<std::size_t>(layout.key_dim), 0, size, kTile * size, 0}};
  }
  std::vector<Field> fields;
  std::size_t in_row = 0;
  for (int dim = 0; dim < layout.key_dim; dim += KvLayout::kBlock) {
    const std::size_t count = std::min(KvLayout::kBlock, layout.key_dim - dim);
    fields.push_back({2, 1, in_row * kTile, 2, kTile * 2, in_row});
    fields.push_back({1, count, (in_row + 2) * kTile, 1, kTile, in_row + 2});
    in_row += 2 + count;
  }
  return fields;
}

std::vector<Field> fields_of_values(const KvLayout& layout) {
  const std::size_t dims = layout.value_dim;
  if (layout.type != KvType::q8_0) {
    const std::size_t size = layout.type == KvType::f16 ? 2 : 4;
    return {{size, dims, 0, dims * size, size, 0}};
  }
  std::vector<Field> fields;
  const std::size_t numbers = static_cast<std::size_t>(KvLayout::blocks(layout.value_dim)) * kTile * 2;
  std::size_t in_row = 0;
  for (std::size_t dim = 0; dim < dims; dim += KvLayout::kBlock) {
    const std::size_t count = std::min<std::size_t>(KvLayout::kBlock, dims - dim);
    fields.push_back({2, 1, dim / KvLayout::kBlock * kTile * 2, 2, kTile * 2, in_row});
    fields.push_back({1, count, numbers + dim, dims, 1, in_row + 2});
    in_row += 2 + count;
  }
  return fields;
}

// By value: bytes that are written might else, for all the compiler knows, be the grids.
template <class Number, class Tokens>
void copy_grid(Grid<const std::byte> from, Grid<std::byte> to, Tokens tokens, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* source = from.first + i * from.number_step;
    std::byte* target = to.first + i * to.number_step;
    for (int t = 0; t < tokens; ++t, source += from.token_step, target += to.token_step) {
      std::memcpy(target, source, sizeof(Number));
    }
  }
}

template <class Number>
void copy_numbers(Grid<const std::byte> from, Grid<std::byte> to, int tokens, std::size_t count) {
  // Nearly all are whole tiles, for which the inner loop is unrolled.
  if (tokens == kTile) {
    copy_grid<Number>(from, to, std::integral_constant<int, kTile>(), count);
  } else {
    copy_grid<Number>(from, to, tokens, count);
  }
}

void copy_field(const Field& field, const Grid<const std::byte>& from, const Grid<std::byte>& to,
                int tokens) {
  if (from.number_step == to.number_step) {
    const std::size_t bytes = field.count * field.size;
    if (from.token_step == bytes && to.token_step == bytes) {
      std::memcpy(to.first, from.first, tokens * bytes);
      return;
    }
    for (int t = 0; t < tokens; ++t) {
      std::memcpy(to.first + t * to.token_step, from.first + t * from.token_step, bytes);
    }
    return;
  }
  switch (field.size) {
    case 1:
      return copy_numbers<std::uint8_t>(from, to, tokens, field.count);
    case 2:
      return copy_numbers<std::uint16_t>(from, to, tokens, field.count);
    default:
      return copy_numbers<std::uint32_t>(from, to, tokens, field.count);
  }
}

// Calls copy(field, in memory, in the rows, tokens) for every field and tile of what a view and its rows have
// of one head's keys, or values; there `memory` and `rows` begin.
template <class Memory, class Rows, class Copy>
void walk_tiles(std::span<const Field> fields, std::size_t row_bytes, const SegmentView& view, Memory* memory,
                Rows* rows, Copy copy) {
  for (int at = view.begin; at < view.end;) {
    const int in_tile = at % kTile;
    const int tokens = std::min(kTile - in_tile, view.end - at);
    Memory* const tile = memory + (at - in_tile) * row_bytes;
    for (const Field& field : fields) {
      const Grid<Memory> numbers{tile + field.in_tile + in_tile * field.token_step, field.token_step,
                                 field.number_step};
      copy(field, numbers, Grid<Rows>{rows + field.in_row, row_bytes, field.size}, tokens);
    }
    rows += tokens * row_bytes;
    at += tokens;
  }
}

// The same for all layers and heads of a segment and a block.
template <class Memory, class Rows, class Copy>
void walk_heads(const KvLayout& layout, const SegmentView& view, Memory* segment, std::span<Rows> block,
                int first, Copy copy) {
  const std::size_t tokens = block.size() / layout.bytes_per_token();
  require(block.size() == tokens * layout.bytes_per_token() && first >= 0 &&
              static_cast<std::size_t>(first) + view.size() <= tokens,
          "token rows: another block");
  const std::vector<Field> keys = fields_of_keys(layout);
  const std::vector<Field> values = fields_of_values(layout);
  const int capacity = view.segment->capacity();
  Rows* rows = block.data();
  for (int layer = 0; layer < layout.layers; ++layer) {
    for (int head = 0; head < layout.kv_heads; ++head) {
      walk_tiles(keys, layout.key_bytes(), view, segment + layout.keys_offset(capacity, layer, head),
                 rows + first * layout.key_bytes(), copy);
      rows += tokens * layout.key_bytes();
      walk_tiles(values, layout.value_bytes(), view, segment + layout.values_offset(capacity, layer, head),
                 rows + first * layout.value_bytes(), copy);
      rows += tokens * layout.value_bytes();
    }
  }
}

}  // namespace

void copy_to_rows(const KvLayout& layout, const SegmentView& view, std::span<std::byte> block, int first) {
  const std::byte* const segment = view.segment->data();
  walk_heads(layout, view, segment, block, first,
             [](const Field& field, const auto& memory, const auto& rows, int tokens) {
               copy_field(field, memory, rows, tokens);
             });
}

void copy_from_rows(const KvLayout& layout, std::span<const std::byte> block, int first,
                    const SegmentView& view) {
  walk_heads(layout, view, view.segment->data(), block, first,
             [](const Field& field, const auto& memory, const auto& rows, int tokens) {
               copy_field(field, rows, memory, tokens);
             });
}

}  // namespace banyan
