/// The memory of full-attention layers: keys and values of every token of a path, in segments.
///
/// One thread at a time.
#pragma once

#include "banyan/segment.h"
#include "banyan/state.h"

namespace banyan {

/// A session's state of a group of full-attention layers.
class AttentionState final : public LiveState {
 public:
  AttentionState(const KvLayout& layout, Budget& budget, std::vector<SegmentView> views = {});

  std::size_t tokens() const override { return path_.end(); }
  Result<> reserve(std::size_t count) override { return path_.reserve(count); }
  void commit(std::size_t count) override { path_.commit(count); }
  void schedule_capture(std::size_t) override {}
  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override;
  void visit_allocations(const AllocationVisitor& visit) const override;

  const SegmentPath& path() const { return path_; }

 private:
  SegmentPath path_;
};

/// The group of a model's full-attention layers of one shape.
class AttentionGroup final : public LayerGroup {
 public:
  /// Most tokens in a segment.
  static constexpr int kSegmentTokens = 256;

  explicit AttentionGroup(const KvLayout& layout) : layout_(layout) {}
  std::string_view kind() const override { return "attention"; }
  std::string description() const override;
  int layer_count() const override { return layout_.layers; }
  std::size_t reach() const override { return kWholePath; }
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
  /// What memory has is shared; the rest gets segments of its own.
  Result<LoadingState> load(std::span<const PathPart> memory, std::size_t in_memory,
                            std::span<const PathPart> stored, std::size_t offset,
                            Budget& budget) const override;

  const KvLayout& layout() const { return layout_; }

 private:
  KvLayout layout_;
};

}  // namespace banyan
