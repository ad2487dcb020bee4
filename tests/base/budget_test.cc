#include "banyan/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace banyan {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Charge must_take(Budget& budget, std::size_t bytes) {
  Result<Charge> charge = budget.take(bytes, "a test");
  EXPECT_TRUE(charge.has_value()) << charge.error().message;
  return std::move(*charge);
}

TEST(Budget, CountsWhatIsTakenAndGivenBack) {
  Budget budget(100);
  {
    const Charge first = must_take(budget, 60);
    EXPECT_EQ(first.bytes(), 60u);
    EXPECT_EQ(budget.used(), 60u);
    const Charge second = must_take(budget, 40);
    EXPECT_EQ(budget.used(), 100u);
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(budget.limit(), 100u);
}

TEST(Budget, RemembersThePeak) {
  Budget budget(100);
  must_take(budget, 70).release();
  const Charge now = must_take(budget, 20);
  EXPECT_EQ(budget.used(), 20u);
  EXPECT_EQ(budget.peak(), 70u);
}

TEST(Budget, OverheadIsCountedBesidesAndMakesRoomAtTheNextCharge) {
  Budget budget(100);
  std::vector<Charge> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(must_take(budget, 20));
  budget.set_reclaimer([&](std::size_t) {
    if (idle.empty()) return false;
    idle.pop_back();
    return true;
  });
  budget.set_overhead(10);
  EXPECT_EQ(budget.used(), 90u);
  budget.set_overhead(30);
  EXPECT_EQ(budget.used(), 110u);
  EXPECT_EQ(budget.overhead(), 30u);
  const Charge more = must_take(budget, 20);
  EXPECT_EQ(idle.size(), 2u);
  EXPECT_EQ(budget.used(), 90u);
  EXPECT_FALSE(budget.take(60, "a test").has_value());
  budget.set_overhead(0);
  EXPECT_TRUE(budget.take(60, "a test").has_value());
}

TEST(Budget, NothingCanBeTakenFromAFullOne) {
  Budget budget(10);
  const Charge all = must_take(budget, 10);
  const Charge none = must_take(budget, 0);
  EXPECT_EQ(none.bytes(), 0u);
  EXPECT_FALSE(budget.take(1, "a test").has_value());
}

TEST(Budget, RefusesWhatCannotBeFreedAndSaysWhy) {
  Budget budget(100);
  const Charge held = must_take(budget, 60);
  const Result<Charge> refused = budget.take(50, "a segment");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("a segment"), HasSubstr("50 bytes"), HasSubstr("60"), HasSubstr("100")));
  EXPECT_EQ(budget.used(), 60u);
  EXPECT_EQ(budget.peak(), 60u);
}

TEST(Budget, RefusesMoreThanTheLimitWithoutReclaiming) {
  Budget budget(100);
  budget.set_reclaimer([](std::size_t) {
    ADD_FAILURE() << "it could not have helped";
    return false;
  });
  for (const std::size_t bytes : {std::size_t{101}, SIZE_MAX}) {
    const Result<Charge> refused = budget.take(bytes, "a segment");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::out_of_memory);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("a segment"), HasSubstr(std::to_string(bytes)), HasSubstr("budget is 100")));
  }
}

TEST(Budget, ReclaimsUntilTheChargeFits) {
  Budget budget(100);
  std::vector<Charge> idle;
  for (int i = 0; i < 10; ++i) idle.push_back(must_take(budget, 10));
  std::vector<std::size_t> wanted;
  budget.set_reclaimer([&](std::size_t bytes) {
    wanted.push_back(bytes);
    if (idle.empty()) return false;
    idle.pop_back();
    return true;
  });
  const Charge taken = must_take(budget, 25);
  EXPECT_EQ(wanted, (std::vector<std::size_t>{25, 15, 5}));
  EXPECT_EQ(idle.size(), 7u);
  EXPECT_EQ(budget.used(), 95u);
}

TEST(Budget, ReclaimsNothingWhileThereIsRoom) {
  Budget budget(100);
  budget.set_reclaimer([](std::size_t) {
    ADD_FAILURE() << "there was room";
    return false;
  });
  const Charge exactly = must_take(budget, 100);
}

