/// The memory of gated delta net layers: blocks of state, and steps of many paths at once.
///
/// A block holds the state of all layers of a group at one offset of a path. It is written by one
/// forward pass and never changes afterwards, so sessions and nodes of the trie share it; it is
/// freed with its last owner. A state therefore never works in place: a step reads the block where
/// the path stands and writes to others, and a forward pass that fails or is abandoned leaves the
/// state as it was. A state that goes on token by token alternates between two blocks.
///
/// States and groups: one thread at a time. RecurrentBatch::convolve and scan are called by all
/// compute threads of one graph operation at once, as their comments say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "banyan/recurrent_layout.h"
#include "banyan/state.h"

namespace banyan {

class StateBlock {
 public:
  /// Allocates a block, charged to the budget for its life. Its contents are undefined.
  /// Errors: out_of_memory.
  static Result<std::shared_ptr<StateBlock>> create(const RecurrentLayout& layout, Budget& budget);
  /// A state that lies in a block of a lower tier, of which stored parts (banyan/state.h) are made.
  static std::shared_ptr<StateBlock> stored(std::shared_ptr<StoredBlock> block);
  ~StateBlock();
  StateBlock(const StateBlock&) = delete;
  StateBlock& operator=(const StateBlock&) = delete;

  /// Of memory, or that the block of the lower tier takes there.
  std::size_t bytes() const { return block_ == nullptr ? charge_.bytes() : block_->bytes(); }
  /// Null where the state lies in a lower tier.
  float* data() const { return data_; }
  /// Null where the state lies in memory.
  const std::shared_ptr<StoredBlock>& block() const { return block_; }
  /// What the state lies in.
  const void* id() const { return block_ == nullptr ? static_cast<const void*>(this) : block_.get(); }

 private:
  StateBlock() = default;
  explicit StateBlock(std::shared_ptr<StoredBlock> block);
  float* data_ = nullptr;
  Charge charge_;
  std::shared_ptr<StoredBlock> block_;
};

/// A session's state of a group. Its part of a node is the state at the node's end, which the back
/// keeps when the node is split, and the child when it is merged.
class RecurrentState final : public LiveState {
 public:
  /// At the start of a path, all zeros.
  RecurrentState(const RecurrentLayout& layout, Budget& budget) : layout_(layout), budget_(&budget) {}
  /// At offset `tokens` > 0, where `block` is the state.
  RecurrentState(const RecurrentLayout& layout, Budget& budget, std::size_t tokens,
                 std::shared_ptr<const StateBlock> block);
  RecurrentState(const RecurrentState&) = delete;
  RecurrentState& operator=(const RecurrentState&) = delete;

  std::size_t tokens() const override { return tokens_; }
  /// Allocates what a step of `count` more tokens writes to: a block for its end, and one for each
  /// capture on the way. What is captured is there to save work, so a request does not fail for it:
  /// where memory is short, captures are given up, the earliest first, before the step is refused.
  Result<> reserve(std::size_t count) override;
  /// Keeps the block that the state stood at for the next step, unless it is shared.
  /// REQUIRES: count is 0, or the rows of the last RecurrentBatch that was made of the state since the
  /// last commit, of which every layer was computed; a recurrence cannot go back.
  void commit(std::size_t count) override;
  void schedule_capture(std::size_t offset) override;
  /// The state at `to`, which is null unless `to` is tokens() or was captured. Once a part of a
  /// capture exists, the next commit lets go of the capture.
  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override;
  void visit_allocations(const AllocationVisitor& visit) const override;

  const RecurrentLayout& layout() const { return layout_; }
  /// tokens() and what is reserved.
  std::size_t reserved_end() const { return reserved_end_; }

 private:
  friend class RecurrentBatch;
  /// Rows that a step computes from one block to another.
  struct Piece {
    int rows = 0;
    const float* from = nullptr;  ///< null: zeros
    float* to = nullptr;
  };
  /// Plans a step of the first `rows` reserved tokens, in place of any planned before.
  std::vector<Piece> plan(int rows);
  /// Where the pieces of a step to `end` end: at captures on the way, and at `end`.
  std::vector<std::size_t> piece_ends(std::size_t end) const;
  /// Allocates blank blocks for the captures in what is reserved, or gives captures up.
  void make_room_for_captures();

