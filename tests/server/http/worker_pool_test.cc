#include "server/http/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

namespace banyan {
namespace {

TEST(WorkerPool, MakesThreadsAsTheyAreNeededAndNoMoreThanItMay) {
  std::atomic<int> done = 0;
  WorkerPool pool(4);
  EXPECT_EQ(pool.threads(), 0u);
  std::latch together(4), go(1);
  for (int i = 0; i < 4; ++i) {
    pool.submit([&] {
      together.count_down();
      go.wait();
      ++done;
    });
  }
  together.wait();  // four jobs are at work at once
  for (int i = 0; i < 100; ++i) pool.submit([&] { ++done; });
  EXPECT_EQ(pool.threads(), 4u);
  go.count_down();
  pool.join();
  EXPECT_EQ(done, 104);
}

TEST(WorkerPool, AnIdleThreadTakesTheNextJob) {
  WorkerPool pool(100);
  std::atomic<int> done = 0;
  for (int i = 0; i < 200; ++i) {
    pool.submit([&] { ++done; });
    while (done == i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_LT(pool.threads(), 50u);  // now and then one has not come to rest yet
  pool.join();
}

}  // namespace
}  // namespace banyan