TEST(Budget, GoesOnReclaimingWhenAnEvictionFreesNothingYet) {
  Budget budget(100);
  Charge shared = must_take(budget, 100);
  int owners = 3;
  budget.set_reclaimer([&](std::size_t) {
    if (--owners == 0) shared.release();
    return true;
  });
  EXPECT_EQ(must_take(budget, 100).bytes(), 100u);
  EXPECT_EQ(owners, 0);
}

TEST(Budget, RefusesWhenReclaimingEndsTooEarly) {
  Budget budget(100);
  const Charge busy = must_take(budget, 80);
  Charge idle = must_take(budget, 20);
  budget.set_reclaimer([&](std::size_t) {
    const bool had = idle.bytes() > 0;
    idle.release();
    return had;
  });
  EXPECT_FALSE(budget.take(30, "a segment").has_value());
  EXPECT_EQ(budget.used(), 80u);
}

TEST(Budget, AsksTheReclaimerOnceForTheOperatingSystem) {
  Budget budget(100);
  EXPECT_FALSE(budget.reclaim(7));
  std::size_t asked = 0;
  budget.set_reclaimer([&](std::size_t wanted) {
    asked += wanted;
    return true;
  });
  EXPECT_TRUE(budget.reclaim(7));
  EXPECT_EQ(asked, 7u);
  budget.set_reclaimer({});
  EXPECT_FALSE(budget.reclaim(7));
}

TEST(Charge, MovedFromHoldsNothing) {
  Budget budget(100);
  Charge first = must_take(budget, 30);
  Charge second = std::move(first);
  EXPECT_EQ(first.bytes(), 0u);  // NOLINT(bugprone-use-after-move): what the test is about
  first.release();
  EXPECT_EQ(budget.used(), 30u);
  EXPECT_EQ(second.bytes(), 30u);
}

TEST(Charge, AssignmentGivesTheOldBytesBack) {
  Budget budget(100);
  Budget other(100);
  Charge charge = must_take(budget, 30);
  charge = must_take(other, 50);
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(other.used(), 50u);
  charge = Charge();
  EXPECT_EQ(other.used(), 0u);
}

TEST(Charge, SelfMoveKeepsTheBytes) {
  Budget budget(100);
  Charge charge = must_take(budget, 30);
  Charge& same = charge;
  charge = std::move(same);
  EXPECT_EQ(charge.bytes(), 30u);
  EXPECT_EQ(budget.used(), 30u);
}

TEST(Charge, ReleaseIsIdempotent) {
  Budget budget(100);
  Charge charge = must_take(budget, 30);
  charge.release();
  charge.release();
  EXPECT_EQ(charge.bytes(), 0u);
  EXPECT_EQ(budget.used(), 0u);
}

class RandomCharges : public testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomCharges, NeverExceedTheLimitAndAddUp) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  constexpr std::size_t kLimit = 1000;
  Budget budget(kLimit);
  std::vector<Charge> busy;
  std::vector<Charge> idle;
  budget.set_reclaimer([&](std::size_t) {
    if (idle.empty()) return false;
    idle.pop_back();
    return true;
  });
  const auto sum = [](const std::vector<Charge>& charges) {
    std::size_t bytes = 0;
    for (const Charge& charge : charges) bytes += charge.bytes();
    return bytes;
  };
  std::size_t peak = 0;
  int refusals = 0;
  for (int step = 0; step < 5000; ++step) {
    if (random() % 4 == 0 && !busy.empty()) {
      std::swap(busy[random() % busy.size()], busy.back());
      busy.pop_back();
    } else {
      const std::size_t bytes = random() % 300;
      Result<Charge> charge = budget.take(bytes, "a test");
      if (charge.has_value()) {
        (random() % 2 == 0 ? busy : idle).push_back(std::move(*charge));
      } else {
        ++refusals;
        EXPECT_TRUE(idle.empty());
        EXPECT_GT(sum(busy) + bytes, kLimit);
      }
    }
    ASSERT_EQ(budget.used(), sum(busy) + sum(idle));
    ASSERT_LE(budget.used(), kLimit);
    peak = std::max(peak, budget.used());
    ASSERT_EQ(budget.peak(), peak);
  }
  EXPECT_GT(refusals, 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCharges, testing::Range(1u, 6u));

}  // namespace
}  // namespace banyan
