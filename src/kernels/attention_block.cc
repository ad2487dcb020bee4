#include "kernels/attention_block.h"

#include <algorithm>
#include <type_traits>

namespace banyan::kernels {
namespace {

constexpr int kAlignment = 64;

int round_up(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

// How many blocks to cut each head's query rows into: as few as a block's size allows, since every
// block reads the head's keys and values again, but enough to keep all threads busy.
int blocks_per_head(int kv_heads, int query_rows, int nth) {
  const auto balanced = [&](int blocks) {
    const int work = kv_heads * blocks;
    return 4 * round_up(work, nth) <= 5 * work;
  };
  int blocks = (query_rows + kBlockRows - 1) / kBlockRows;
  while (blocks < query_rows && !balanced(blocks)) ++blocks;
  return blocks;
}

// How many tokens of a run any of the rows at these positions sees; as many as there are where no
// window limits it.
std::int64_t tokens_seen(const KvRun& run, int window, std::span<const std::int32_t> row_positions) {
  if (window == 0) return run.end - run.begin;
  const auto [least, most] = std::ranges::minmax(row_positions);
  const std::int32_t begin = std::max(run.position, least - window + 1);
  const std::int32_t end = std::min(run.position + run.end - run.begin, most + 1);
  return std::max(0, end - begin);
}

// The work of a block of query rows: what it computes, and reading each run once, which takes as
// long as computing with it for a few rows.
double block_cost(const AttentionShape& shape, std::span<const SharedRun> runs,
                  std::span<const std::int32_t> row_positions, int begin, int end) {
  constexpr int kReadRows = 4;
  const int group = shape.query_heads / shape.layout.kv_heads;
  double cost = 0;
  for (const SharedRun& shared : runs) {
    const int first = std::max(begin, shared.row_begin * group);
    const int last = std::min(end, shared.row_end * group);
    if (first >= last) continue;
    const auto positions = row_positions.subspan(first / group, (last - 1) / group + 1 - first / group);
    cost +=
        static_cast<double>(tokens_seen(shared.run, shape.window, positions)) * (last - first + kReadRows);
  }
  return cost;
}

}  // namespace

std::vector<RowBlock> thread_blocks(const AttentionShape& shape, std::span<const SharedRun> runs,
                                    std::span<const std::int32_t> row_positions, int ith, int nth) {
  const int kv_heads = shape.layout.kv_heads;
  const int group = shape.query_heads / kv_heads;
  const int query_rows = static_cast<int>(row_positions.size()) * group;
  const int blocks = blocks_per_head(kv_heads, query_rows, nth);
  const auto block_begin = [&](int block) {
    return static_cast<int>(static_cast<std::int64_t>(query_rows) * block / blocks);
  };

  std::vector<double> cost(blocks);
  double head_cost = 0;
  for (int b = 0; b < blocks; ++b) {
    head_cost += cost[b] = block_cost(shape, runs, row_positions, block_begin(b), block_begin(b + 1));
  }

  std::vector<RowBlock> mine;
  double before = 0;
  for (int head = 0; head < kv_heads; ++head) {
    for (int b = 0; b < blocks; ++b) {
      const double middle = (before + cost[b] / 2) / (head_cost * kv_heads);
      before += cost[b];
      if (std::min(nth - 1, static_cast<int>(middle * nth)) == ith) {
        mine.push_back({head, block_begin(b), block_begin(b + 1)});
      }
    }
  }
  return mine;
}

BlockMemory::BlockMemory(const AttentionShape& shape, int query_rows, std::byte* scratch)
    : key_dim(shape.layout.key_dim),
      value_dim(shape.layout.value_dim),
      query_stride(round_up(query_rows, 16)),
      out_stride(round_up(value_dim, 16)),
      bytes(0) {
  const auto carve = [&](auto*& array, int count) {
    using Element = std::remove_reference_t<decltype(*array)>;
    array = reinterpret_cast<Element*>(scratch + bytes);
    bytes += static_cast<std::size_t>(round_up(count * static_cast<int>(sizeof(Element)), kAlignment));
  };
  carve(queries, key_dim * query_stride);
  carve(scores, query_rows * kChunk);
  carve(out, query_rows * out_stride);
  carve(maximum, query_rows);
  carve(sum, query_rows);
  carve(rescale, query_rows);
  carve(position, query_rows);
  carve(visible_begin, query_rows);
  carve(visible_end, query_rows);
}

std::size_t attend_scratch_bytes(const AttentionShape& shape, int rows) {
  const int query_rows = rows * (shape.query_heads / shape.layout.kv_heads);
  return BlockMemory(shape, std::min(query_rows, kBlockRows), nullptr).bytes;
}

}  // namespace banyan::kernels
