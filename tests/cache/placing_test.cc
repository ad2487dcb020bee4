// Which of the offsets where conversations may fork are worth a restore point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "banyan/cache.h"

namespace banyan {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<RestorePoint> begins(std::initializer_list<std::size_t> offsets) {
  std::vector<RestorePoint> points;
  for (const std::size_t offset : offsets) points.push_back({.offset = offset});
  return points;
}

std::vector<std::size_t> placed(const std::vector<RestorePoint>& points, std::size_t size) {
  std::vector<std::size_t> offsets;
  for (const RestorePoint& point : place_restore_points(points, size)) offsets.push_back(point.offset);
  return offsets;
}

TEST(PlaceRestorePoints, PromptWithoutMessagesIsCutAtAnIntervalThatGrows) {
  EXPECT_THAT(placed({}, 4), IsEmpty());
  EXPECT_THAT(placed({}, 5), ElementsAre(1));
  EXPECT_THAT(placed({}, 900), ElementsAre(256, 512, 768, 896));
  const std::vector<std::size_t> offsets = placed({}, 100'000);
  EXPECT_LT(offsets.size(), 80u);
  for (std::size_t i = 1; i + 1 < offsets.size(); ++i) {
    EXPECT_EQ(offsets[i] - offsets[i - 1], std::max<std::size_t>(256, offsets[i - 1] / 16));
  }
}

TEST(PlaceRestorePoints, MessagesThatBeginFarApartAllGetOne) {
  EXPECT_THAT(placed(begins({100, 200, 300, 400}), 500), ElementsAre(100, 200, 300, 400, 496));
}

TEST(PlaceRestorePoints, MessageThatBeginsCloseBehindAPointGetsNone) {
  EXPECT_THAT(placed(begins({100, 132, 140, 172, 300}), 400), ElementsAre(100, 140, 300, 396));
  EXPECT_THAT(placed(begins({10'000, 10'300, 10'400, 20'000}), 20'100), Contains(10'400));
  EXPECT_THAT(placed(begins({10'000, 10'300, 10'400, 20'000}), 20'100), testing::Not(Contains(10'300)));
}

TEST(PlaceRestorePoints, FirstAndLastMessageAndTheEndAlwaysGetOne) {
  EXPECT_THAT(placed(begins({10, 20, 30}), 40), ElementsAre(10, 30, 36));
  EXPECT_THAT(placed(begins({3}), 8), ElementsAre(3, 4));
}

TEST(PlaceRestorePoints, UsersPointsAllStayAndAreTheUsers) {
  const std::vector<RestorePoint> points = {{.offset = 101, .user = true},
                                            {.offset = 100},
                                            {.offset = 120},
                                            {.offset = 120, .user = true},
                                            {.offset = 200, .user = true},
                                            {.offset = 0, .user = true},
                                            {.offset = 150}};
  std::vector<std::pair<std::size_t, bool>> all;
  for (const auto& [offset, user] : place_restore_points(points, 200)) all.emplace_back(offset, user);
  EXPECT_THAT(all, ElementsAre(std::pair(100, false), std::pair(101, true), std::pair(120, true),
                               std::pair(150, false), std::pair(196, false), std::pair(200, true)));
}

TEST(PlaceRestorePoints, IntervalLeavesNoPointCloseBeforeAMessage) {
  EXPECT_THAT(placed(begins({280, 600}), 700), ElementsAre(280, 536, 600, 696));
  EXPECT_THAT(placed(begins({600, 860}), 900), ElementsAre(256, 512, 600, 860, 896));
}

TEST(PlaceRestorePoints, PointOutsideThePromptIsMisuse) {
  EXPECT_THROW(place_restore_points(begins({6}), 5), Misuse);
}

}  // namespace
}  // namespace banyan