  RecurrentLayout layout_;
  Budget* budget_;
  std::size_t tokens_ = 0;
  std::size_t reserved_end_ = 0;
  std::shared_ptr<const StateBlock> current_;       ///< null: zeros
  std::vector<std::shared_ptr<StateBlock>> blank_;  ///< that the pieces of the next step write to, in order
  std::vector<std::size_t> planned_ends_;           ///< of the planned step's pieces
  std::set<std::size_t> scheduled_;                 ///< tokens() is one if it was captured
  std::map<std::size_t, std::shared_ptr<const StateBlock>> captured_;  ///< at offsets before tokens()
};

/// The group of a model's gated delta net layers of one shape.
class RecurrentGroup final : public LayerGroup {
 public:
  /// REQUIRES: every number of the layout is positive, conv_taps at most RecurrentLayout::kMostTaps.
  explicit RecurrentGroup(const RecurrentLayout& layout);
  std::string_view kind() const override { return "recurrent"; }
  std::string description() const override;
  int layer_count() const override { return layout_.layers; }
  std::size_t reach() const override { return 0; }
  std::size_t least_bytes(std::size_t tokens) const override;
  std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const override;
  std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                    Budget& budget) const override;
  std::string check(const StatePart* part, std::size_t length) const override;

  std::size_t block_bytes(std::size_t tokens) const override;
  std::vector<EdgeRange> ranges(const StatePart& part, std::size_t length) const override;
  std::function<void(std::span<std::byte>)> writer(const StatePart& part, EdgeRange range) const override;
  std::unique_ptr<StatePart> stored_part(std::size_t length, std::span<const StoredRun> runs) const override;
  std::vector<StoredRun> stored_runs(const StatePart& part, std::size_t length) const override;
  Result<LoadingState> load(std::span<const PathPart> memory, std::size_t in_memory,
                            std::span<const PathPart> stored, std::size_t offset,
                            Budget& budget) const override;

  const RecurrentLayout& layout() const { return layout_; }

 private:
  RecurrentLayout layout_;
};

/// Which key head a value head reads where key heads are fewer; a group is value_heads / key_heads.
enum class KeyOrder : std::uint8_t {
  grouped,  ///< value head h reads key head h / group: qwen3next
  tiled,    ///< value head h reads key head h % key_heads: qwen35 and qwen35moe
};

/// One step of several paths through the layers of a group.
///
/// Use: reserve() in each state, make the batch, let the graph call convolve and then scan for every
/// layer, commit() in each state. If the step fails, the batch is thrown away, and another may be
/// made of the same states. The states must outlive the batch.
///
/// All arrays are contiguous float32 but where a stride is told; the last dimension is the fastest,
/// so that [rows][heads][dim] is ggml's {dim, heads, rows}.
class RecurrentBatch {
 public:
  struct Sequence {
    RecurrentState* state = nullptr;
    int rows = 0;  ///< new tokens, at positions tokens() .. tokens() + rows; reserved
  };

  /// What the delta rule is given for each row.
  struct DeltaInput {
    const float* q = nullptr;     ///< [rows][key_heads][key_dim], of length 1 (l2 norm) like k
    const float* k = nullptr;     ///< [rows][key_heads][key_dim]
    const float* v = nullptr;     ///< [rows][value_heads][value_dim]
    std::size_t v_stride = 0;     ///< floats from one row of v to the next: v may lie in convolve's result
    const float* g = nullptr;     ///< [rows][value_heads], logarithm of the decay
    const float* beta = nullptr;  ///< [rows][value_heads], how much of the error is learned
  };

  /// The rows of the batch are the sequences' new tokens, one sequence after the other.
  /// REQUIRES: there is a sequence; the states are distinct and of one layout; the layout's
  /// value_heads is a multiple of `key_heads`.
  RecurrentBatch(std::span<const Sequence> sequences, int key_heads, KeyOrder key_order);

  int rows() const { return rows_; }

  /// out = silu(causal convolution of x) for `layer` (counted in the group), each channel by itself:
  /// x and out are [rows][conv_channels], weights [conv_channels][conv_taps + 1], the row's own last.
  /// Called by threads 0..nth-1 together.
  void convolve(int layer, const float* x, const float* weights, float* out, int ith, int nth) const;

  /// The gated delta rule: for each row and value head S = exp(g) S, S += k (x) beta (v - k S), and
  /// out [rows][value_heads][value_dim] = q S / sqrt(key_dim). Called by threads 0..nth-1 together.
  void scan(int layer, const DeltaInput& input, float* out, int ith, int nth) const;

 private:
  struct Piece {
    int row = 0;  ///< its first, of the batch's
    RecurrentState::Piece of;
  };
  /// Pieces of a sequence follow each other, and so do the sequences.
  std::vector<Piece> pieces_;
  RecurrentLayout layout_;
  int key_heads_;
  KeyOrder key_order_;
  int rows_ = 0;
};

}  // namespace banyan
