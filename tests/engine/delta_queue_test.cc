#include "engine/delta_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace banyan {
namespace {

TEST(DeltaQueue, AClientThatGoesWakesTheEngine) {
  const auto engine = std::make_shared<WakeEvent>();
  DeltaQueue deltas(2, engine);
  Delta first;
  first.finish = Finish::end;
  deltas.push(std::move(first));
  std::jthread client([&] { deltas.cancel(); });
  engine->wait();
  EXPECT_TRUE(deltas.cancelled());
}

TEST(WakeEvent, IsNotLostWhenNoOneWaits) {
  WakeEvent event;
  event.set();
  event.set();
  event.wait();
  std::jthread other([&] { event.set(); });
  event.wait();
}

}  // namespace
}  // namespace banyan
