// The runner's contract: whose logits, in which order, for how much memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() { write_tiny_model(tiny_, file_.path()); }

  std::span<const float> rows(std::span<const float> logits, int first, int count) const {
    return logits.subspan(static_cast<std::size_t>(first * tiny_.vocabulary),
                          static_cast<std::size_t>(count * tiny_.vocabulary));
  }

  TinyModel tiny_;
  TemporaryFile file_{"gguf"};
};

TEST_F(RunnerTest, GivesTheLastRowsOfEachSequenceInTheCallersOrder) {
  Subject subject(file_.path());
  const std::vector<Token> tokens = random_tokens(30, tiny_.vocabulary, 1);
  const auto trunk = subject.start();
  subject.evaluate(*trunk, tokens);
  const std::vector<std::vector<Token>> ends = {{1, 2, 3}, {4, 5}, {6}, {7, 8, 9, 10}};
  std::vector<Logits> alone;
  for (const auto& end : ends) alone.push_back(subject.evaluate(*subject.fork(*trunk), end));

  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    std::vector<Subject::Path> paths;
    std::vector<LiveState*> states;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      paths.push_back(subject.fork(*trunk));
      states.push_back(paths.back().get());
      ASSERT_TRUE(states.back()->reserve(ends[order[i]].size()));
    }
    const int wanted[] = {2, 0, 1, 4};
    std::vector<Runner::Sequence> sequences;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      sequences.push_back({{&states[i], 1}, ends[order[i]], wanted[order[i]]});
    }
    const auto logits = subject.runner().forward(sequences);
    ASSERT_TRUE(logits) << logits.error().message;
    ASSERT_EQ(logits->size(), static_cast<std::size_t>(7 * tiny_.vocabulary));
    int row = 0;
    for (const std::size_t i : order) {
      const int length = static_cast<int>(ends[i].size());
      if (wanted[i] > 0) {
        EXPECT_LT(
            relative_error(rows(*logits, row, wanted[i]), rows(alone[i], length - wanted[i], wanted[i])),
            1e-5);
      }
      row += wanted[i];
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(RunnerTest, RemembersRowsWhoseLogitsNoOneWants) {
  Subject subject(file_.path());
  const std::vector<Token> tokens = random_tokens(30, tiny_.vocabulary, 1);
  const auto whole = subject.start();
  const Logits expected = subject.evaluate(*whole, tokens);

  const auto path = subject.start();
  LiveState* state = path.get();
  ASSERT_TRUE(state->reserve(29));
  const Runner::Sequence silent{{&state, 1}, TokenSpan(tokens).first(29), 0};
  const auto none = subject.runner().forward({&silent, 1});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  state->commit(29);
  EXPECT_LT(relative_error(subject.evaluate(*path, {tokens.back()}), rows(expected, 29, 1)), 1e-5);
  EXPECT_TRUE(subject.runner().forward({}));
}

TEST_F(RunnerTest, AgreesForEveryNumberOfThreads) {
  const std::vector<Token> tokens = random_tokens(50, tiny_.vocabulary, 1);
  Subject one(file_.path(), KvType::f16, 1);
  const Logits expected = one.evaluate(*one.start(), tokens);
  for (const int threads : {2, 3, 7}) {
    Subject several(file_.path(), KvType::f16, threads);
    EXPECT_EQ(several.runner().threads(), threads);
    const auto path = several.start();
    Logits logits = several.evaluate(*path, {tokens.begin(), tokens.begin() + 49});
    const Logits last = several.evaluate(*path, {tokens.back()});
    logits.insert(logits.end(), last.begin(), last.end());
    EXPECT_LT(relative_error(logits, expected), 1e-5) << threads;
  }
  EXPECT_GT(Subject(file_.path(), KvType::f16, 0).runner().threads(), 0);
}

TEST_F(RunnerTest, RefusesTokensOutsideTheVocabulary) {
  Subject subject(file_.path());
  const auto path = subject.start();
  LiveState* state = path.get();
  ASSERT_TRUE(state->reserve(2));
  for (const Token bad : {-1, tiny_.vocabulary, INT32_MAX}) {
    const std::vector<Token> tokens = {1, bad};
    const Runner::Sequence sequence{{&state, 1}, tokens, 1};
    const auto logits = subject.runner().forward({&sequence, 1});
    ASSERT_FALSE(logits);
    EXPECT_EQ(logits.error().code, Errc::invalid_argument);
    EXPECT_THAT(logits.error().message, ::testing::HasSubstr("token " + std::to_string(bad)));
  }
}

TEST_F(RunnerTest, CatchesMisuse) {
  Subject subject(file_.path());
  const auto path = subject.start();
  LiveState* state = path.get();
  ASSERT_TRUE(state->reserve(1));
  const std::vector<Token> token = {1};
  const auto forward = [&](Runner::Sequence sequence) { (void)subject.runner().forward({&sequence, 1}); };
  EXPECT_THROW(forward({{&state, 1}, {}, 0}), Misuse);
  EXPECT_THROW(forward({{}, token, 0}), Misuse);
  EXPECT_THROW(forward({{&state, 1}, token, 2}), Misuse);
  EXPECT_THROW(forward({{&state, 1}, token, -1}), Misuse);

  const KvLayout own = dynamic_cast<AttentionState&>(*path).layout();
  for (auto change : {&KvLayout::layers, &KvLayout::kv_heads, &KvLayout::key_dim}) {
    KvLayout layout = own;
    layout.*change *= 2;
    AttentionState other(layout, subject.budget());
    LiveState* other_state = &other;
    ASSERT_TRUE(other.reserve(1));
    EXPECT_THROW(forward({{&other_state, 1}, token, 1}), Misuse);
  }
}

TEST_F(RunnerTest, ChargesItsScratchAndGivesItBack) {
  const auto model = Model::load(file_.path());
  ASSERT_TRUE(model);
  Budget budget(std::size_t{1} << 28);
  {
    const auto runner = Runner::create(**model, budget, {.threads = 1});
    ASSERT_TRUE(runner);
    EXPECT_EQ(budget.used(), (*runner)->scratch_bytes());
    const auto group = std::move((*model)->layer_groups(KvType::f16).at(0));
    std::size_t before = (*runner)->scratch_bytes();
    for (const std::size_t rows : {1, 8, 64, 8, 1}) {
      const auto path = group->resume({}, 0, budget);
      LiveState* state = path.get();
      ASSERT_TRUE(state->reserve(rows));
      const std::size_t states = budget.used() - (*runner)->scratch_bytes();
      const std::vector<Token> tokens(rows, 3);
      const Runner::Sequence sequence{{&state, 1}, tokens, 1};
      ASSERT_TRUE((*runner)->forward({&sequence, 1}));
      EXPECT_EQ(budget.used(), (*runner)->scratch_bytes() + states);
      EXPECT_GE((*runner)->scratch_bytes(), before) << "never shrinks";
      before = (*runner)->scratch_bytes();
    }
    EXPECT_GT(before, 64 * sizeof(float) * tiny_.feed_forward);
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST_F(RunnerTest, GoesOnAfterAStepThatDidNotFit) {
  const auto model = Model::load(file_.path());
  ASSERT_TRUE(model);
  std::size_t small = 0;  // what a step of four tokens takes
  for (const std::size_t limit : {std::size_t{1} << 28, small}) {
    Budget budget(limit == 0 ? small : limit);
    const auto runner = Runner::create(**model, budget, {.threads = 1});
    ASSERT_TRUE(runner);
    const auto group = std::move((*model)->layer_groups(KvType::f16).at(0));
    const auto path = group->resume({}, 0, budget);
    LiveState* state = path.get();
    ASSERT_TRUE(state->reserve(16));
    const auto step = [&](std::size_t rows) {
      const std::vector<Token> tokens(rows, 3);
      const Runner::Sequence sequence{{&state, 1}, tokens, 1};
      return (*runner)->forward({&sequence, 1});
    };
    ASSERT_TRUE(step(4));
    if (small == 0) {
      small = budget.peak();
      continue;
    }
    const auto large = step(16);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, Errc::out_of_memory);
    EXPECT_TRUE(step(4));
    EXPECT_TRUE(step(2));
  }

  Budget nothing(100);
  const auto runner = Runner::create(**model, nothing);
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().code, Errc::out_of_memory);
}

}  // namespace
}  // namespace banyan::test
