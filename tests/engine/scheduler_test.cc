#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "cache/fake_tier.h"
#include "engine/engine_tools.h"
#include "support/failing_new.h"
#include "support/slow_grammar.h"

namespace banyan {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;

// A scheduler, stepped by hand, on a machine whose steps take what the test says.
class SchedulerTest : public ::testing::Test {
 protected:
  struct Disk {
    FakeDisk contents;
    FakeTier* tier = nullptr;  // the cache's
    std::unique_ptr<Tier> make_tier() {
      auto made = std::make_unique<FakeTier>(contents);
      tier = made.get();
      return made;
    }
  };

  explicit SchedulerTest(std::unique_ptr<Disk> disk = nullptr, const std::string& model = shipped_model())
      : disk_(std::move(disk)),
        model_(Model::load(model).value()),
        cache_(model_->layer_groups(KvType::f16), budget_, disk_ ? disk_->make_tier() : nullptr,
               std::size_t{1} << 30) {
    options_.batch_tokens = 64;
    options_.context = 4096;
    options_.max_running = 8;
  }

  ~SchedulerTest() override {
    if (scheduler_) scheduler_->fail_all({Errc::cancelled, "the test ends"});
    EXPECT_THAT(cache_.check(runner_->scratch_bytes()), IsEmpty());
  }

  Scheduler& scheduler() {
    if (!scheduler_) {
      scheduler_.emplace(cache_, *runner_, shipped_vocabulary(), options_, [this] { return now(); });
    }
    return *scheduler_;
  }

  // Takes in a request for so many tokens; returns the client's end.
  std::shared_ptr<DeltaQueue> add(std::vector<Token> prompt, int max_tokens,
                                  const Sampling& sampling = {.temperature = 0}) {
    Request request = greedy(std::move(prompt), max_tokens);
    request.sampling = sampling;
    request.ignore_eos = true;
    auto deltas = std::make_shared<DeltaQueue>(1);
    auto sampler = Sampler::create(shipped_vocabulary(), request.sampling, request.prompt,
                                   {.ignore_end = true, .context = options_.context});
    auto submission = std::make_shared<Submission>(std::move(request), deltas);
    scheduler().add(std::make_unique<Reply>(submission, 0, std::move(*sampler)));
    return deltas;
  }

  // Steps; returns the tokens that the step evaluated.
  std::size_t step() {
    const std::size_t before = evaluated();
    scheduler().step();
    scheduler().send();
    return evaluated() - before;
  }

  void step_to_the_end() {
    while (!scheduler().is_idle()) step();
  }

  std::size_t evaluated() const { return cache_.counters().evaluated_tokens; }

  EngineOptions options_;
  double step_seconds_ = 0.04, row_seconds_ = 0.001;
  Budget budget_{std::size_t{64} << 20};
  const std::unique_ptr<Disk> disk_;

 private:
  std::chrono::steady_clock::time_point now() {
    time_ += step_seconds_ + row_seconds_ * static_cast<double>(evaluated() - timed_);
    timed_ = evaluated();
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            std::chrono::duration<double>(time_)));
  }

  std::unique_ptr<Model> model_;

 protected:
  PrefixCache cache_;

 private:
  std::unique_ptr<Runner> runner_ = Runner::create(*model_, budget_, {.threads = 1}).value();
  std::optional<Scheduler> scheduler_;
  double time_ = 0;
  std::size_t timed_ = 0;
};

// How a request has ended, as its client is told; Finish::none where there was no memory to tell it.
Finish end_of(DeltaQueue& deltas) {
  Delta delta;
  Generation::Wait wait;
  do {
    wait = deltas.pop(std::chrono::steady_clock::now(), delta);
  } while (wait == Generation::Wait::ready);
  EXPECT_EQ(wait, Generation::Wait::done) << "the client would wait for ever";
  return delta.finish;
}

// Tokens that no one else's begin with.
std::vector<Token> tokens_from(Token first, std::size_t count) {
  std::vector<Token> tokens = {first};
  while (tokens.size() < count) tokens.push_back(static_cast<Token>(300 + tokens.size() % 1000));
  return tokens;
}

