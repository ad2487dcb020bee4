/// The division of an attention step's work, the same for all of its layers.
///
/// The query rows of a key/value head are cut into blocks, and the tokens that a block sees into pieces, at
/// fixed positions. A piece is summed up by itself and the pieces are put together in order, whoever does it,
/// so a result's bits do not depend on the division. A task is some of the pieces of a block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/attention.h"

namespace banyan::kernels {

/// Most query rows of a block: its working memory stays in the second-level cache, and a chunk of keys and
/// values read once is used often enough.
constexpr int kBlockRows = 256;
/// Pieces end at path positions that are multiples of this.
constexpr int kPieceTokens = 512;

/// Tokens of one run and one piece, and the block's query rows that attend to them.
struct RunPart {
  KvRun run;
  int row_begin = 0;
  int row_end = 0;
  bool seen_by_all = false;  ///< each of the rows sees each of the tokens
};

/// Runs [part_begin, part_end) of parts().
struct Piece {
  int part_begin = 0;
  int part_end = 0;
};

/// Query rows [begin, end) of any key/value head. A head has `group` query rows for each row of the batch:
/// query row i is query head head * group + i % group of batch row i / group.
struct RowBlock {
  int begin = 0;
  int end = 0;
  int piece_begin = 0;  ///< of pieces()
  int piece_end = 0;
  int tasks = 0;             ///< for each head
  std::size_t partials = 0;  ///< of its first head's first piece, where it has several tasks
};

/// Pieces [piece_begin, piece_end) of a block, of one head.
struct AttentionTask {
  int head = 0;
  int block = 0;
  int piece_begin = 0;
  int piece_end = 0;
  double cost = 0;
};

/// Where what rows have summed up is.
struct RowSums {
  float* out;      ///< [row][out_stride]: weighted values and, in the last 16 columns, weights
  float* maximum;  ///< [row], of the scores
};

class AttentionPlan {
 public:
  /// As attend() takes them. REQUIRES: the runs that a row attends to come in order of position.
  AttentionPlan(const AttentionShape& shape, std::span<const SharedRun> runs,
                std::span<const std::int32_t> row_positions, int threads);

  const AttentionShape& shape() const { return shape_; }
  int group() const { return shape_.query_heads / shape_.layout.kv_heads; }
  /// Of the batch's rows.
  std::span<const std::int32_t> positions() const { return positions_; }
  std::span<const RunPart> parts() const { return parts_; }
  std::span<const Piece> pieces() const { return pieces_; }
  std::span<const RowBlock> blocks() const { return blocks_; }
  /// The costliest first.
  std::span<const AttentionTask> tasks() const { return tasks_; }
  /// The most query rows of a block.
  int most_rows() const { return most_rows_; }

  /// Scratch that attend() needs: of every thread, and of pieces that lie in different tasks.
  std::size_t scratch_bytes() const { return partials_begin() + partial_floats_ * sizeof(float); }
  std::byte* thread_scratch(std::byte* scratch, int ith) const { return scratch + ith * thread_bytes_; }
  /// What a piece of a block with several tasks has summed up.
  RowSums partial(std::byte* scratch, const AttentionTask& task, int piece) const;

  /// The next task that no one has; null when all are taken. Each of `threads` threads calls until it gets
  /// null; then the plan is ready for another layer.
  const AttentionTask* take(int threads);
  /// Whether this was the last task of its block and head.
  bool finish(const AttentionTask& task);

 private:
  std::size_t partials_begin() const { return threads_ * thread_bytes_; }
  void divide(std::span<const SharedRun> runs, int blocks);
  void add_block(std::span<const SharedRun> runs, int begin, int end);
  double time() const;

  AttentionShape shape_;
  std::vector<std::int32_t> positions_;
  int threads_;
  int most_rows_ = 0;
  std::size_t thread_bytes_ = 0;
  std::size_t partial_floats_ = 0;
  std::vector<RunPart> parts_;
  std::vector<Piece> pieces_;
  std::vector<double> piece_costs_;
  std::vector<RowBlock> blocks_;
  std::vector<AttentionTask> tasks_;
  std::atomic<int> taken_ = 0;
  std::unique_ptr<std::atomic<int>[]> finished_;  // [block][head]
};

}  // namespace banyan::kernels
