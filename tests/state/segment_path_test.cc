#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "banyan/segment.h"
#include "state/attention_tools.h"

namespace banyan::test {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;

std::size_t bytes_of(std::size_t tokens) { return tokens * kLayout.bytes_per_token(); }

TEST(SegmentPathTest, ItsSegmentsAreAsLargeAsItMayStart) {
  Budget budget(1 << 20);
  SegmentPath path(kLayout, budget, 96);
  ASSERT_TRUE(path.reserve(300));
  EXPECT_EQ(path.views().size(), 4);
  EXPECT_EQ(budget.used(), bytes_of(3 * 96 + 64));
  EXPECT_THROW(SegmentPath(kLayout, budget, 48), Misuse);
  EXPECT_THROW(SegmentPath(kLayout, budget, 100), Misuse);
}

TEST(SegmentPathTest, BeginsAtItsFirstToken) {
  Budget budget(1 << 20);
  const auto segment = Segment::create(kLayout, 64, budget).value();
  segment->claim(0, 30);
  SegmentPath path(kLayout, budget, 64, 1000, {{segment, 10, 30}});
  EXPECT_EQ(path.first(), 1000);
  EXPECT_EQ(path.end(), 1020);
  ASSERT_TRUE(path.reserve(5));
  path.commit(2);
  EXPECT_EQ(path.end(), 1022);
  EXPECT_EQ(path.reserved_end(), 1022);
  EXPECT_THAT(path.clip(1005, 1022), ElementsAre(FieldsAre(segment, 15, 32)));
  EXPECT_THAT(path.clip(1022, 1022), ElementsAre());
  EXPECT_THROW((void)path.clip(999, 1022), Misuse);
  EXPECT_THROW((void)path.clip(1022, 1023), Misuse);
}

TEST(SegmentPathTest, FreesTheSegmentsOfTokensThatItLetsGoOf) {
  Budget budget(1 << 20);
  SegmentPath path(kLayout, budget, 64);
  ASSERT_TRUE(path.reserve(200));
  path.commit(150);
  path.drop_before(63);
  EXPECT_EQ(budget.used(), bytes_of(3 * 64));
  path.drop_before(64);
  EXPECT_EQ(budget.used(), bytes_of(2 * 64));
  path.drop_before(10);
  EXPECT_EQ(path.first(), 64) << "they are gone already";
  EXPECT_THROW(path.drop_before(151), Misuse);

  path.drop_before(150);
  EXPECT_EQ(budget.used(), 0);
  ASSERT_TRUE(path.reserve(1));
  path.commit(1);
  EXPECT_EQ(path.first(), 150);
  EXPECT_EQ(path.end(), 151);
}

TEST(SegmentPathTest, KeepsWhatIsReservedWhenItLetsGo) {
  Budget budget(1 << 20);
  SegmentPath path(kLayout, budget, 64);
  ASSERT_TRUE(path.reserve(10));
  path.commit(10);
  ASSERT_TRUE(path.reserve(20));
  path.drop_before(10);
  EXPECT_EQ(path.reserved_end(), 30);
  path.commit(20);
  EXPECT_EQ(path.end(), 30);
}

}  // namespace
}  // namespace banyan::test
