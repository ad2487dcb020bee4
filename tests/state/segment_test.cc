#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "banyan/attention_state.h"
#include "state/attention_tools.h"

namespace banyan::test {
namespace {

TEST(SegmentTest, IsChargedExactlyForItsLife) {
  Budget budget(1 << 20);
  {
    const auto segment = Segment::create(kLayout, 32, budget).value();
    EXPECT_EQ(segment->capacity(), 32);
    EXPECT_EQ(segment->bytes(), 32 * kLayout.bytes_per_token());
    EXPECT_EQ(budget.used(), segment->bytes());
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(SegmentTest, ClaimsOnlyWhereTheUsedTokensEnd) {
  Budget budget(1 << 20);
  const auto segment = Segment::create(kLayout, 32, budget).value();
  EXPECT_EQ(segment->claim(1, 5), 0);
  EXPECT_EQ(segment->claim(0, 20), 20);
  EXPECT_EQ(segment->claim(10, 5), 0);
  EXPECT_EQ(segment->claim(20, 20), 12);
  EXPECT_EQ(segment->claim(32, 1), 0);
  EXPECT_EQ(segment->used(), 32);
}

TEST(SegmentTest, TakesBackOnlyTheLastClaim) {
  Budget budget(1 << 20);
  const auto segment = Segment::create(kLayout, 32, budget).value();
  segment->claim(0, 10);
  segment->claim(10, 10);
  segment->unclaim(5, 10);
  EXPECT_EQ(segment->used(), 20);
  segment->unclaim(12, 20);
  EXPECT_EQ(segment->used(), 12);
}

TEST(SegmentTest, SmallAndLargeMemoryIsAlignedAndWritable) {
  Budget budget(std::size_t{64} << 20);
  for (const int capacity : {16, 16 * 1024, 16 * 2500}) {
    const auto segment = Segment::create(kLayout, capacity, budget).value();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(segment->data()) % 64, 0);
    std::memset(segment->data(), 1, segment->bytes());
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(SegmentTest, AsksForRoomAndIsRefusedWhenTheBudgetHasNone) {
  Budget budget(32 * kLayout.bytes_per_token());
  auto kept = Segment::create(kLayout, 32, budget).value();
  const auto refused = Segment::create(kLayout, 16, budget);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);

  budget.set_reclaimer([&](std::size_t) { return std::exchange(kept, nullptr) != nullptr; });
  EXPECT_TRUE(Segment::create(kLayout, 16, budget));
  EXPECT_EQ(kept, nullptr);
}

TEST(SegmentTest, AsksForRoomAndIsRefusedWhenTheSystemHasNone) {
  Budget budget(std::size_t{1} << 62);
  int asked = 0;
  budget.set_reclaimer([&](std::size_t) { return ++asked < 3; });
  const KvLayout larger_than_the_address_space{
      .layers = 1 << 20, .kv_heads = 1 << 10, .key_dim = 1 << 9, .value_dim = 1 << 9, .type = KvType::f16};
  const auto refused = Segment::create(larger_than_the_address_space, 1 << 10, budget);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(budget.used(), 0);
}

TEST(SegmentTest, LiesInABlockOfALowerTierInstead) {
  const auto block = std::make_shared<StoredBlock>(7, 1234);
  {
    const auto segment = Segment::stored(block, 19);
    EXPECT_EQ(segment->data(), nullptr);
    EXPECT_EQ(segment->block(), block);
    EXPECT_EQ(segment->id(), block.get());
    EXPECT_EQ(segment->bytes(), 1234);
    EXPECT_EQ(segment->capacity(), 19);
    EXPECT_EQ(segment->used(), 19);
    EXPECT_EQ(segment->claim(19, 1), 0);
  }
  EXPECT_EQ(block.use_count(), 1);
  EXPECT_THROW((void)Segment::stored(block, 0), Misuse);
  EXPECT_THROW((void)Segment::stored(nullptr, 1), Misuse);
}

TEST(SegmentTest, HoldsWholeTiles) {
  Budget budget(1 << 20);
  EXPECT_THROW((void)Segment::create(kLayout, 0, budget), Misuse);
  EXPECT_THROW((void)Segment::create(kLayout, 24, budget), Misuse);
}

}  // namespace
}  // namespace banyan::test
