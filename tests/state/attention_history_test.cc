// Random histories of states and of what is stored of them, against the plain lists of tokens that
// each should remember.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "banyan/attention_state.h"
#include "state/attention_tools.h"
#include "state/parts.h"
#include "state/random_choices.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

class History : RandomChoices {
 public:
  History(std::uint64_t seed, const KvLayout& layout, std::size_t budget_tokens)
      : RandomChoices(seed), layout_(layout), budget_(budget_tokens * layout.bytes_per_token()) {
    budget_.set_reclaimer([this](std::size_t) { return drop_stored(); });
  }

  void step() {
    switch (pick(0, 9)) {
      case 0:
        if (live_.size() < 8) live_.push_back(test::start(budget_, {layout_}));
        break;
      case 1:
      case 2:
        resume_one();
        break;
      case 3:
        if (!live_.empty()) drop(live_);
        break;
      case 4:
        store_one();
        break;
      case 5:
        without_change_of_memory([this] { split_one(); });
        break;
      case 6:
        without_change_of_memory([this] { merge_one(); });
        break;
      default:
        evaluate_some();
    }
    check();
  }

  // Drops everything. Returns how often there was no memory.
  int end() {
    live_.clear();
    stored_.clear();
    EXPECT_EQ(budget_.used(), 0);
    return refused_;
  }

 private:
  bool drop_stored() {
    if (stored_.empty()) return false;
    drop(stored_);
    return true;
  }
  template <class Change>
  void without_change_of_memory(Change change) {
    const std::size_t before = budget_.used();
    change();
    EXPECT_EQ(budget_.used(), before);
  }

  void resume_one() {
    if (stored_.empty() || live_.size() >= 8) return;
    const StoredPath& path = any(stored_);
    const auto offset = static_cast<std::size_t>(
        pick(0, 2) == 0 ? pick(0, static_cast<int>(path.names.size())) : static_cast<int>(path.names.size()));
    without_change_of_memory([&] { live_.push_back(test::resume(path, offset, budget_, {layout_})); });
  }

  void store_one() {
    if (live_.empty()) return;
    const LivePath& path = any(live_);
    std::set<std::size_t> ends;
    for (int cuts = pick(1, 4); cuts > 0; --cuts) ends.insert(pick(0, static_cast<int>(path.names.size())));
    ends.erase(0);
    if (ends.empty()) return;
    without_change_of_memory(
        [&] { stored_.push_back(test::store(path, std::vector<std::size_t>(ends.begin(), ends.end()))); });
  }

  void split_one() {
    if (stored_.empty()) return;
    auto& nodes = any(stored_).nodes;
    const int i = pick(0, static_cast<int>(nodes.size()) - 1);
    const int size = static_cast<int>(nodes[i].end - nodes[i].start);
    if (size < 2) return;
    const int at = pick(1, size - 1);
    const std::size_t middle = nodes[i].start + at;
    StoredPath::Node front{split_front(nodes[i].part, at), nodes[i].start, middle};
    nodes[i].start = middle;
    nodes.insert(nodes.begin() + i, std::move(front));
  }

  void merge_one() {
    if (stored_.empty()) return;
    auto& nodes = any(stored_).nodes;
    if (nodes.size() < 2) return;
    const int i = pick(1, static_cast<int>(nodes.size()) - 1);
    merge_front(nodes[i].part, std::move(nodes[i - 1].part));
    nodes[i].start = nodes[i - 1].start;
    nodes.erase(nodes.begin() + i - 1);
  }

  // New tokens of some live paths in one batch, some of them not committed.
  void evaluate_some() {
    std::vector<const SegmentPath*> paths;
    std::vector<Step> chosen;
    for (LivePath& path : live_) {
      if (pick(0, 2) == 0) continue;
      const int count = pick(0, 3) == 0 ? pick(1, 90) : pick(1, 3);
      const std::size_t before = path.state->tokens();
      const auto reserved = path.state->reserve(count);
      if (!reserved) {
        ++refused_;
        EXPECT_EQ(reserved.error().code, Errc::out_of_memory);
        EXPECT_TRUE(stored_.empty());
        EXPECT_EQ(path.state->tokens(), before);
        EXPECT_EQ(path.path().reserved_end(), before);
        continue;
      }
      const int kept = pick(0, 2) == 0 ? pick(0, count) : count;
      paths.push_back(&path.path());
      chosen.push_back({&path, new_names(count), static_cast<std::size_t>(kept)});
    }
    if (chosen.empty()) return;
    std::vector<Step> steps;
    std::set<std::pair<const Segment*, int>> distinct;
    for (const std::size_t i : AttentionBatch::order(paths)) {
      steps.push_back(chosen[i]);
      for (const SegmentView& view : paths[i]->views()) {
        for (int t = view.begin; t < view.end; ++t) distinct.emplace(view.segment.get(), t);
      }
    }
    EXPECT_EQ(evaluate(steps, scratch_), distinct.size());
  }

  // What is charged is what states and parts reach, each segment once, and every path is whole.
  void check() {
    std::map<const void*, std::size_t> reached;
    const AllocationVisitor visit = [&](const void* id, std::size_t bytes) { reached[id] = bytes; };
    for (const LivePath& path : live_) {
      path.state->visit_allocations(visit);
      EXPECT_EQ(path.state->tokens(), path.names.size());
    }
    for (const StoredPath& path : stored_) {
      std::size_t bytes = 0;
      for (const auto& node : path.nodes) {
        node.part->visit_allocations(visit);
        bytes += node.part->bytes();
      }
      EXPECT_EQ(bytes, path.names.size() * layout_.bytes_per_token());
      EXPECT_EQ(AttentionGroup(layout_).resumable(path.parts(), SIZE_MAX), path.names.size());
    }
    std::size_t sum = 0;
    for (const auto& [id, bytes] : reached) sum += bytes;
    EXPECT_EQ(budget_.used(), sum);
    EXPECT_LE(budget_.peak(), budget_.limit());
  }

  KvLayout layout_;
  Budget budget_;
  Budget scratch_{std::size_t{64} << 20};
  std::vector<LivePath> live_;
  std::vector<StoredPath> stored_;
  int refused_ = 0;
};

int run_histories(KvType type, std::size_t budget_tokens) {
  KvLayout layout = kLayout;
  layout.type = type;
  int refused = 0;
  // Not every history comes to the end of a tight budget.
  for (int seed = 0; seed < std::max(scaled(10), 2) && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed, layout, budget_tokens);
    for (int step = 0; step < 120 && !testing::Test::HasFailure(); ++step) history.step();
    refused += history.end();
  }
  return refused;
}

TEST(AttentionHistoryTest, EveryPathRemembersItsTokens) {
  for (const KvType type : kKvTypes) EXPECT_EQ(run_histories(type, 1 << 20), 0) << kv_type_name(type);
}

TEST(AttentionHistoryTest, EveryPathRemembersItsTokensUnderATightBudget) {
  EXPECT_GT(run_histories(KvType::f16, 1000), 0);
}

}  // namespace
}  // namespace banyan::test
