#include "server/http/body_memory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace banyan {
namespace {

TEST(BodyMemory, RefusesBytesAboveTheLimitAndTakesThemBack) {
  BodyMemory memory(100, 100);
  BodyMemory::Share first(memory);
  EXPECT_TRUE(first.grow(60));
  {
    BodyMemory::Share second(memory);
    EXPECT_TRUE(second.grow(40));
    EXPECT_FALSE(second.grow(1));
    EXPECT_FALSE(first.grow(1));
  }
  EXPECT_TRUE(first.grow(40));
}

TEST(BodyMemory, LargeBodiesAreWorkedAtInTurnAndTheLargestAlone) {
  BodyMemory memory(10'000, 100);
  std::atomic<int> at_work = 0, most = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      BodyMemory::Share share(memory);
      ASSERT_TRUE(share.grow(150));
      share.wait_to_work();
      const int now = ++at_work;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::yield();
      --at_work;
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace banyan