std::vector<Token> joined(std::vector<Token> trunk, const std::vector<Token>& tail) {
  trunk.insert(trunk.end(), tail.begin(), tail.end());
  return trunk;
}

TEST_F(SchedulerTest, PromptsGetTheRowsThatDelayARepliesNextTokenAsFarAsTheyMay) {
  options_.batch_tokens = 512;
  options_.delay_factor = 3;
  const auto reply = add(tokens_from(5, 8), 200);
  for (int i = 0; i < 4; ++i) step();
  const auto prompt = add(tokens_from(6, 2500), 1);

  std::vector<std::size_t> rows;
  for (int i = 0; i < 8; ++i) rows.push_back(step());
  // Twice the 41 ms of a step without prompts, in whole tiles with the reply's row.
  EXPECT_THAT(std::vector(rows.begin() + 3, rows.end()), Each(80u));

  step_seconds_ = 0.012;  // the machine is slower with rows now, and quicker without
  row_seconds_ = 0.002;
  rows.clear();
  for (int i = 0; i < 40; ++i) rows.push_back(step());
  EXPECT_THAT(rows, ::testing::Contains(1u)) << "what a step costs without prompts was never seen again";
  EXPECT_EQ(rows.back(), 8u + 8u);
}

TEST_F(SchedulerTest, AGrammarThatTakesLongToFollowDelaysNoOneElse) {
  const auto other = add(tokens_from(5, 8), 400);
  for (int i = 0; i < 4; ++i) step();
  constexpr int kTokens = 5;
  const auto slow = add(tokens_from(6, 8), kTokens, test::slow_grammar());
  int steps = 0;
  for (; scheduler().running() + scheduler().waiting() > 1; ++steps) {
    const std::uint64_t before = scheduler().generated();
    ASSERT_GT(step(), 0u);
    ASSERT_GT(scheduler().generated(), before) << "the other has no token in step " << steps;
  }
  EXPECT_EQ(end_of(*slow), Finish::length);
  EXPECT_GT(steps, 2 * kTokens);
}

TEST_F(SchedulerTest, AGrammarThatTakesLongToFollowDelaysNoPrompt) {
  const auto slow = add(tokens_from(6, 8), 100, test::slow_grammar());
  step();
  ASSERT_EQ(step(), 0u) << "it is choosing";
  const auto prompt = add(tokens_from(5, 64), 1);
  EXPECT_GT(step(), 0u);
  slow->cancel();
  step_to_the_end();
  EXPECT_EQ(end_of(*prompt), Finish::length);
}

TEST_F(SchedulerTest, AReplyThatIsChoosingMayFail) {
  const auto slow = add(tokens_from(6, 8), 100, test::slow_grammar());
  step();
  ASSERT_EQ(step(), 0u) << "it is choosing";
  scheduler().fail_running({Errc::internal, "the test"});
  scheduler().send();
  EXPECT_EQ(end_of(*slow), Finish::error);
  EXPECT_FALSE(scheduler().step());
}

TEST_F(SchedulerTest, AReplyThatIsSetAsideWhileItIsChoosingGoesOn) {
  const auto other = add(tokens_from(5, 8), 100);
  step();
  const auto slow = add(tokens_from(6, 40), 20, test::slow_grammar());
  for (int i = 0; i < 4; ++i) step();
  ASSERT_EQ(scheduler().running(), 2u);
  {
    constexpr std::size_t kForThePlan = 64 << 10;
    const auto hog = budget_.take(budget_.limit() - budget_.used() - kForThePlan, "the test");
    ASSERT_TRUE(hog);
    std::size_t rows = 0, before = 0;
    while (scheduler().set_aside() == 0 && scheduler().running() == 2) {
      before = rows;
      rows = step();
    }
    ASSERT_EQ(scheduler().set_aside(), 1u);
    ASSERT_EQ(before, 1u) << "it was not choosing";
  }
  step_to_the_end();
  EXPECT_EQ(end_of(*slow), Finish::length);
  EXPECT_EQ(end_of(*other), Finish::length);
}

