/// Layer groups whose states remember, in place of numbers, a hash of the path at each token, so
/// that a test can tell whether a state is the right one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "banyan/state.h"

namespace banyan {

/// A state that tests can write and read.
class FakeState : public LiveState {
 public:
  /// Sets what the reserved token at `position` leaves behind.
  virtual void write(std::size_t position, std::uint64_t hash) = 0;
  /// Whether the state is what tokens with these hashes leave behind.
  virtual bool holds(std::span<const std::uint64_t> hashes) const = 0;
};

/// Like the group of a recurrent model: a state is of one size, cannot be split, and resumes only
/// where it was captured.
class PointGroup final : public LayerGroup {
 public:
  static constexpr std::size_t kStateBytes = 1000;

  std::string_view kind() const override { return "recurrent"; }
  int layer_count() const override { return 1; }
  std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const override;
  std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                    Budget& budget) const override;
};

/// Like the group of sliding-window layers: resumes where the last kWindow tokens are kept. What
/// it keeps is not charged to the budget.
class WindowGroup final : public LayerGroup {
 public:
  static constexpr std::size_t kWindow = 8;

  std::string_view kind() const override { return "window"; }
  int layer_count() const override { return 1; }
  std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const override;
  std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                    Budget& budget) const override;
};

}  // namespace banyan
