/// The memory of sliding-window attention layers: keys and values of the last tokens of a path, and
/// of those that restore points need.
///
/// A path resumes at p when the tokens [max(0, p - window), p) are kept on it, by whichever nodes.
/// A node's part covers what is kept of its edge: at first the last `window` tokens, after splits
/// and merges perhaps pieces of it. Every node has a part, if an empty one.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "banyan/segment.h"
#include "banyan/state.h"

namespace banyan {

/// A session's state of a group of sliding-window layers. It lets go of what has left the window,
/// but for the windows of the captures.
class WindowState final : public LiveState {
 public:
  /// At the end of `views`, which begin at token `first` of the path and hold its window.
  WindowState(const KvLayout& layout, int window, Budget& budget, std::size_t first = 0,
              std::vector<SegmentView> views = {});

  std::size_t tokens() const override { return path_.end(); }
  /// What is captured is there to save work, so a request does not fail for it: where memory is
  /// short, captures are given up, the earliest first.
  Result<> reserve(std::size_t count) override;
  void commit(std::size_t count) override;
  void schedule_capture(std::size_t offset) override;
  /// What is held of the last `window` tokens before `to`, as far as they lie in [from, to): all of
  /// them if `to` is tokens() or a capture.
  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override;
  void visit_allocations(const AllocationVisitor& visit) const override;

  int window() const { return window_; }
  /// The tokens that the next rows see.
  const SegmentPath& path() const { return path_; }

 private:
  int window_;
  SegmentPath path_;
  std::set<std::size_t> scheduled_;                           ///< beyond tokens()
  std::map<std::size_t, std::vector<SegmentView>> captured_;  ///< the windows before these offsets
};

/// The group of a model's sliding-window layers of one shape.
class WindowGroup final : public LayerGroup {
 public:
  /// REQUIRES: window > 0.
  WindowGroup(const KvLayout& layout, int window);
  std::string_view kind() const override { return "window"; }
  std::string description() const override;
  int layer_count() const override { return layout_.layers; }
  std::size_t reach() const override { return static_cast<std::size_t>(window_); }
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
  /// All of the window gets segments of its own.
  Result<LoadingState> load(std::span<const PathPart> memory, std::size_t in_memory,
                            std::span<const PathPart> stored, std::size_t offset,
                            Budget& budget) const override;

  const KvLayout& layout() const { return layout_; }
  int window() const { return window_; }

 private:
  KvLayout layout_;
  int window_;
};

}  // namespace banyan
