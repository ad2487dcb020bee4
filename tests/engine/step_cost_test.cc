#include "engine/step_cost.h"

#include <gtest/gtest.h>

#include <random>

namespace banyan {
namespace {

using Seconds = StepCost::Seconds;

// A machine that costs what the model of it says.
struct Machine {
  double base = 0.040, row = 0.002;
  Seconds step(std::size_t replies, std::size_t prompt_rows) const {
    return Seconds(base + row * static_cast<double>(replies + prompt_rows));
  }
  double rows(std::size_t replies, double factor) const {
    return (factor - 1) * (step(replies, 0).count() / row);
  }
};

double rows_of(const StepCost& cost, std::size_t replies, double factor) {
  return static_cast<double>(cost.prompt_rows(replies, factor));
}

void see(StepCost& cost, const Machine& machine, std::size_t replies, std::size_t prompt_rows) {
  cost.record(replies, prompt_rows, machine.step(replies, prompt_rows));
}

TEST(StepCost, KnowsNothingAtFirst) {
  StepCost cost;
  EXPECT_TRUE(cost.wants_base());
  EXPECT_EQ(cost.prompt_rows(1, 3), 0u);
}

TEST(StepCost, GivesTheRowsThatFitTheFactor) {
  const Machine machine;
  StepCost cost;
  see(cost, machine, 4, 0);
  for (int i = 0; i < 3; ++i) see(cost, machine, 4, 64);
  EXPECT_NEAR(rows_of(cost, 4, 3), machine.rows(4, 3), 1);
  EXPECT_NEAR(rows_of(cost, 4, 1.5), machine.rows(4, 1.5), 1);
  EXPECT_EQ(cost.prompt_rows(4, 1), 0u);
}

TEST(StepCost, GivesTheRowsThatFitATimeAndTheSpeedOfReading) {
  StepCost cost;
  EXPECT_EQ(cost.prompt_rows_within(Seconds(1)), 0u);
  EXPECT_EQ(cost.tokens_per_second(), 0);
  for (int i = 0; i < 3; ++i) cost.record(0, 100, Seconds(0.2));
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows_within(Seconds(1))), 500, 1);
  EXPECT_NEAR(cost.tokens_per_second(), 500, 1);
  for (int i = 0; i < 2; ++i) cost.record(0, 100, Seconds(20));
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows_within(Seconds(1))), 5, 1);
  for (int i = 0; i < 3; ++i) cost.record(1, 0, Seconds(5));  // the weights alone take longer
  EXPECT_EQ(cost.prompt_rows_within(Seconds(1)), 0u);
}

TEST(StepCost, FollowsTheNumberOfReplies) {
  const Machine machine;
  StepCost cost;
  see(cost, machine, 4, 0);
  for (int i = 0; i < 3; ++i) see(cost, machine, 4, 64);
  EXPECT_NEAR(rows_of(cost, 12, 3), machine.rows(12, 3), 1);
  EXPECT_NEAR(rows_of(cost, 1, 3), machine.rows(1, 3), 1);
  see(cost, machine, 12, 0);
  see(cost, machine, 12, 0);
  EXPECT_NEAR(rows_of(cost, 12, 3), machine.rows(12, 3), 1);
}

TEST(StepCost, OneOddStepChangesNothingAndTwoDo) {
  Machine machine;
  StepCost cost;
  for (int i = 0; i < 5; ++i) see(cost, machine, 4, 0), see(cost, machine, 4, 64);
  const double before = rows_of(cost, 4, 3);
  cost.record(4, 0, Seconds(3));
  cost.record(4, 64, Seconds(3));
  EXPECT_NEAR(rows_of(cost, 4, 3), before, 1);

  machine = {.base = 0.010, .row = 0.005};
  for (int i = 0; i < 3; ++i) see(cost, machine, 4, 0);
  for (int i = 0; i < 2; ++i) see(cost, machine, 4, 64);
  EXPECT_NEAR(rows_of(cost, 4, 3), machine.rows(4, 3), 1);
}

TEST(StepCost, FewRowsSayNothing) {
  const Machine machine;
  StepCost cost;
  see(cost, machine, 4, 0);
  see(cost, machine, 4, 64);
  for (int i = 0; i < 9; ++i) cost.record(4, 2, Seconds(1));
  EXPECT_NEAR(rows_of(cost, 4, 3), machine.rows(4, 3), 1);
}

TEST(StepCost, NoiseHardlyMovesIt) {
  const Machine machine;
  StepCost cost;
  std::mt19937 random(5);
  std::uniform_real_distribution<double> noise(0.95, 1.05);
  for (int i = 0; i < 200; ++i) {
    cost.record(4, 0, machine.step(4, 0) * noise(random));
    cost.record(4, 64, machine.step(4, 64) * noise(random));
    if (i < 3) continue;
    ASSERT_NEAR(rows_of(cost, 4, 3), machine.rows(4, 3), 0.2 * machine.rows(4, 3)) << i;
  }
}

TEST(StepCost, WantsAStepWithoutPromptsAfterManyWithThem) {
  const Machine machine;
  StepCost cost;
  see(cost, machine, 0, 512);  // no reply waits
  EXPECT_TRUE(cost.wants_base());
  see(cost, machine, 2, 0);
  int steps = 0;
  for (; !cost.wants_base(); ++steps) see(cost, machine, 2, 64);
  EXPECT_GE(steps, 16);
  EXPECT_LE(steps, 64);
  see(cost, machine, 2, 0);
  EXPECT_FALSE(cost.wants_base());
}

TEST(StepCost, StaysSaneWhenNothingAddsUp) {
  StepCost cost;
  std::mt19937 random(6);
  for (int i = 0; i < 1000; ++i) {
    cost.record(random() % 5, random() % 3 * 20, Seconds(static_cast<double>(random() % 4)));
    ASSERT_LT(cost.prompt_rows(4, 3), std::size_t{1} << 40);
  }
}

}  // namespace
}  // namespace banyan
