// The system's memory may run out anywhere in a cache with a lower tier: nothing wrong may come of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>

#include "cache/fake_model.h"
#include "cache/fake_tier.h"
#include "support/failing_new.h"
#include "support/scale.h"

namespace banyan {
namespace {

constexpr LayerKinds kKinds = {.attention = true, .window = true, .recurrent = true};
constexpr std::size_t kPlenty = 8 << 20;

Path tokens(std::size_t count, Token seed) {
  Path path(count);
  for (std::size_t i = 0; i < count; ++i) path[i] = static_cast<Token>(i * 3 + i * i % 7) + seed;
  return path;
}

// Two conversations that part, storing, forgetting, coming back, and a restart; one allocation of it fails.
// Whether it did.
bool run(int allowed) {
  FakeDisk disk;
  const auto attempt = [](auto task) {
    try {
      task();
    } catch (const std::bad_alloc&) {
    }
  };
  const Path first = tokens(300, 0);
  const Path second = [&] {
    Path path(first.begin(), first.begin() + 200);
    path.append_range(tokens(60, 500));
    return path;
  }();
  test::fail_allocation(allowed, test::Failing::one);
  for (int process = 0; process < 2; ++process) {
    Budget budget(kPlenty);
    std::unique_ptr<PrefixCache> cache;
    FakeTier* tier = nullptr;
    while (cache == nullptr) {
      attempt([&] {
        auto owned = std::make_unique<FakeTier>(disk);
        tier = owned.get();
        cache = std::make_unique<PrefixCache>(make_groups(kKinds), budget, std::move(owned), kPlenty);
      });
    }
    const auto poll = [&] {
      attempt([&] {
        do {
          static_cast<void>(cache->poll());
        } while (tier->work());
        static_cast<void>(cache->poll());
      });
    };
    for (int round = 0; round < 2; ++round) {
      for (const Path* path : {&first, &second}) {
        attempt([&] {
          Session session = cache->begin(*path, {}).value();
          while (session.is_loading()) {
            tier->work();
            static_cast<void>(cache->poll());
          }
          EXPECT_TRUE(holds_its_path(session)) << allowed;
          const Path rest(session.pending().begin(), session.pending().end());
          static_cast<void>(evaluate(session, rest));
          session.close();
        });
      }
      poll();
      attempt([&] { cache->clear(); });
    }
    attempt([&] { cache->flush(); });
    cache.reset();
    EXPECT_EQ(budget.charged(), 0u) << allowed;
  }
  const bool failed = test::let_allocate();

  // What is there now is right.
  Budget budget(kPlenty);
  auto owned = std::make_unique<FakeTier>(disk);
  FakeTier* const tier = owned.get();
  PrefixCache cache(make_groups(kKinds), budget, std::move(owned), kPlenty);
  for (const Path* path : {&first, &second}) {
    Session session = cache.begin(*path).value();
    while (session.is_loading()) {
      EXPECT_TRUE(tier->work());
      static_cast<void>(cache.poll());
    }
    EXPECT_TRUE(holds_its_path(session)) << allowed;
    EXPECT_EQ(cache.check(), "") << allowed;
  }
  return failed;
}

TEST(StoredOutOfMemory, AnyAllocationMayFail) {
  const int step = std::max(1, 10 / test::scaled(10));
  int allowed = 0;
  while (run(allowed)) allowed += step;
  EXPECT_GT(allowed, 1000);
}

}  // namespace
}  // namespace banyan
