/// Attention of one step over many paths at once. What the paths share is found by the identity of
/// their segments, so that a trunk is read once for all of them.
///
/// append and attend are called by all compute threads of one graph operation at once, as their
/// comments say; all else by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "banyan/segment.h"

namespace banyan {

/// Memory that attend() works with, charged to a budget. It is kept from batch to batch and grows when one
/// needs more; when 256 batches in a row needed at most half of it, the rest goes back. All batches that
/// exist at a time may share one, as long as only one of them attends.
class AttentionScratch {
 public:
  /// The budget must outlive it.
  explicit AttentionScratch(Budget& budget) : budget_(&budget) {}
  ~AttentionScratch();
  AttentionScratch(const AttentionScratch&) = delete;
  AttentionScratch& operator=(const AttentionScratch&) = delete;

  /// Charged now.
  std::size_t bytes() const { return charge_.bytes(); }

 private:
  friend class AttentionBatch;
  Result<> reserve(std::size_t bytes);
  void release_memory();

  Budget* budget_;
  std::byte* data_ = nullptr;
  Charge charge_;
  std::size_t most_wanted_ = 0;  // by the last `batches_` batches
  int batches_ = 0;
};

/// Use: order() the sequences, reserve() in each state, make the batch, let the graph call append
/// and then attend for every layer of the group, commit() in each state.
class AttentionBatch {
 public:
  struct Sequence {
    const SegmentPath* path = nullptr;
    int rows = 0;  ///< new tokens, at positions end() .. end() + rows; reserved
  };

  struct Shape {
    int query_heads = 0;  ///< a multiple of the layout's kv_heads
    float scale = 1;
    /// A row sees the last so many tokens, itself included; 0: all.
    int window = 0;
  };

  /// An order of the paths in which those that share a trunk are neighbours (a walk of the trie):
  /// indices into `paths`.
  static std::vector<std::size_t> order(std::span<const SegmentPath* const> paths);

  /// The rows of the batch are the sequences' new tokens, one sequence after the other. Results
  /// are right in any order of the sequences; sharing needs neighbours. The scratch, which must outlive the
  /// batch, is made large enough for `threads` threads. Errors: out_of_memory (of the scratch). REQUIRES: all
  /// paths have the same layout; none comes twice; each holds what its rows see, which without a window is
  /// everything.
  static Result<std::unique_ptr<AttentionBatch>> create(std::span<const Sequence> sequences,
                                                        const Shape& shape, int threads,
                                                        AttentionScratch& scratch);
  ~AttentionBatch();

  /// Positions of the rows in their paths.
  std::span<const std::int32_t> positions() const;
  int rows() const;

  /// Writes the rows' keys [rows][kv_heads][key_dim] (contiguous float32) and values
  /// [rows][kv_heads][value_dim] (float32, `value_stride` of them from row to row) of `layer` (counted
  /// in the group) to the segments. Called by threads 0..nth-1 together; all must return before any
  /// calls attend for the layer.
  void append(int layer, const float* keys, const float* values, std::size_t value_stride, int ith, int nth);

  /// out [rows][query_heads][value_dim] = softmax(scale * q k) v over each row's path up to and
  /// with the row itself, or its window; q is [rows][query_heads][key_dim]; both contiguous float32.
  /// `sinks` [query_heads], if any, are scores that take part in the softmax and have no value
  /// (arXiv:2309.17453). Called by threads 0..nth-1 together, nth <= threads.
  void attend(int layer, const float* q, const float* sinks, float* out, int ith, int nth);

  /// Tokens of keys that attend() reads for one layer; a trunk counts once. For tests and logs.
  std::size_t tokens_read() const;

 private:
  AttentionBatch();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
