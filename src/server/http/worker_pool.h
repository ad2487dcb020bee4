/// Threads that work through jobs, made as they are needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace banyan {

/// Any thread.
class WorkerPool {
 public:
  /// At most so many threads; further jobs wait.
  explicit WorkerPool(std::size_t most) : most_(most) {}
  /// join().
  ~WorkerPool();

  /// A job must not throw. Throws std::system_error when there is no thread and none can be made.
  void submit(std::move_only_function<void()> job);
  /// Returns when all jobs are done; there must be no more of them.
  void join();

  std::size_t threads() const;

 private:
  void work();

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};

}  // namespace banyan
