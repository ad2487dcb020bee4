#include "engine/thread_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace banyan {
namespace {

using Seconds = ThreadTuner::Seconds;

// A machine whose steps are divided among threads that all wait for the slowest one.
struct Machine {
  int cores = 2;
  int busy = 0;         // other programs, each with a core of its own while there is one
  double work = 0.020;  // seconds of one thread for a step of one row
  double noise = 0.05;
  double serial = 0;  // seconds that each thread more adds
  std::mt19937 random{7};

  double exact(int threads) const {
    const int crowded = std::max(0, threads + busy - cores);
    // Who shares a core has half of it, and waits for it each time that the threads meet.
    const double slowest = crowded == 0 ? 1 : 6;
    return work / threads * slowest + serial * threads;
  }
  int fastest() const {
    int best = 1;
    for (int threads = 2; threads <= cores; ++threads) best = exact(threads) < exact(best) ? threads : best;
    return best;
  }
  double step(int threads, std::size_t rows = 1) {
    std::normal_distribution<double> factor(1, noise);
    return exact(threads) * static_cast<double>(rows) * std::max(0.5, factor(random));
  }
};

struct Outcome {
  double seconds = 0, excess = 0;
  int changes = 0;
};

// Steps for so long; the excess is over the machine's best number.
Outcome run(ThreadTuner& tuner, Machine& machine, double seconds, std::size_t rows = 1) {
  Outcome run;
  while (run.seconds < seconds) {
    const int threads = tuner.threads();
    const double took = machine.step(threads, rows);
    run.excess +=
        std::max(0.0, machine.exact(threads) - machine.exact(machine.fastest())) * static_cast<double>(rows);
    run.seconds += took;
    run.changes += tuner.record(rows, Seconds(took));
  }
  return run;
}

TEST(ThreadTuner, BeginsWithAllAndOneStaysOne) {
  EXPECT_EQ(ThreadTuner(8).threads(), 8);
  ThreadTuner one(1);
  for (int i = 0; i < 100; ++i) one.record(1, Seconds(i % 7));
  EXPECT_EQ(one.threads(), 1);
}

TEST(ThreadTuner, StaysPutOnAnIdleNoisyMachineAtLessThanOnePerCent) {
  for (const int cores : {2, 4, 16, 128}) {
    Machine machine{.cores = cores};
    machine.work = 0.01 * cores;
    ThreadTuner tuner(cores);
    const Outcome seen = run(tuner, machine, 200);
    EXPECT_LT(seen.excess, 0.01 * seen.seconds) << cores;
    EXPECT_GE(tuner.fastest(), cores * 7 / 8) << cores;
    if (cores <= 4) {
      EXPECT_EQ(seen.changes, 0) << cores;
    }
  }
}

TEST(ThreadTuner, AccidentsDoNotChangeTheNumber) {
  Machine machine{.cores = 2};
  ThreadTuner tuner(2);
  int changes = 0;
  for (int i = 0; i < 20'000; ++i) {
    const double accident = i % 50 == 0 ? 10 : 1;
    changes += tuner.record(1, Seconds(accident * machine.step(tuner.threads())));
  }
  EXPECT_EQ(changes, 0);
}

TEST(ThreadTuner, FollowsAProgramThatComesAndGoesWithinTwoSeconds) {
  for (const int cores : {2, 4, 16, 128}) {
    Machine machine{.cores = cores};
    machine.work = 0.01 * cores;
    ThreadTuner tuner(cores);
    run(tuner, machine, 20);
    for (int round = 0; round < 5; ++round) {
      machine.busy = 1;
      run(tuner, machine, 2);
      EXPECT_EQ(tuner.fastest(), cores - 1) << cores << " cores, round " << round;
      const Outcome loaded = run(tuner, machine, 20);
      EXPECT_LT(loaded.excess, 0.12 * loaded.seconds) << cores;
      machine.busy = 0;
      run(tuner, machine, 2);
      EXPECT_LE(machine.exact(tuner.fastest()), 1.1 * machine.exact(cores))
          << cores << " cores, round " << round;
      run(tuner, machine, 20);
    }
  }
}

TEST(ThreadTuner, LeavesHalfTheCoresToThoseWhoTakeThem) {
  Machine machine{.cores = 64};
  machine.work = 0.64;
  ThreadTuner tuner(64);
  run(tuner, machine, 20);
  machine.busy = 32;
  run(tuner, machine, 4);
  EXPECT_EQ(tuner.fastest(), 32);
}

TEST(ThreadTuner, FindsALoadThatWasThereFromTheBeginning) {
  Machine machine{.cores = 2, .busy = 1};
  ThreadTuner tuner(2);
  run(tuner, machine, 15);
  EXPECT_EQ(tuner.fastest(), 1);
}

TEST(ThreadTuner, FindsThatFewerAreBestWhereMemoryIsTheLimit) {
  Machine machine{.cores = 64};
  machine.work = 0.64;
  machine.serial = 0.0006;  // least at about 32
  ThreadTuner tuner(64);
  run(tuner, machine, 60);
  EXPECT_LE(machine.exact(tuner.fastest()), 1.1 * machine.exact(machine.fastest()));
  const Outcome seen = run(tuner, machine, 200);
  EXPECT_LT(seen.excess, 0.08 * seen.seconds);
}

TEST(ThreadTuner, StepsOfOtherSizesAreNotCompared) {
  Machine machine{.cores = 2};
  ThreadTuner tuner(2);
  int changes = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::size_t rows = (i / 100) % 2 == 0 ? 512 : 8;
    const double each = rows == 512 ? 1 : 4;  // a few rows cost more each
    changes += tuner.record(rows, Seconds(each * machine.step(tuner.threads(), rows)));
  }
  EXPECT_EQ(changes, 0);
}

}  // namespace
}  // namespace banyan
