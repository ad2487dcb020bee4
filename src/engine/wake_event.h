/// What wakes the engine's thread when it has nothing to do.
#pragma once

#include <condition_variable>
#include <mutex>

namespace banyan {

/// Shared by all who may wake the thread, as some of them outlive it.
class WakeEvent {
 public:
  /// The wait() that goes on returns, or the next one. Any thread.
  void set() {
    {
      const std::lock_guard lock(mutex_);
      is_set_ = true;
    }
    changed_.notify_one();
  }

  /// Waits until set() was called since the last wait(). One thread.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_set_; });
    is_set_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

}  // namespace banyan
