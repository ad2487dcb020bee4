// Random histories of states and of what is stored of them, against the plain lists of tokens that
// each should remember and the offsets at which it should be resumable.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "state/parts.h"
#include "state/random_choices.h"
#include "state/recurrent_tools.h"

namespace banyan::test::recurrent {
namespace {

class History : RandomChoices {
 public:
  // Under a tight budget captures may be given up.
  History(std::uint64_t seed, bool tight)
      : RandomChoices(seed), tight_(tight), budget_((tight ? 14 : 10000) * kLayout.bytes()) {
    budget_.set_reclaimer([this](std::size_t) { return drop_stored(); });
  }

  void step() {
    switch (pick(0, 9)) {
      case 0:
        if (live_.size() < 6) live_.push_back({start(budget_), {}, {}});
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
        merge_one();
        break;
      default:
        evaluate_some();
    }
    check();
  }

  void end() {
    live_.clear();
    stored_.clear();
    EXPECT_EQ(budget_.used(), 0);
  }

 private:
  struct Live {
    Path path;
    std::set<std::size_t> scheduled;  // and not seen yet
    std::set<std::size_t> kept;       // captured, and no part made of it
  };
  struct Stored {
    struct Node {
      std::unique_ptr<StatePart> part;
      std::size_t start = 0;
      std::size_t end = 0;
    };
    std::vector<PathPart> parts() const {
      std::vector<PathPart> result;
      for (const Node& node : nodes) result.push_back({node.part.get(), node.start, node.end});
      return result;
    }
    std::vector<Node> nodes;
    Names names;
  };

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
    if (stored_.empty() || live_.size() >= 6) return;
    const Stored& stored = any(stored_);
    const RecurrentGroup group(kLayout);
    const std::size_t limit = pick(0, static_cast<int>(stored.names.size()));
    std::size_t deepest = 0;
    for (const auto& node : stored.nodes) {
      if (node.part != nullptr && node.end <= limit) deepest = node.end;
    }
    EXPECT_EQ(group.resumable(stored.parts(), limit), deepest);
    without_change_of_memory([&] {
      auto* const state =
          static_cast<RecurrentState*>(group.resume(stored.parts(), deepest, budget_).release());
      const auto names = stored.names.begin();
      live_.push_back(
          {{std::unique_ptr<RecurrentState>(state), Names(names, names + std::ptrdiff_t(deepest))}, {}, {}});
    });
  }

  // Nodes up to some offset, which end where the state has been captured and elsewhere.
  void store_one() {
    if (live_.empty()) return;
    Live& live = any(live_);
    const std::size_t tokens = live.path.names.size();
    if (tokens == 0) return;
    std::set<std::size_t> ends(live.kept.begin(), live.kept.end());
    for (int cuts = pick(1, 3); cuts > 0; --cuts) ends.insert(pick(1, static_cast<int>(tokens)));
    if (pick(0, 1) == 0) ends.insert(tokens);
    Stored stored;
    without_change_of_memory([&] {
      std::size_t start = 0;
      for (const std::size_t at : ends) {
        auto part = live.path.state->snapshot(start, at);
        const bool must = at == tokens || (!tight_ && live.kept.contains(at));
        EXPECT_TRUE(part != nullptr || !must) << at << " of " << tokens;
        stored.nodes.push_back({std::move(part), start, at});
        live.kept.erase(at);
        start = at;
      }
    });
    const auto names = live.path.names.begin();
    stored.names.assign(names, names + std::ptrdiff_t(*ends.rbegin()));
    stored_.push_back(std::move(stored));
  }

  void split_one() {
    if (stored_.empty()) return;
    auto& nodes = any(stored_).nodes;
    const int i = pick(0, static_cast<int>(nodes.size()) - 1);
    const int size = static_cast<int>(nodes[i].end - nodes[i].start);
    if (size < 2) return;
    const std::size_t at = pick(1, size - 1);
    std::unique_ptr<StatePart> front;
    if (nodes[i].part != nullptr) front = split_front(nodes[i].part, at);
    EXPECT_EQ(front, nullptr);
    Stored::Node parent{std::move(front), nodes[i].start, nodes[i].start + at};
    nodes[i].start = parent.end;
    nodes.insert(nodes.begin() + i, std::move(parent));
  }

  void merge_one() {
    if (stored_.empty()) return;
    auto& nodes = any(stored_).nodes;
    if (nodes.size() < 2) return;
    const int i = pick(1, static_cast<int>(nodes.size()) - 1);
    if (nodes[i].part != nullptr) merge_front(nodes[i].part, std::move(nodes[i - 1].part));
    nodes[i].start = nodes[i - 1].start;
    nodes.erase(nodes.begin() + i - 1);
  }

