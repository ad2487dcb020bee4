/// A layer group that does what another does, for tests that change one thing of it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banyan/state.h"

namespace banyan {

class WrappedGroup : public LayerGroup {
 public:
  explicit WrappedGroup(std::unique_ptr<LayerGroup> group) : group_(std::move(group)) {}
  std::string_view kind() const override { return group_->kind(); }
  std::string description() const override { return group_->description(); }
  int layer_count() const override { return group_->layer_count(); }
  std::size_t reach() const override { return group_->reach(); }
  std::size_t least_bytes(std::size_t tokens) const override { return group_->least_bytes(tokens); }
  std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const override {
    return group_->resumable(path, limit);
  }
  std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                    Budget& budget) const override {
    return group_->resume(path, offset, budget);
  }
  std::string check(const StatePart* part, std::size_t length) const override {
    return group_->check(part, length);
  }
  std::size_t block_bytes(std::size_t tokens) const override { return group_->block_bytes(tokens); }
  std::vector<EdgeRange> ranges(const StatePart& part, std::size_t length) const override {
    return group_->ranges(part, length);
  }
  std::function<void(std::span<std::byte>)> writer(const StatePart& part, EdgeRange range) const override {
    return group_->writer(part, range);
  }
  std::unique_ptr<StatePart> stored_part(std::size_t length, std::span<const StoredRun> runs) const override {
    return group_->stored_part(length, runs);
  }
  std::vector<StoredRun> stored_runs(const StatePart& part, std::size_t length) const override {
    return group_->stored_runs(part, length);
  }
  Result<LoadingState> load(std::span<const PathPart> memory, std::size_t in_memory,
                            std::span<const PathPart> stored, std::size_t offset,
                            Budget& budget) const override {
    return group_->load(memory, in_memory, stored, offset, budget);
  }

 private:
  std::unique_ptr<LayerGroup> group_;
};

}  // namespace banyan