TEST_F(SchedulerTest, PromptsAreReadAlsoWhenNoDelayIsAllowed) {
  options_.delay_factor = 1;
  const auto reply = add(tokens_from(5, 8), 1000);
  for (int i = 0; i < 3; ++i) step();
  const auto prompt = add(tokens_from(6, 300), 1);
  int steps = 0;
  for (Delta delta; prompt->pop(std::chrono::steady_clock::now(), delta) == Generation::Wait::pending;
       ++steps) {
    step();
  }
  EXPECT_LE(steps, 300 / 8 * 17 / 16 + 3);
}

TEST_F(SchedulerTest, APromptAloneIsReadInWholeBatches) {
  const auto prompt = add(tokens_from(6, 300), 1);
  std::vector<std::size_t> rows;
  while (!scheduler().is_idle()) rows.push_back(step());
  EXPECT_THAT(rows, ::testing::ElementsAre(64, 64, 64, 64, 44));
}

// Whichever allocation fails, every reply ends, and the scheduler goes on.
TEST_F(SchedulerTest, AnAllocationThatFailsEndsNoMoreThanWhatItWasFor) {
  bool failed = true;
  int all_well = 0;
  for (int allowed = 0; failed; allowed += 1 + allowed / 32) {
    const std::vector<Token> long_prompt = tokens_from(5 + allowed, 90),
                             short_prompt = tokens_from(800 + allowed, 20);
    const auto one = add(long_prompt, 4), other = add(short_prompt, 4);
    test::fail_allocation(allowed, test::Failing::one);
    for (int i = 0; i < 8 && !scheduler().is_idle(); ++i) {
      try {
        scheduler().step();
      } catch (const std::bad_alloc&) {
        scheduler().fail_running({Errc::out_of_memory, "the system has no memory left"});
      }
      scheduler().send();
    }
    failed = test::let_allocate();
    step_to_the_end();
    const bool both = end_of(*one) == Finish::length && end_of(*other) == Finish::length;
    all_well += failed && both;
    EXPECT_TRUE(both || failed);
    ASSERT_EQ(cache_.counters().open_sessions, 0u);
    // What found no memory for its place in the order of eviction gets it now.
    const auto again = add(long_prompt, 4), other_again = add(short_prompt, 4);
    step_to_the_end();
    EXPECT_EQ(end_of(*again), Finish::length);
    EXPECT_EQ(end_of(*other_again), Finish::length);
  }
  EXPECT_GT(all_well, 0) << "every failure cost a reply";
}

TEST_F(SchedulerTest, AClientIsToldOfTheEndAlsoWhereNothingCanBeAllocated) {
  const auto running = add(tokens_from(5, 20), 100), waiting = add(tokens_from(6, 20), 100);
  options_.max_running = 1;
  for (int i = 0; i < 4; ++i) step();
  ASSERT_EQ(scheduler().running(), 1u);
  ASSERT_EQ(scheduler().waiting(), 1u);
  const Error error{Errc::internal, {}};
  test::fail_allocation(0, test::Failing::all_after);
  scheduler().fail_all(error);
  scheduler().send();
  EXPECT_TRUE(test::let_allocate());
  EXPECT_TRUE(scheduler().is_idle());
  end_of(*running);
  end_of(*waiting);
  // What found no memory for its place in the order of eviction gets it now.
  const auto again = add(tokens_from(5, 20), 1);
  step_to_the_end();
  EXPECT_EQ(end_of(*again), Finish::length);
}

TEST_F(SchedulerTest, OnASlowMachineAPromptAloneIsReadInStepsOfASecond) {
  options_.batch_tokens = 512;
  step_seconds_ = 0.04;
  row_seconds_ = 0.01;
  const auto prompt = add(tokens_from(6, 1000), 1);
  EXPECT_EQ(step(), 64u) << "nothing is known yet";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(), 64u);
  const auto other = add(tokens_from(7, 20), 1);  // and does not wait for a whole batch
  step();
  Delta delta;
  EXPECT_EQ(other->pop(std::chrono::steady_clock::now(), delta), Generation::Wait::ready);
  row_seconds_ = 0.1;
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(step(), 32u) << "fewer would read the weights for too little";
}

