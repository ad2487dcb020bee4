#include <gtest/gtest.h>

#include "banyan/attention_batch.h"
#include "state/attention_tools.h"

namespace banyan::test {
namespace {

constexpr std::size_t kPlenty = std::size_t{256} << 20;
const Kind kKind{kLayout, 64};

// A path that can be resumed at these offsets.
StoredPath make_trunk(const std::vector<std::size_t>& offsets, Budget& budget) {
  LivePath path = start(budget, kKind);
  for (const std::size_t offset : offsets) path.state->schedule_capture(offset);
  extend(path, new_names(offsets.back()), budget);
  return store(path, offsets);
}

// Evaluates new tokens of each path together, so many of each.
std::size_t evaluate_more(std::span<LivePath* const> paths, std::size_t count, Budget& budget) {
  std::vector<Step> steps;
  for (LivePath* const path : paths) {
    path->state->reserve(count).value();
    steps.push_back({path, new_names(count), count});
  }
  return evaluate(steps, budget);
}

TEST(WindowBatchTest, ReadsATrunkOnceWhereverItsWindowsBegin) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_trunk({280, 290, 300}, budget);
  const auto read = [&](std::initializer_list<std::size_t> offsets) {
    std::vector<LivePath> paths;
    std::vector<LivePath*> all;
    for (const std::size_t offset : offsets) paths.push_back(resume(trunk, offset, budget, kKind));
    for (LivePath& path : paths) all.push_back(&path);
    return evaluate_more(all, 1, budget);
  };
  const std::size_t distinct = 300 - (280 - 64);
  EXPECT_EQ(read({280, 290, 300}), distinct + 3);
  EXPECT_EQ(read({300, 290, 280}), distinct + 3);
  EXPECT_EQ(read({300, 300, 300}), 64 + 3);
  // The first and the last are no neighbours where the one between them has not begun or has left the
  // trunk.
  EXPECT_EQ(read({280, 300, 290}), distinct + 3 + 10);
  EXPECT_EQ(read({300, 280, 290}), distinct + 3 + 10);
}

TEST(WindowBatchTest, ReadsWhatOtherPathsHoldOnlyForThose) {
  Budget budget(kPlenty);
  const StoredPath left = make_trunk({100}, budget);
  const StoredPath right = make_trunk({30, 130}, budget);
  LivePath a = resume(left, 100, budget, kKind);
  LivePath b = resume(left, 100, budget, kKind);
  LivePath c = resume(right, 130, budget, kKind);
  LivePath d = resume(right, 30, budget, kKind);
  LivePath e = start(budget, kKind);
  EXPECT_EQ(evaluate_more(std::vector<LivePath*>{&a, &b, &c, &d, &e}, 1, budget), 64 + 64 + 30 + 5);
}

TEST(WindowBatchTest, MixesPrefillAndDecode) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_trunk({140, 150}, budget);
  LivePath a = resume(trunk, 150, budget, kKind);
  LivePath b = resume(trunk, 140, budget, kKind);
  LivePath c = start(budget, kKind);
  std::vector<Step> steps;
  for (const auto& [path, count] : {std::pair(&a, 1), std::pair(&b, 90), std::pair(&c, 200)}) {
    path->state->reserve(count).value();
    steps.push_back({path, new_names(count), static_cast<std::size_t>(count)});
  }
  EXPECT_EQ(evaluate(steps, budget), 74 + 1 + 90 + 200);
  evaluate_more(std::vector<LivePath*>{&c, &a, &b}, 3, budget);
}

TEST(WindowBatchTest, RefusesPathsWithoutWhatTheirRowsSee) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_trunk({100}, budget);
  LivePath path = resume(trunk, 100, budget, kKind);
  ASSERT_TRUE(path.state->reserve(1));
  const AttentionBatch::Sequence sequence{&path.path(), 1};
  AttentionScratch scratch(budget);
  const auto create = [&](int window) {
    return AttentionBatch::create({&sequence, 1}, {.query_heads = 2, .window = window}, 1, scratch);
  };
  EXPECT_TRUE(create(64));
  EXPECT_TRUE(create(65)) << "itself and all before it";
  EXPECT_THROW((void)create(66), Misuse);
  EXPECT_THROW((void)create(0), Misuse);
  EXPECT_THROW((void)create(-1), Misuse);
}

}  // namespace
}  // namespace banyan::test
