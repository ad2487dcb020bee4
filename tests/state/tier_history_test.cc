// Random paths of every kind that are stored in a lower tier, cut and joined there, and loaded, against the
// tokens that each should remember.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernels/kv_write.h"
#include "state/attention_tools.h"
#include "state/random_choices.h"
#include "state/recurrent_tools.h"
#include "state/tier_tools.h"
#include "state/token_rows.h"
#include "support/reference_attention.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

// A path of some kind, whose tokens tests can tell.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual const LayerGroup& group() const = 0;
  virtual LiveState& state() = 0;
  virtual void extend(int tokens) = 0;
  // That a state remembers what this one did at `offset`, and goes on from there.
  virtual void expect_same(std::unique_ptr<LiveState> loaded, std::size_t offset) const = 0;
};

class AttentionSubject final : public Subject {
 public:
  AttentionSubject(const Kind& kind, Budget& budget)
      : kind_(kind), group_(make_group(kind)), path_(start(budget, kind)) {}

  const LayerGroup& group() const override { return *group_; }
  LiveState& state() override { return *path_.state; }
  void extend(int tokens) override { test::extend(path_, new_names(tokens), scratch_); }
  void expect_same(std::unique_ptr<LiveState> loaded, std::size_t offset) const override {
    LivePath path{std::move(loaded), Names(path_.names.begin(), path_.names.begin() + offset)};
    const SegmentPath& tokens = path.path();
    ASSERT_EQ(tokens.end(), offset);
    ASSERT_EQ(tokens.first(), kind_.window == 0 ? 0 : offset - std::min<std::size_t>(offset, kind_.window));
    int wrong = 0;
    for (std::size_t t = tokens.first(); t < offset; ++t) {
      wrong += row_of(tokens.clip(t, t + 1)[0]) != row_of(path.names[t]);
    }
    EXPECT_EQ(wrong, 0) << "tokens";
    test::extend(path, new_names(20), scratch_);
  }

 private:
  using Bytes = std::vector<std::byte>;

  Bytes row_of(const SegmentView& token) const {
    Bytes row(kind_.layout.bytes_per_token());
    copy_to_rows(kind_.layout, token, row, 0);
    return row;
  }
  Bytes row_of(std::uint64_t name) const {
    const auto segment = Segment::create(kind_.layout, KvLayout::kTile, scratch_).value();
    for (int layer = 0; layer < kind_.layout.layers; ++layer) {
      kernels::write_token(kind_.layout, layer, segment->data(), segment->capacity(), 0,
                           kv_row(name, layer, kind_.layout.kv_heads, kind_.layout.key_dim, false).data(),
                           kv_row(name, layer, kind_.layout.kv_heads, kind_.layout.value_dim, true).data());
    }
    return row_of({segment, 0, 1});
  }

  Kind kind_;
  std::unique_ptr<LayerGroup> group_;
  mutable Budget scratch_{std::size_t{64} << 20};
  LivePath path_;
};

class RecurrentSubject final : public Subject {
 public:
  explicit RecurrentSubject(Budget& budget) : path_(recurrent::start(budget)) {}

  const LayerGroup& group() const override { return group_; }
  LiveState& state() override { return *path_.state; }
  void extend(int tokens) override { recurrent::extend(path_, recurrent::new_names(tokens)); }
  void expect_same(std::unique_ptr<LiveState> loaded, std::size_t offset) const override {
    recurrent::Path path{std::unique_ptr<RecurrentState>(static_cast<RecurrentState*>(loaded.release())),
                         Names(path_.names.begin(), path_.names.begin() + offset)};
    ASSERT_EQ(path.state->tokens(), offset);
    EXPECT_TRUE(recurrent::goes_on(path));
  }

 private:
  RecurrentGroup group_{recurrent::kLayout};
  recurrent::Path path_;
};

class History : RandomChoices {
 public:
  History(std::uint64_t seed, Subject& subject, Budget& budget)
      : RandomChoices(seed), subject_(subject), group_(subject.group()), budget_(budget) {}

  // Returns whether something was loaded.
  bool run() {
    evaluate();
    const std::size_t tokens = subject_.state().tokens();
    const std::vector<std::size_t> ends = random_ends(tokens);
    Nodes twin = nodes_of(subject_.state(), ends);
    Blocks blocks;
    bool loaded = false;
    {
      Nodes stored = store_in(blocks, group_, twin, pick(1, 100));
      change(stored, twin);
      expect_equal(stored, twin);
      const std::size_t limit = pick(0, 1) == 0 ? tokens : pick(1, static_cast<int>(tokens));
      const std::size_t offset = group_.resumable(stored.parts(), limit);
      if (offset > 0) {
        const Nodes memory = random_memory(tokens);
        load(blocks, memory, stored, offset);
        loaded = true;
      }
    }
    EXPECT_EQ(blocks.count(), 0);
    return loaded;
  }

 private:
  void evaluate() {
    LiveState& state = subject_.state();
    for (int steps = pick(1, 8); steps > 0; --steps) {
      while (pick(0, 1) == 0) state.schedule_capture(state.tokens() + pick(1, 80));
      subject_.extend(pick(0, 3) == 0 ? pick(1, 150) : pick(1, 20));
    }
  }