TEST_F(SchedulerTest, OnAFastMachineAPromptAloneSoonGetsWholeBatches) {
  options_.batch_tokens = 512;
  step_seconds_ = 0.01;
  row_seconds_ = 0.0005;
  const auto prompt = add(tokens_from(6, 2000), 1);
  EXPECT_EQ(scheduler().tokens_per_second(), 0);
  EXPECT_EQ(step(), 64u);
  EXPECT_EQ(step(), 512u);
  EXPECT_EQ(step(), 512u);
  const double alone = scheduler().tokens_per_second();
  EXPECT_GT(alone, 1000);
  step_to_the_end();
  options_.delay_factor = 5;
  [[maybe_unused]] const auto held = {add(tokens_from(7, 8), 100), add(tokens_from(8, 8), 100)};
  for (int i = 0; i < 10; ++i) step();
  EXPECT_GT(scheduler().tokens_per_second(), 0);
  EXPECT_LT(scheduler().tokens_per_second(), alone / 5) << "two others are five times slower meanwhile";
}

// Prompts on one trunk that no one knows yet.
class SharedTrunk : public SchedulerTest {
 protected:
  using SchedulerTest::SchedulerTest;

  const std::vector<Token> trunk_ = tokens_from(7, 200);
  const std::vector<Token> first_ = joined(trunk_, tokens_from(8, 100));
  const std::vector<Token> second_ = joined(trunk_, tokens_from(9, 30));
};

TEST_F(SharedTrunk, TheSecondStartsAsSoonAsTheTrunkIsEvaluated) {
  const auto first = add(first_, 1), second = add(second_, 1);
  while (evaluated() < trunk_.size()) {
    step();
    EXPECT_EQ(scheduler().running(), 1u);
  }
  EXPECT_LT(evaluated(), first_.size());  // the first one goes on
  EXPECT_EQ(step(), 64u);
  EXPECT_EQ(scheduler().waiting(), 0u);
  step_to_the_end();
  EXPECT_EQ(evaluated(), first_.size() + second_.size() - trunk_.size());
}

TEST_F(SharedTrunk, WhenTheFirstIsCancelledTheSecondGoesOnFromThere) {
  const auto first = add(first_, 1), second = add(second_, 1);
  step();
  step();
  ASSERT_EQ(evaluated(), 128u);
  first->cancel();
  EXPECT_EQ(step(), 64u);
  step_to_the_end();
  EXPECT_EQ(evaluated(), second_.size());
}

TEST_F(SharedTrunk, WhenTheFirstFailsTheSecondGoesOnFromThere) {
  const auto first = add(first_, 1), second = add(second_, 1);
  step();
  step();
  scheduler().fail_running({Errc::internal, "a fault"});
  EXPECT_EQ(step(), 64u);
  step_to_the_end();
  EXPECT_EQ(evaluated(), second_.size());
  Delta delta;
  ASSERT_EQ(second->pop(std::nullopt, delta), Generation::Wait::ready);
  EXPECT_EQ(delta.finish, Finish::length);
}

TEST_F(SharedTrunk, WhenTheFirstIsSetAsideTheSecondWaitsForItStill) {
  const auto scratch = add(tokens_from(6, 100), 1);
  step_to_the_end();
  cache_.clear();
  const std::size_t before = evaluated();

  const auto reply = add(tokens_from(5, 8), 40);
  step();
  const auto first = add(first_, 1), second = add(second_, 1);
  step();
  ASSERT_EQ(scheduler().running(), 2u);
  {  // for a while no memory is left but what a step needs to be planned
    constexpr std::size_t kForThePlan = 64 << 10;
    const auto hog = budget_.take(budget_.limit() - budget_.used() - kForThePlan, "the test");
    while (scheduler().set_aside() == 0) step();
    EXPECT_EQ(scheduler().running(), 1u);
    EXPECT_EQ(scheduler().waiting(), 2u);
  }
  step_to_the_end();
  EXPECT_EQ(evaluated() - before, 8 + 39 + first_.size() + second_.size() - trunk_.size());
}

