/// A thread's working memory for a block of query rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/attention_plan.h"

namespace banyan::kernels {

/// Tokens between two updates of the running maximum; chunks begin at multiples of it in a segment.
constexpr int kChunk = 64;

/// Query rows whose numbers lie together: as many as share a load of keys.
constexpr int kQueryRows = 8;

/// Scores of unseen tokens. Finite, and far below where running maxima begin, so that a row that
/// has seen nothing yet never meets the difference of two infinities.
constexpr float kUnseen = -std::numeric_limits<float>::max();
constexpr float kLeastMaximum = kUnseen / 2;

constexpr int round_up(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

/// Floats of a row's weighted values, and 16 sums of its weights.
constexpr int out_stride(const AttentionShape& shape) { return round_up(shape.layout.value_dim, 16) + 16; }

/// All arrays are 64-byte aligned.
struct BlockMemory {
  /// REQUIRES: root_level < kMostLevels.
  BlockMemory(const AttentionShape& shape, int root_level, int query_rows, std::byte* scratch);

  int key_dim;
  int value_dim;
  std::size_t key_bytes;  ///< of a token
  std::size_t value_bytes;
  int out_stride;

  float* queries;                         ///< [row / kQueryRows][key_dim][row % kQueryRows], scaled
  float* scores;                          ///< [row][kChunk], of one chunk: scores, then weights
  float* keys;                            ///< a chunk's, as floats, for many rows
  float* values;                          ///< and its values
  float* rescale;                         ///< [row], what the chunk's maximum makes of earlier weights
  std::int32_t* position;                 ///< [row], in the path
  std::int32_t* visible_begin;            ///< [row], where the part of the chunk begins that the row sees;
  std::int32_t* visible_end;              ///< [row], and where it ends; kChunk and 0 where it sees nothing
  RowSums piece;                          ///< where the piece at work is summed up
  std::array<RowSums, kMostLevels> sums;  ///< [level], up to the root's

  std::size_t bytes;
};

}  // namespace banyan::kernels
