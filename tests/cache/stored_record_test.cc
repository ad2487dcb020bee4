// Records of a lower tier as bytes.
#include <gtest/gtest.h>

#include <random>

#include "cache/stored/record.h"

namespace banyan {
namespace {

StoredRecord some_record() {
  return {.id = 7,
          .parent = 5,
          .last_use = 99,
          .user_mark = true,
          .start = 300,
          .tokens = {1, 2, 3, 150'000},
          .groups = {{{.range = {0, 3}, .block = 11, .at = 2, .block_tokens = 5},
                      {.range = {3, 4}, .block = 12, .at = 0, .block_tokens = 1}},
                     {},
                     {{.range = {4, 4}, .block = 13, .at = 0, .block_tokens = 0}}}};
}

TEST(StoredRecord, ComesBackAsItWas) {
  const StoredRecord record = some_record();
  const auto decoded = decode(encode(record), 3);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, record);
}

TEST(StoredRecord, OfOtherGroupsIsRefused) {
  EXPECT_FALSE(decode(encode(some_record()), 2));
  EXPECT_FALSE(decode(encode(some_record()), 4));
}

TEST(StoredRecord, CutAnywhereIsRefused) {
  const Tier::Record bytes = encode(some_record());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::span(bytes).first(size), 3)) << size;
  }
}

TEST(StoredRecord, ThatContradictsItselfIsRefused) {
  const auto is_refused = [](auto change) {
    StoredRecord record = some_record();
    change(record);
    return !decode(encode(record), 3);
  };
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.parent = 7; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.parent = 0; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.start = 0; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.tokens[1] = -1; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.tokens.clear(); }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[0][1].range = {2, 4}; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[0][1].range.end = 5; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[0][0].at = 3; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[0][0].block = 0; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[2][0].range = {0, 0}; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[2][0].block_tokens = 1; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.groups[0][0].block_tokens = 0xFFFFFFFF; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.start = std::uint64_t{1} << 60; }));
  EXPECT_TRUE(is_refused([](StoredRecord& record) { record.id = ~std::uint64_t{0}; }));
}

TEST(StoredRecord, OfAnyBytesIsRefusedOrMakesTheSameBytes) {
  std::mt19937 random(1);
  const Tier::Record good = encode(some_record());
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    Tier::Record bytes = good;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= std::byte(1 << random() % 8);
    }
    if (const auto decoded = decode(bytes, 3)) {
      EXPECT_EQ(encode(*decoded), bytes);
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(StoredRecord, RunsAreClippedLikeTheEdge) {
  const auto block = std::make_shared<StoredBlock>(1, 10);
  const std::vector<StoredRun> runs = {{.range = {0, 10}, .block = block, .at = 5, .block_tokens = 20},
                                       {.range = {10, 10}, .block = block, .at = 0, .block_tokens = 0}};
  const auto front = clip_runs(runs, 0, 4);
  ASSERT_EQ(front.size(), 1u);
  EXPECT_EQ(front[0].range, (EdgeRange{0, 4}));
  EXPECT_EQ(front[0].at, 5);
  const auto back = clip_runs(runs, 4, 10);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].range, (EdgeRange{0, 6}));
  EXPECT_EQ(back[0].at, 9);
  EXPECT_EQ(back[1].range, (EdgeRange{6, 6}));
  EXPECT_TRUE(clip_runs(runs, 10, 12).empty());
}

}  // namespace
}  // namespace banyan