TEST_F(SharedTrunk, WhileOneIsSetAsideTheSmallAreAdmitted) {
  const auto scratch = add(tokens_from(6, 100), 1);
  step_to_the_end();
  cache_.clear();

  const auto reply = add(tokens_from(5, 8), 60);
  step();
  const auto large = add(first_, 1);
  step();
  {
    constexpr std::size_t kForThePlan = 64 << 10;
    const auto hog = budget_.take(budget_.limit() - budget_.used() - kForThePlan, "the test");
    while (scheduler().set_aside() == 0) step();
  }
  cache_.clear();
  // Room for a segment or two, and not for the large one.
  const auto hog = budget_.take(budget_.limit() - budget_.used() - (std::size_t{3} << 18), "the test");
  ASSERT_TRUE(hog);
  const auto small = add(tokens_from(4, 10), 2);
  step();
  EXPECT_EQ(scheduler().running(), 2u);
  EXPECT_EQ(scheduler().waiting(), 1u);
  Delta delta;
  for (int i = 0; i < 5; ++i) step();
  while (small->pop(std::chrono::steady_clock::now(), delta) == Generation::Wait::ready) {
  }
  EXPECT_EQ(delta.finish, Finish::length);
}

// With a model whose recurrent layers can resume at restore points only.
class SharedTrunkOfAHybrid : public SharedTrunk {
 protected:
  SharedTrunkOfAHybrid() : SharedTrunk(nullptr, BANYAN_SOURCE_MODELS "/tally-qwen35-q8_0.gguf") {}

  // So many prompts that part at the trunk's end, all at once; returns the tokens of their ends.
  std::size_t add_many(int count) {
    for (int i = 0; i < count; ++i) {
      clients_.push_back(add(joined(trunk_, tokens_from(20 + i, 30)), 1));
    }
    return static_cast<std::size_t>(count) * 30;
  }

 private:
  std::vector<std::shared_ptr<DeltaQueue>> clients_;
};

TEST_F(SharedTrunkOfAHybrid, ManyThatArriveTogetherEvaluateItOnce) {
  const std::size_t ends = add_many(8);
  step_to_the_end();
  EXPECT_EQ(evaluated(), trunk_.size() + ends);
}

TEST_F(SharedTrunkOfAHybrid, ManyThatArriveBehindItsEndEvaluateItOnceMore) {
  const auto first = add(first_, 1);
  while (evaluated() <= trunk_.size()) step();
  ASSERT_LT(evaluated(), first_.size());
  const std::size_t ends = add_many(6);
  step_to_the_end();
  EXPECT_LE(evaluated(), first_.size() + trunk_.size() + ends);
}

// Prompts on one trunk, which a tier has and memory does not. The tier works when it is told to.
class Loading : public SharedTrunk {
 protected:
  Loading() : SharedTrunk(std::make_unique<Disk>()) {}

  void store(const std::vector<Token>& prompt) {
    const auto reply = add(prompt, 1);
    step_to_the_end();
    cache_.poll();
    cache_.flush();
    cache_.clear();
    ASSERT_EQ(cache_.match_length(prompt), 0u);
  }
  void load() {
    while (disk_->tier->work()) {
    }
    cache_.poll();
  }
  // The last delta of a reply that has ended.
  static Delta last(DeltaQueue& deltas) {
    Delta delta;
    while (delta.finish == Finish::none &&
           deltas.pop(std::chrono::steady_clock::now(), delta) == Wait::ready) {
    }
    return delta;
  }

  using Wait = Generation::Wait;
};

TEST_F(Loading, AReplyHasNoRowsBeforeItsPromptIsThereAndTheOthersGoOn) {
  store(first_);
  const auto beside = add(tokens_from(5, 8), 100);
  for (int i = 0; i < 3; ++i) step();
  const auto loaded = add(first_, 1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(step(), 1u);
    cache_.poll();
    EXPECT_EQ(scheduler().running(), 2u);
  }
  load();
  EXPECT_EQ(step(), 2u);
  const Delta delta = last(*loaded);
  EXPECT_EQ(delta.finish, Finish::length);
  EXPECT_EQ(delta.timings.cache.restored, first_.size() - 1);
  EXPECT_EQ(delta.timings.cache.loaded, first_.size() - 1);
  EXPECT_EQ(delta.timings.cache.evaluated, 1u);
}

