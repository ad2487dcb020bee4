/// The working memory and the division of work of the attention kernel: what does not depend on
/// the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kernels/attention.h"

namespace banyan::kernels {

/// Tokens between two updates of the running maximum and sum.
constexpr int kChunk = 64;
/// Most query rows of a block: its working memory stays in the second-level cache, and a chunk of
/// keys and values read once is used often enough.
constexpr int kBlockRows = 128;

/// Scores of unseen tokens. Finite, and far below where running maxima begin, so that a row that
/// has seen nothing yet never meets the difference of two infinities.
constexpr float kUnseen = -std::numeric_limits<float>::max();
constexpr float kLeastMaximum = kUnseen / 2;

/// Query rows [begin, end) of a key/value head. A head has `group` query rows for each row of the
/// batch: query row i is query head head * group + i % group of batch row i / group.
struct RowBlock {
  int head = 0;
  int begin = 0;
  int end = 0;
};

/// The blocks that thread ith of nth works on: neighbours, of about the same work for every thread.
std::vector<RowBlock> thread_blocks(const AttentionShape& shape, std::span<const SharedRun> runs,
                                    std::span<const std::int32_t> row_positions, int ith, int nth);

/// A thread's working memory for one block. All arrays are 64-byte aligned.
struct BlockMemory {
  BlockMemory(const AttentionShape& shape, int query_rows, std::byte* scratch);

  int key_dim;
  int value_dim;
  int query_stride;
  int out_stride;

  float* queries;               ///< [key_dim][query_stride], scaled; a column is a query row
  float* scores;                ///< [row][kChunk], of one chunk: scores, then weights
  float* out;                   ///< [row][out_stride], weighted values so far
  float* maximum;               ///< [row], of the scores so far
  float* sum;                   ///< [row], of the weights so far
  float* rescale;               ///< [row], what the chunk's maximum makes of earlier weights
  std::int32_t* position;       ///< [row], in the path
  std::int32_t* visible_begin;  ///< [row], where the part of the chunk begins that the row sees;
  std::int32_t* visible_end;    ///< [row], and where it ends; kChunk and 0 where it sees nothing

  std::size_t bytes;
};

}  // namespace banyan::kernels