  std::vector<std::size_t> random_ends(std::size_t tokens) {
    std::set<std::size_t> ends{tokens};
    for (int cuts = pick(0, 5); cuts > 0; --cuts) ends.insert(pick(1, static_cast<int>(tokens)));
    return {ends.begin(), ends.end()};
  }

  // Cuts and joins nodes, and makes parts anew of what they tell.
  void change(Nodes& stored, Nodes& twin) {
    for (int changes = pick(0, 8); changes > 0; --changes) {
      const std::size_t count = stored.nodes.size();
      const std::size_t node = pick(0, static_cast<int>(count) - 1);
      switch (pick(0, 2)) {
        case 0: {
          const std::size_t offset = pick(1, static_cast<int>(stored.nodes.back().end));
          stored.split(offset);
          twin.split(offset);
          break;
        }
        case 1:
          if (node == 0) break;
          stored.merge(node);
          twin.merge(node);
          break;
        default: {
          auto& [part, start, end] = stored.nodes[node];
          if (part != nullptr) part = group_.stored_part(end - start, group_.stored_runs(*part, end - start));
        }
      }
    }
  }

  // That what is stored can do what the same parts in memory can.
  void expect_equal(const Nodes& stored, const Nodes& twin) {
    ASSERT_EQ(stored.nodes.size(), twin.nodes.size());
    for (std::size_t i = 0; i < stored.nodes.size(); ++i) {
      const auto& [part, start, end] = stored.nodes[i];
      const StatePart* const other = twin.nodes[i].part.get();
      ASSERT_EQ(part != nullptr, other != nullptr);
      if (part == nullptr) continue;
      EXPECT_EQ(group_.ranges(*part, end - start), group_.ranges(*other, end - start));
    }
    for (int i = 0; i < 20; ++i) {
      const std::size_t limit = pick(0, static_cast<int>(stored.nodes.back().end));
      EXPECT_EQ(group_.resumable(stored.parts(), limit), group_.resumable(twin.parts(), limit));
    }
  }

  // The beginning of the path as other nodes.
  Nodes random_memory(std::size_t tokens) {
    Nodes memory = nodes_of(subject_.state(), random_ends(tokens));
    memory.nodes.resize(pick(0, static_cast<int>(memory.nodes.size())));
    return memory;
  }

  void load(const Blocks& blocks, const Nodes& memory, const Nodes& stored, std::size_t offset) {
    const std::size_t before = budget_.used();
    LoadingState loading = group_.load(memory.parts(), SIZE_MAX, stored.parts(), offset, budget_).value();
    const std::size_t needed = budget_.used() - before;
    EXPECT_EQ(needed == 0, loading.blocks.empty());
    std::set<std::uint64_t> wanted;
    for (const LoadingState::Block& block : loading.blocks) wanted.insert(block.block->id());
    EXPECT_EQ(wanted.size(), loading.blocks.size()) << "a block twice";
    std::ranges::rotate(loading.blocks, loading.blocks.begin() + std::ssize(loading.blocks) / 2);
    blocks.take(loading.blocks);
    loading.blocks.clear();
    subject_.expect_same(std::move(loading.state), offset);
    EXPECT_EQ(budget_.used(), before);

    for (const std::size_t room : {std::size_t{0}, needed / 2, needed - std::min<std::size_t>(needed, 1)}) {
      if (needed == 0) break;
      Budget tight(room);
      const auto refused = group_.load(memory.parts(), SIZE_MAX, stored.parts(), offset, tight);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Errc::out_of_memory);
      EXPECT_EQ(tight.used(), 0);
    }
    EXPECT_EQ(budget_.used(), before);
  }

  Subject& subject_;
  const LayerGroup& group_;
  Budget& budget_;
};

template <class MakeSubject>
void run_histories(MakeSubject make) {
  int loaded = 0;
  for (int seed = 0; seed < scaled(40) && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Budget budget(std::size_t{64} << 20);
    {
      const std::unique_ptr<Subject> subject = make(budget);
      loaded += History(seed, *subject, budget).run();
    }
    EXPECT_EQ(budget.used(), 0);
  }
  EXPECT_GT(loaded, 0);
}

TEST(TierHistoryTest, AttentionComesBackAsItWas) {
  for (const KvType type : kKvTypes) {
    SCOPED_TRACE(kv_type_name(type));
    Kind kind;
    kind.layout.type = type;
    run_histories([&](Budget& budget) { return std::make_unique<AttentionSubject>(kind, budget); });
  }
}

TEST(TierHistoryTest, WindowsComeBackAsTheyWere) {
  for (const int window : {1, 16, 50, 300}) {
    SCOPED_TRACE("window " + std::to_string(window));
    run_histories(
        [&](Budget& budget) { return std::make_unique<AttentionSubject>(Kind{kLayout, window}, budget); });
  }
}

TEST(TierHistoryTest, RecurrentStatesComeBackAsTheyWere) {
  run_histories([](Budget& budget) { return std::make_unique<RecurrentSubject>(budget); });
}

}  // namespace
}  // namespace banyan::test
