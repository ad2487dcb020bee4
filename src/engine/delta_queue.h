/// The way from the engine to one client.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "banyan/engine.h"

namespace banyan {

/// Deltas of all choices of a request, in the order they were made. Any thread. Holds no more than
/// a reply has tokens, so that the engine never waits for a slow client.
class DeltaQueue {
 public:
  explicit DeltaQueue(int choices) : open_choices_(choices) {}

  void push(Delta delta);
  /// Waits for a delta until `deadline`, or without end.
  Generation::Wait pop(std::optional<std::chrono::steady_clock::time_point> deadline, Delta& delta);
  /// No one wants the deltas any more.
  void cancel();
  bool cancelled() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Delta> deltas_;
  int open_choices_;
  bool cancelled_ = false;
};

}  // namespace banyan
