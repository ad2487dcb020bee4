/// The way from the engine to one client.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "banyan/engine.h"
#include "engine/wake_event.h"

namespace banyan {

/// Deltas of all choices of a request, in the order they were made. Any thread. Holds no more than
/// a reply has tokens, so that the engine never waits for a slow client.
class DeltaQueue {
 public:
  /// `engine`, where there is one, is woken when the client goes before all is said.
  explicit DeltaQueue(int choices, std::shared_ptr<WakeEvent> engine = nullptr)
      : engine_(std::move(engine)), open_choices_(choices) {}

  void push(Delta delta);
  /// Waits for a delta until `deadline`, or without end.
  Generation::Wait pop(std::optional<std::chrono::steady_clock::time_point> deadline, Delta& delta);
  /// No one wants the deltas any more.
  void cancel();
  bool cancelled() const;

 private:
  const std::shared_ptr<WakeEvent> engine_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Delta> deltas_;
  int open_choices_;
  bool cancelled_ = false;
};

}  // namespace banyan
