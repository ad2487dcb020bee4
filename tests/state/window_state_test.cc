#include "banyan/window_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "state/attention_tools.h"

namespace banyan::test {
namespace {

constexpr std::size_t kPlenty = std::size_t{64} << 20;
constexpr std::size_t kWindow = 40;
const Kind kKind{kLayout, kWindow};

std::size_t bytes_of(std::size_t tokens) { return tokens * kLayout.bytes_per_token(); }

std::size_t visited_bytes(const LiveState& state) {
  std::map<const void*, std::size_t> visited;
  state.visit_allocations([&](const void* id, std::size_t bytes) { visited[id] = bytes; });
  std::size_t sum = 0;
  for (const auto& [id, bytes] : visited) sum += bytes;
  return sum;
}

TEST(WindowStateTest, SeesItsWindowWhateverTheSteps) {
  for (const int window : {1, 2, 15, 16, 17, 40, 64, 65, 100}) {
    SCOPED_TRACE("window " + std::to_string(window));
    Budget budget(kPlenty);
    LivePath path = start(budget, {kLayout, window});
    for (const std::size_t count : {1, 1, 13, 1, 1, 30, 1, 70, 1, 1, 150, 1}) {
      extend(path, new_names(count), budget);
      const std::size_t tokens = path.names.size();
      EXPECT_EQ(path.state->tokens(), tokens);
      EXPECT_EQ(path.path().first(), tokens - std::min<std::size_t>(tokens, window));
    }
  }
}

// Segments of a fourth of the window, but 64 tokens at least: a window of 128 lies in three of them.
TEST(WindowStateTest, HoldsNoMoreOfALongPathThanTheWindowAndWhatCapturesNeed) {
  constexpr std::size_t kWindowTokens = 3 * 64;
  Budget budget(kPlenty);
  WindowState state(kLayout, 128, budget);
  const auto go_on = [&](std::size_t count) {
    ASSERT_TRUE(state.reserve(count));
    state.commit(count);
  };
  while (state.tokens() < 3000) {
    go_on(500);
    EXPECT_LE(budget.used(), bytes_of(kWindowTokens));
  }
  while (state.tokens() < 4000) {
    go_on(1);
    EXPECT_LE(budget.used(), bytes_of(kWindowTokens));
  }
  EXPECT_LE(budget.peak(), bytes_of(kWindowTokens + 512));

  state.schedule_capture(4500);
  state.schedule_capture(5200);
  while (state.tokens() < 8000) {
    go_on(500);
    EXPECT_LE(budget.used(), bytes_of(3 * kWindowTokens));
    EXPECT_EQ(visited_bytes(state), budget.used());
  }
}

TEST(WindowStateTest, LargeWindowsLieInLargerSegments) {
  for (const auto& [window, segment] : {std::pair(300, 80), {512, 128}, {1024, 256}, {5000, 256}}) {
    Budget budget(kPlenty);
    WindowState state(kLayout, window, budget);
    ASSERT_TRUE(state.reserve(5000));
    EXPECT_EQ(state.path().views()[0].size(), segment);
  }
}

TEST(WindowStateTest, ACaptureInsideAPrefillEqualsAPrefillCutThere) {
  for (const std::size_t offset : {1, 15, 16, 17, 39, 40, 41, 63, 64, 65, 100, 199}) {
    SCOPED_TRACE("captured at " + std::to_string(offset));
    Budget budget(kPlenty);
    const Names names = new_names(200);
    LivePath whole = start(budget, kKind);
    whole.state->schedule_capture(offset);
    extend(whole, names, budget);
    LivePath cut = start(budget, kKind);
    extend(cut, Names(names.begin(), names.begin() + offset), budget);

    const StoredPath captured = store(whole, std::vector<std::size_t>{offset});
    const StoredPath expected = store(cut, std::vector<std::size_t>{offset});
    EXPECT_EQ(captured.nodes[0].part->bytes(), expected.nodes[0].part->bytes());
    whole.state.reset();
    LivePath resumed = resume(captured, offset, budget, kKind);
    EXPECT_EQ(resumed.path().first(), cut.path().first());
    extend(resumed, new_names(3), budget);
    extend(resumed, new_names(50), budget);
  }
}

TEST(WindowStateTest, NothingIsKeptBetweenCaptures) {
  Budget budget(kPlenty);
  const WindowGroup group(kLayout, kWindow);
  LivePath path = start(budget, kKind);
  path.state->schedule_capture(100);
  path.state->schedule_capture(300);
  extend(path, new_names(400), budget);
  EXPECT_EQ(path.state->snapshot(0, 100)->bytes(), bytes_of(kWindow));
  EXPECT_EQ(path.state->snapshot(0, 90)->bytes(), bytes_of(30));
  EXPECT_EQ(path.state->snapshot(0, 120)->bytes(), bytes_of(20));
  EXPECT_EQ(path.state->snapshot(100, 250)->bytes(), 0);
  EXPECT_EQ(path.state->snapshot(290, 300)->bytes(), bytes_of(10));
  EXPECT_EQ(path.state->snapshot(100, 400)->bytes(), bytes_of(kWindow));
  const StoredPath stored = store(path, std::vector<std::size_t>{100, 250, 300, 400});
  for (const auto& [limit, offset] : {std::pair(400, 400), {399, 300}, {299, 100}, {100, 100}, {99, 0}}) {
    EXPECT_EQ(group.resumable(stored.parts(), limit), offset);
  }
}

TEST(WindowStateTest, ResumesOverSeveralNodes) {
  Budget budget(kPlenty);
  LivePath path = start(budget, kKind);
  extend(path, new_names(150), budget);
  const StoredPath stored = store(path, std::vector<std::size_t>{100, 115, 135, 140, 150});
  const std::size_t used = budget.used();
  LivePath resumed = resume(stored, 150, budget, kKind);
  EXPECT_EQ(budget.used(), used);
  EXPECT_EQ(resumed.path().first(), 110);
  extend(resumed, new_names(30), budget);
  EXPECT_THROW((void)resume(stored, 149, budget, kKind), Misuse);
}

TEST(WindowStateTest, TheFirstToGoOnFromALeafAppendsInPlace) {
  Budget budget(kPlenty);
  LivePath path = start(budget, kKind);
  extend(path, new_names(50), budget);
  const StoredPath leaf = store(path, std::vector<std::size_t>{50});
  path.state.reset();
  LivePath first = resume(leaf, 50, budget, kKind);
  LivePath second = resume(leaf, 50, budget, kKind);
  const std::size_t used = budget.used();
  extend(first, new_names(7), budget);
  EXPECT_EQ(budget.used(), used);
  extend(second, new_names(7), budget);
  EXPECT_EQ(budget.used(), used + bytes_of(64));
  extend(first, new_names(7), budget);
  extend(second, new_names(7), budget);
}

TEST(WindowStateTest, GivesBackWhatIsNotCommitted) {
  Budget budget(kPlenty);
  WindowState state(kLayout, kWindow, budget);
  ASSERT_TRUE(state.reserve(300));
  state.schedule_capture(200);
  state.commit(10);
  EXPECT_EQ(budget.used(), bytes_of(64));
  EXPECT_EQ(state.path().reserved_end(), 10);
  ASSERT_TRUE(state.reserve(190));
  state.commit(190);
  ASSERT_TRUE(state.reserve(190));
  state.commit(190);
  EXPECT_EQ(state.snapshot(0, 200)->bytes(), bytes_of(kWindow)) << "still captured";
}

TEST(WindowStateTest, GivesCapturesUpBeforeARequestFails) {
  Budget budget(bytes_of(4 * 64));
  WindowState state(kLayout, kWindow, budget);
  state.schedule_capture(64);
  state.schedule_capture(192);
  for (int step = 0; step < 5; ++step) {
    ASSERT_TRUE(state.reserve(64));
    state.commit(64);
  }
  EXPECT_EQ(budget.used(), bytes_of(3 * 64)) << "of the window and of two captures";
  ASSERT_TRUE(state.reserve(128));
  EXPECT_EQ(state.snapshot(0, 64)->bytes(), 0);
  EXPECT_EQ(state.snapshot(0, 192)->bytes(), bytes_of(kWindow));
  ASSERT_TRUE(state.reserve(64));
  EXPECT_EQ(state.snapshot(0, 192)->bytes(), 0);
  const auto refused = state.reserve(64);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_EQ(state.path().reserved_end(), 320 + 192);
}

TEST(WindowStateTest, TellsMisuse) {
  Budget budget(kPlenty);
  WindowState state(kLayout, kWindow, budget);
  ASSERT_TRUE(state.reserve(20));
  EXPECT_THROW(state.commit(21), Misuse);
  state.commit(10);
  EXPECT_THROW((void)state.snapshot(0, 11), Misuse);
  EXPECT_THROW((void)state.snapshot(5, 5), Misuse);
  EXPECT_THROW(state.schedule_capture(10), Misuse);
  EXPECT_THROW(WindowGroup(kLayout, 0), Misuse);
}

TEST(WindowGroupTest, TellsItsKindShapeAndReach) {
  const WindowGroup group(kLayout, kWindow);
  EXPECT_EQ(group.kind(), "window");
  EXPECT_EQ(group.layer_count(), 2);
  EXPECT_EQ(group.window(), kWindow);
  EXPECT_EQ(group.reach(), static_cast<std::size_t>(kWindow));
  EXPECT_NE(group.description(), WindowGroup(kLayout, kWindow + 1).description());
}

}  // namespace
}  // namespace banyan::test