TEST_F(Loading, WhenAllWaitAStepSaysThatThereIsNothingToDo) {
  store(first_);
  const auto loaded = add(first_, 1);
  EXPECT_TRUE(scheduler().step());  // it has come
  EXPECT_FALSE(scheduler().step());
  cache_.poll();
  EXPECT_FALSE(scheduler().step());
  EXPECT_FALSE(scheduler().is_idle());
  load();
  EXPECT_TRUE(scheduler().step());
  EXPECT_TRUE(scheduler().is_idle());
  EXPECT_FALSE(scheduler().step());
}

TEST_F(Loading, WhoWaitsForAPlaceHasItBeforeThereIsNothingToDo) {
  store(first_);
  options_.max_running = 2;
  const auto reply = add(tokens_from(5, 8), 3);
  step();
  const auto loaded = add(first_, 1), waits = add(tokens_from(6, 8), 1);
  while (scheduler().step()) {
  }
  scheduler().send();
  EXPECT_EQ(last(*waits).finish, Finish::length);
  EXPECT_EQ(scheduler().running(), 1u);
}

TEST_F(Loading, ADamagedBlockIsEvaluatedInstead) {
  store(first_);
  for (const auto& [id, bytes] : disk_->contents.blocks) disk_->contents.damaged.insert(id);
  const std::size_t before = evaluated();
  const auto reply = add(first_, 1);
  step();
  load();
  step_to_the_end();
  EXPECT_EQ(evaluated() - before, first_.size());
  EXPECT_EQ(last(*reply).timings.cache.loaded, 0u);
  EXPECT_EQ(cache_.counters().failed_loads, 1u);
}

TEST_F(Loading, WhoSharesItsBeginningWithWhatIsLoadedWaitsForIt) {
  store(first_);
  const std::size_t before = evaluated();
  const auto first = add(first_, 1), second = add(second_, 1);
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(scheduler().running(), 1u);
  EXPECT_EQ(scheduler().waiting(), 1u);
  load();
  step_to_the_end();
  EXPECT_EQ(evaluated() - before, 1 + second_.size() - trunk_.size());
  EXPECT_EQ(cache_.counters().loads, 1u);
  EXPECT_EQ(last(*second).timings.cache.restored, trunk_.size());
}

TEST_F(Loading, ACancelledReplyIsGoneAtTheNextStep) {
  store(first_);
  const auto loaded = add(first_, 1);
  step();
  ASSERT_EQ(scheduler().running(), 1u);
  loaded->cancel();
  step();
  EXPECT_TRUE(scheduler().is_idle());
  EXPECT_EQ(cache_.counters().open_sessions, 0u);
  load();
}

TEST_F(Loading, AReplyThatFailsMeanwhileIsClosed) {
  store(first_);
  const auto loaded = add(first_, 1);
  step();
  scheduler().fail_running({Errc::internal, "a fault"});
  scheduler().send();
  EXPECT_EQ(last(*loaded).finish, Finish::error);
  EXPECT_TRUE(scheduler().is_idle());
  load();
}

TEST_F(Loading, WhoFindsNoMemoryWaitsForWhatALoadThatNoOneNeedsHolds) {
  store(first_);
  const auto scratch = add(tokens_from(6, 100), 1);
  step_to_the_end();
  for (const bool cancelled : {false, true}) {
    const auto reply = add(tokens_from(5, 8), 200);
    step();
    const auto loaded = add(first_, 1);
    step();
    ASSERT_EQ(scheduler().running(), 2u);
    if (cancelled) loaded->cancel();
    // No memory is left but what a step needs to be planned, and the load's.
    constexpr std::size_t kForThePlan = 64 << 10;
    const auto hog = budget_.take(budget_.limit() - budget_.used() - kForThePlan, "the test");
    ASSERT_TRUE(hog);
    const std::uint64_t set_aside = scheduler().set_aside();
    while (scheduler().step()) {
    }
    EXPECT_EQ(scheduler().running(), 1u);
    EXPECT_EQ(scheduler().set_aside() - set_aside, cancelled ? 0u : 1u);
    while (!scheduler().is_idle()) {
      load();
      step();
    }
    EXPECT_EQ(last(*reply).finish, Finish::length);
    if (!cancelled) {
      EXPECT_EQ(last(*loaded).timings.cache.restored, first_.size() - 1);
    }
    cache_.flush();
    cache_.clear();
  }
}

}  // namespace
}  // namespace banyan
