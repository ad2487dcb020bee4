#include "engine/delta_queue.h"

#include <utility>

namespace banyan {

void DeltaQueue::push(Delta delta) {
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return;
    if (delta.finish != Finish::none) --open_choices_;
    deltas_.push_back(std::move(delta));
  }
  changed_.notify_one();
}

Generation::Wait DeltaQueue::pop(std::optional<std::chrono::steady_clock::time_point> deadline,
                                 Delta& delta) {
  std::unique_lock lock(mutex_);
  const auto settled = [&] { return !deltas_.empty() || open_choices_ == 0 || cancelled_; };
  if (!deadline) {
    changed_.wait(lock, settled);
  } else if (!changed_.wait_until(lock, *deadline, settled)) {
    return Generation::Wait::pending;
  }
  if (deltas_.empty()) return Generation::Wait::done;
  delta = std::move(deltas_.front());
  deltas_.pop_front();
  return Generation::Wait::ready;
}

void DeltaQueue::cancel() {
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex_);
    goes_on = !cancelled_ && open_choices_ > 0;
    cancelled_ = true;
    deltas_.clear();
  }
  changed_.notify_all();
  if (goes_on && engine_) engine_->set();
}

bool DeltaQueue::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

Generation::Generation(std::shared_ptr<DeltaQueue> queue) : queue_(std::move(queue)) {}
Generation::Generation(Generation&&) noexcept = default;

Generation& Generation::operator=(Generation&& other) noexcept {
  if (this != &other) {
    cancel();
    queue_ = std::move(other.queue_);
  }
  return *this;
}

Generation::~Generation() { cancel(); }

std::optional<Delta> Generation::next() {
  Delta delta;
  if (!queue_ || queue_->pop(std::nullopt, delta) == Wait::done) return std::nullopt;
  return delta;
}

Generation::Wait Generation::next_for(std::chrono::milliseconds timeout, Delta& delta) {
  return queue_ ? queue_->pop(std::chrono::steady_clock::now() + timeout, delta) : Wait::done;
}

void Generation::cancel() {
  if (queue_) queue_->cancel();
}

}  // namespace banyan
