#include "server/http/activity.h"

namespace banyan {

Activity::Permit Activity::begin() {
  const std::lock_guard lock(mutex_);
  if (!refuses_) ++permits_;
  return {refuses_ ? nullptr : this, [](Activity* activity) { activity->end(); }};
}

void Activity::end() {
  const std::lock_guard lock(mutex_);
  if (--permits_ == 0) idle_.notify_all();
}

void Activity::refuse() {
  const std::lock_guard lock(mutex_);
  refuses_ = true;
}

void Activity::hurry() {
  refuse();
  hurries_ = true;
}

void Activity::wait_until_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return permits_ == 0; });
}

}  // namespace banyan
