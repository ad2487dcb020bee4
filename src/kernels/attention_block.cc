#include "kernels/attention_block.h"

#include <type_traits>

namespace banyan::kernels {
namespace {

constexpr int kAlignment = 64;

}  // namespace

BlockMemory::BlockMemory(const AttentionShape& shape, int root_level, int query_rows, std::byte* scratch)
    : key_dim(shape.layout.key_dim),
      value_dim(shape.layout.value_dim),
      key_bytes(shape.layout.key_bytes()),
      value_bytes(shape.layout.value_bytes()),
      out_stride(kernels::out_stride(shape)),
      piece(),
      sums(),
      bytes(0) {
  const auto carve = [&](auto*& array, int count) {
    using Element = std::remove_reference_t<decltype(*array)>;
    array = scratch == nullptr ? nullptr : reinterpret_cast<Element*>(scratch + bytes);
    bytes += static_cast<std::size_t>(round_up(count * static_cast<int>(sizeof(Element)), kAlignment));
  };
  carve(queries, key_dim * round_up(query_rows, kQueryRows));
  carve(scores, query_rows * kChunk);
  carve(keys, kChunk * key_dim);
  carve(values, kChunk * value_dim);
  carve(rescale, query_rows);
  carve(position, query_rows);
  carve(visible_begin, query_rows);
  carve(visible_end, query_rows);
  for (int level = 0; level <= root_level; ++level) {
    carve(sums[level].out, query_rows * out_stride);
    carve(sums[level].maximum, query_rows);
  }
}

}  // namespace banyan::kernels