  // New tokens of some live paths in one batch; sometimes it fails, and is given up or made again
  // with fewer tokens.
  void evaluate_some() {
    std::vector<Live*> chosen;
    std::vector<Step> steps;
    for (Live& live : live_) {
      if (pick(0, 2) == 0) continue;
      RecurrentState& state = *live.path.state;
      const std::size_t before = state.tokens();
      for (int captures = pick(0, 2); captures > 0; --captures) {
        const std::size_t at = before + pick(1, 12);
        state.schedule_capture(at);
        live.scheduled.insert(at);
      }
      const std::size_t count = pick(0, 2) == 0 ? pick(1, 14) : 1;
      const std::size_t used = budget_.used();
      if (const auto reserved = state.reserve(count); !reserved) {
        EXPECT_EQ(reserved.error().code, Errc::out_of_memory);
        EXPECT_TRUE(stored_.empty());
        EXPECT_EQ(state.reserved_end(), before);
        EXPECT_LE(budget_.used(), used);
        continue;
      }
      chosen.push_back(&live);
      steps.push_back({&live.path, new_names(count)});
    }
    if (steps.empty()) return;
    forward(steps);
    const int luck = pick(0, 5);
    if (luck == 0) {
      for (const Step& step : steps) step.path->state->commit(0);
      return;
    }
    if (luck == 1) {
      for (Step& step : steps) step.added = new_names(pick(1, static_cast<int>(step.added.size())));
    }

    const auto together = forward(steps);
    std::size_t row = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      Live& live = *chosen[i];
      const std::size_t before = live.path.names.size();
      commit({&steps[i], 1});
      expect_rows(together, row, live.path.names, steps[i].added.size());
      row += steps[i].added.size();
      const auto seen = live.scheduled.upper_bound(before + steps[i].added.size());
      live.kept.insert(live.scheduled.begin(), seen);
      live.scheduled.erase(live.scheduled.begin(), seen);
    }
  }

  static void expect_rows(const std::vector<Numbers>& together, std::size_t row, const Names& names,
                          std::size_t rows) {
    const auto alone = expected(names, rows);
    for (std::size_t layer = 0; layer < alone.size(); ++layer) {
      const std::size_t size = alone[layer].size() / rows;
      EXPECT_TRUE(
          std::ranges::equal(alone[layer], std::span(together[layer]).subspan(row * size, rows * size)));
    }
  }

  // What is charged is what states and parts reach, each block once; and every part is the state
  // of its tokens.
  void check() {
    std::map<const void*, std::size_t> reached;
    const AllocationVisitor visit = [&](const void* id, std::size_t bytes) { reached[id] = bytes; };
    for (const Live& live : live_) {
      live.path.state->visit_allocations(visit);
      EXPECT_EQ(live.path.state->tokens(), live.path.names.size());
      EXPECT_EQ(live.path.state->reserved_end(), live.path.names.size());
    }
    for (const Stored& stored : stored_) {
      for (const auto& node : stored.nodes) {
        if (node.part != nullptr) node.part->visit_allocations(visit);
      }
    }
    std::size_t sum = 0;
    for (const auto& [id, bytes] : reached) sum += bytes;
    EXPECT_EQ(budget_.used(), sum);
    EXPECT_LE(budget_.peak(), budget_.limit());

    if (stored_.empty()) return;
    const Stored& stored = any(stored_);
    for (const auto& node : stored.nodes) {
      if (node.part == nullptr) continue;
      const auto names = stored.names.begin();
      Path path = resume(*node.part, Names(names, names + std::ptrdiff_t(node.end)), scratch_);
      EXPECT_TRUE(goes_on(path));
    }
  }

  bool tight_;
  Budget budget_;
  Budget scratch_{std::size_t{64} << 20};
  std::vector<Live> live_;
  std::vector<Stored> stored_;
};

void run_histories(bool tight) {
  for (std::uint64_t seed = 0; seed < 8 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed, tight);
    for (int step = 0; step < 120 && !testing::Test::HasFailure(); ++step) history.step();
    history.end();
  }
}

TEST(RecurrentHistoryTest, EveryPathRemembersItsTokens) { run_histories(false); }
TEST(RecurrentHistoryTest, EveryPathRemembersItsTokensUnderATightBudget) { run_histories(true); }

}  // namespace
}  // namespace banyan::test::recurrent
