#include "server/http/body_memory.h"

namespace banyan {

BodyMemory::Share::~Share() {
  const std::lock_guard lock(memory_.mutex_);
  memory_.received_ -= bytes_;
  if (!works_) return;
  memory_.at_work_ -= bytes_;
  memory_.changed_.notify_all();
}

bool BodyMemory::Share::grow(std::size_t bytes) {
  const std::lock_guard lock(memory_.mutex_);
  if (bytes > memory_.most_received_ - memory_.received_) return false;
  memory_.received_ += bytes;
  bytes_ += bytes;
  return true;
}

void BodyMemory::Share::wait_to_work() {
  std::unique_lock lock(memory_.mutex_);
  // In turn, so that small ones that keep coming do not keep a large one waiting for ever.
  const std::size_t turn = memory_.arrived_++;
  memory_.changed_.wait(lock, [&] {
    return turn == memory_.begun_ &&
           (memory_.at_work_ == 0 || memory_.at_work_ + bytes_ <= memory_.most_at_work_);
  });
  ++memory_.begun_;
  memory_.at_work_ += bytes_;
  works_ = true;
  memory_.changed_.notify_all();
}

}  // namespace banyan
