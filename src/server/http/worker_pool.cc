#include "server/http/worker_pool.h"

#include <system_error>
#include <utility>

namespace banyan {

WorkerPool::~WorkerPool() { join(); }

void WorkerPool::submit(std::move_only_function<void()> job) {
  const std::lock_guard lock(mutex_);
  // A thread that was told of a job counts as idle, and the job as waiting, until it has taken it.
  if (jobs_.size() >= idle_ && threads_.size() < most_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;
    }
  }
  jobs_.push_back(std::move(job));
  changed_.notify_one();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return ends_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
}

void WorkerPool::join() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

}  // namespace banyan
