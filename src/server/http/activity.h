/// The requests at work in a server, so that it can stop once they have ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace banyan {

/// Any thread. Must outlive its permits.
class Activity {
 public:
  /// Held by a request while it is at work. Empty: refused.
  using Permit = std::unique_ptr<Activity, void (*)(Activity*)>;

  Permit begin();

  /// Refuses new permits from now on.
  void refuse();
  bool refuses() const { return refuses_; }
  /// Refuses, and asks those at work to end.
  void hurry();
  bool hurries() const { return hurries_; }
  /// Blocks until no permit is held.
  void wait_until_idle();

 private:
  void end();

  std::mutex mutex_;
  std::condition_variable idle_;
  int permits_ = 0;
  std::atomic<bool> refuses_ = false;
  std::atomic<bool> hurries_ = false;
};

}  // namespace banyan
