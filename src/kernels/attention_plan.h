/// The division of an attention step's work, the same for all of its layers.
///
/// The query rows of a key/value head are cut into blocks, and the tokens that a block sees into pieces, at
/// fixed positions. What a row sums up is put together in a tree over the positions: a node of level 0 is a
/// piece, and a node of the next level adds up to kFanOut nodes in order. The tree is the same whoever
/// computes which of its nodes, so a result's bits do not depend on the division. A task is some nodes of a
/// block.
///
/// Scratch is bounded, whatever the rows, heads, depth and threads:
/// - Each thread has working memory for a block. A block has as many rows as fit into kMostThreadScratch for
///   all threads together, though not fewer than kLeastBlockRows. (With dims of 128 these pass the bound from
///   some 350 threads on.)
/// - A block that is cut into several tasks keeps the sums of its nodes of one level until the last task is
///   done. This is the lowest level at which the sums of all cut blocks fit into kMostPartials. At the tree's
///   root there is one node for each block, so nothing is cut and nothing is kept. Rows that are too many for
///   cuts are divided into more blocks instead.
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
constexpr int kLeastBlockRows = 8;
/// Pieces end at path positions that are multiples of this.
constexpr int kPieceTokens = 512;
/// Nodes that one of the next level adds up, as a power of two. More of them leave fewer levels, each of
/// which takes a sum for each row in a thread's memory; fewer let the cuts be chosen more finely.
constexpr int kFanOutBits = 3;
constexpr int kFanOut = 1 << kFanOutBits;
/// Levels that the positions of an int32 can have, with the root's.
constexpr int kMostLevels = 9;

constexpr std::size_t kMostThreadScratch = std::size_t{32} << 20;
constexpr std::size_t kMostPartials = std::size_t{32} << 20;

/// Tokens of one run and one piece, and the block's query rows that attend to them.
struct RunPart {
  KvRun run;
  int row_begin = 0;
  int row_end = 0;
  bool seen_by_all = false;  ///< each of the rows sees each of the tokens
};

/// Query rows [begin, end) of a block.
struct RowRange {
  int begin = 0;
  int end = 0;
};

/// A node of level 0: runs [part_begin, part_end) of parts().
struct PathPiece {
  std::int32_t index = 0;  ///< position / kPieceTokens
  int part_begin = 0;
  int part_end = 0;
  RowRange rows;  ///< that attend to some of it
  double cost = 0;
};

/// A node of the level at which blocks are cut: pieces [piece_begin, piece_end) of pieces().
struct SumNode {
  std::int32_t index = 0;  ///< of its pieces / kFanOut^level
  int piece_begin = 0;
  int piece_end = 0;
  RowRange rows;
  double cost = 0;
  std::size_t partial = 0;  ///< where its sums are kept, in floats from those of its block and head
};

/// Query rows [begin, end) of any key/value head. A head has `group` query rows for each row of the batch:
/// query row i is query head head * group + i % group of batch row i / group.
struct RowBlock {
  int begin = 0;
  int end = 0;
  int piece_begin = 0;  ///< of pieces()
  int piece_end = 0;
  int node_begin = 0;  ///< of nodes(); a block that is not cut has none
  int node_end = 0;
  int tasks = 0;                  ///< for each head
  std::size_t partials = 0;       ///< where the sums of its nodes are kept, in floats
  std::size_t head_partials = 0;  ///< floats of one head
};

/// Nodes [node_begin, node_end) of a block, or all of a block that is not cut, of one head.
struct AttentionTask {
  int head = 0;
  int block = 0;
  int node_begin = 0;
  int node_end = 0;
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
  std::span<const PathPiece> pieces() const { return pieces_; }
  std::span<const SumNode> nodes() const { return nodes_; }
  std::span<const RowBlock> blocks() const { return blocks_; }
  /// The costliest first.
  std::span<const AttentionTask> tasks() const { return tasks_; }
  /// The most query rows of a block.
  int most_rows() const { return most_rows_; }
  /// The root's level: all pieces are below its one node.
  int root_level() const { return root_level_; }
  /// The level of nodes().
  int cut_level() const { return cut_level_; }

  /// Scratch that attend() needs: of every thread, and for the sums of nodes in different tasks.
  std::size_t scratch_bytes() const { return partials_begin() + partial_floats_ * sizeof(float); }
  /// Of one thread.
  std::size_t bytes_per_thread() const { return thread_bytes_; }
  std::byte* thread_scratch(std::byte* scratch, int ith) const { return scratch + ith * thread_bytes_; }
  /// The sums of a node of a cut block. They hold the node's rows only, and are indexed by the block's.
  RowSums partial(std::byte* scratch, const AttentionTask& task, const SumNode& node) const;

  /// The next task that no one has; null when all are taken. Each of `threads` threads calls until it gets
  /// null; then the plan is ready for another layer.
  const AttentionTask* take(int threads);
  /// Whether this was the last task of its block and head.
  bool finish(const AttentionTask& task);

 private:
  std::size_t partials_begin() const { return threads_ * thread_bytes_; }
  void divide(std::span<const SharedRun> runs, int blocks);
  std::vector<std::vector<RunPart>> parts_of_blocks(std::span<const SharedRun> runs) const;
  void add_pieces(RowBlock& block, std::vector<RunPart> parts);
  void cut(double most);
  void add_nodes(RowBlock& block);
  double time() const;
  double mean_time() const;

  AttentionShape shape_;
  std::vector<std::int32_t> positions_;
  int threads_;
  int root_level_ = 0;
  int cut_level_ = 0;
  int most_rows_ = 0;
  std::size_t thread_bytes_ = 0;
  std::size_t partial_floats_ = 0;
  std::vector<RunPart> parts_;
  std::vector<PathPiece> pieces_;
  std::vector<SumNode> nodes_;
  std::vector<RowBlock> blocks_;
  std::vector<AttentionTask> tasks_;
  std::atomic<int> taken_ = 0;
  std::unique_ptr<std::atomic<int>[]> finished_;  // [block][head]
};

}  // namespace banyan::kernels
