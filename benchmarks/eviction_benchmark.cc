// Choosing a victim and removing it, through the cache, while new conversations take the place of old ones.
#include <benchmark/benchmark.h>

#include <chrono>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "blank_model.h"

namespace banyan {
namespace {

// Trunks of 32 tokens, of which each has some branches of 16 tokens.
class Conversations {
 public:
  Conversations(std::size_t nodes, bool mixed)
      : budget_(std::size_t{64} << 30), cache_(blank_groups(mixed), budget_), trunks_(nodes / 8) {
    while (cache_.counters().nodes < nodes) add();
  }

  // A conversation that goes on from a trunk chosen by chance.
  void add() {
    std::vector<Token> prompt(32, static_cast<Token>(random_() % trunks_));
    prompt.insert(prompt.end(), 16, next_++);
    Session session = cache_.begin(prompt).value();
    pass_prompt(session);
  }

  PrefixCache& cache() { return cache_; }

 private:
  Budget budget_;
  PrefixCache cache_;
  std::size_t trunks_;
  std::minstd_rand random_{1};
  Token next_ = 0;
};

// Made once for each size: a million nodes take a while.
Conversations& conversations(std::size_t nodes, bool mixed) {
  static std::optional<Conversations> made;
  static std::pair<std::size_t, bool> of;
  if (!made || of != std::pair(nodes, mixed)) {
    made.emplace(nodes, mixed);
    of = {nodes, mixed};
  }
  return *made;
}

// Drives the cache's nodes out of the core's own caches, as a step of a model does between two evictions.
void use_other_memory() {
  static std::vector<char> other(std::size_t{16} << 20);
  for (std::size_t at = 0; at < other.size(); at += 64) ++other[at];
  benchmark::ClobberMemory();
}

void evict(benchmark::State& state) {
  const bool cold = state.range(0) != 0;
  const auto nodes = static_cast<std::size_t>(state.range(1));
  Conversations& all = conversations(nodes, state.range(2) != 0);
  constexpr int kAtOnce = 100;
  for (auto _ : state) {
    std::chrono::duration<double> took{};
    for (int i = 0; i < kAtOnce; ++i) {
      if (cold) use_other_memory();
      const auto start = std::chrono::steady_clock::now();
      all.cache().evict_one();
      took += std::chrono::steady_clock::now() - start;
    }
    state.SetIterationTime(took.count());
    while (all.cache().counters().nodes < nodes) all.add();
  }
  state.counters["per_victim"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kAtOnce),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(evict)
    ->ArgNames({"cold", "nodes", "mixed"})
    ->ArgsProduct({{0, 1}, {1'000, 10'000, 100'000, 1'000'000}, {0}})
    ->ArgsProduct({{0, 1}, {1'000, 10'000, 100'000}, {1}})
    ->UseManualTime();

}  // namespace
}  // namespace banyan
