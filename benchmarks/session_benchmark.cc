// What it costs to begin a session on a million cached tokens, and to close it; the same for 64 sessions of
// many nodes, and what else is done for many sessions in a step.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "blank_model.h"
#include "engine/known_prefixes.h"
#include "some_tokens.h"

namespace banyan {
namespace {

constexpr std::size_t kMillion = 1 << 20;

struct Cached {
  explicit Cached(bool mixed) : cache(blank_groups(mixed), budget) {}

  void keep(std::vector<Token> path, std::span<const RestorePoint> captures = {}, std::size_t step = 512) {
    Session session = cache.begin(path, captures).value();
    pass_prompt(session, step);
    session.close();
    paths.push_back(std::move(path));
  }

  Budget budget{std::size_t{8} << 30};
  PrefixCache cache;
  std::vector<std::vector<Token>> paths;
  std::vector<RestorePoint> points;  // that a request brings
};

std::vector<RestorePoint> points_every(std::size_t tokens, bool user) {
  std::vector<RestorePoint> points;
  for (std::size_t at = tokens; at <= kMillion; at += tokens) points.push_back({.offset = at, .user = user});
  return points;
}

using Maker = std::unique_ptr<Cached> (*)();

template <bool mixed>
std::unique_ptr<Cached> one_conversation() {
  auto cached = std::make_unique<Cached>(mixed);
  cached->keep(some_tokens(kMillion));
  return cached;
}

// A conversation that was read a little at a time.
template <bool mixed>
std::unique_ptr<Cached> short_segments() {
  auto cached = std::make_unique<Cached>(mixed);
  cached->keep(some_tokens(kMillion), {}, 64);
  return cached;
}

// 64 conversations on half a million tokens.
template <bool mixed>
std::unique_ptr<Cached> on_a_trunk() {
  auto cached = std::make_unique<Cached>(mixed);
  const std::vector<Token> trunk = some_tokens(kMillion / 2);
  for (unsigned i = 0; i < 64; ++i) {
    std::vector<Token> path = trunk;
    path.append_range(some_tokens(kMillion / 128, i + 2));
    cached->keep(std::move(path));
  }
  return cached;
}

// 4096 nodes on the path, which the user's marks keep apart.
template <bool mixed>
std::unique_ptr<Cached> deep() {
  auto cached = std::make_unique<Cached>(mixed);
  cached->keep(some_tokens(kMillion), points_every(256, true));
  return cached;
}

// A request that names a thousand restore points, half of them where it has not been yet.
template <bool mixed, bool user>
std::unique_ptr<Cached> many_points() {
  auto cached = std::make_unique<Cached>(mixed);
  cached->points = points_every(1024, user);
  std::vector<Token> path = some_tokens(kMillion);
  path.resize(kMillion / 2);
  cached->keep(path, std::span(cached->points).first(cached->points.size() / 2));
  cached->paths = {some_tokens(kMillion)};
  return cached;
}

Cached& made(Maker maker) {
  static Maker maker_of_last = nullptr;
  static std::unique_ptr<Cached> last;
  if (maker != maker_of_last) {
    last.reset();
    last = maker();
    maker_of_last = maker;
  }
  return *last;
}

// A conversation's next prompt: `count` tokens that none had there before.
std::vector<Token> next_prompt(const Cached& cached, std::size_t turn, std::size_t count) {
  const std::vector<Token>& path = cached.paths[turn % cached.paths.size()];
  std::vector<Token> prompt;
  prompt.reserve(path.size() + count);
  prompt = path;
  prompt.insert(prompt.end(), count, static_cast<Token>(1'000'000 + turn));
  return prompt;
}

// Goes back to one conversation after the other.
void begin(benchmark::State& state, Maker maker) {
  Cached& cached = made(maker);
  std::size_t turn = 0;
  for (auto _ : state) {
    std::vector<Token> prompt = next_prompt(cached, turn++, 1);
    const auto start = std::chrono::steady_clock::now();
    const Session session = cached.cache.begin(std::move(prompt), cached.points).value();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    state.counters["restored"] = static_cast<double>(session.position());
  }
}

// Closes a session that has added a message of 16 tokens.
void close(benchmark::State& state, Maker maker) {
  Cached& cached = made(maker);
  std::size_t turn = 0;
  for (auto _ : state) {
    Session session = cached.cache.begin(next_prompt(cached, turn++, 16)).value();
    pass_prompt(session);
    const auto start = std::chrono::steady_clock::now();
    session.close();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}

// 64 conversations of 4096 nodes each, of 16 tokens.
template <bool mixed>
std::unique_ptr<Cached> deep_64() {
  constexpr std::size_t kTokens = kMillion / 16;
  auto cached = std::make_unique<Cached>(mixed);
  std::vector<RestorePoint> points = points_every(16, true);
  points.resize(kTokens / 16);
  for (unsigned i = 0; i < 64; ++i) cached->keep(some_tokens(kTokens, i + 1), points);
  return cached;
}

enum class Part : std::uint8_t { begin, step, publish, close };

// What a part of a request costs, for 64 of them that run at once. A step adds a token to each.
void running(benchmark::State& state, Maker maker, Part part) {
  Cached& cached = made(maker);
  std::size_t turn = 0;
  for (auto _ : state) {
    std::chrono::duration<double> took{};
    const auto time = [&](bool counts, const auto& work) {
      const auto start = std::chrono::steady_clock::now();
      work();
      if (counts) took += std::chrono::steady_clock::now() - start;
    };
    std::vector<std::vector<Token>> prompts;
    for (std::size_t i = 0; i < cached.paths.size(); ++i) prompts.push_back(next_prompt(cached, turn++, 1));
    std::vector<Session> sessions;
    time(part == Part::begin, [&] {
      for (auto& prompt : prompts) sessions.push_back(cached.cache.begin(std::move(prompt)).value());
    });
    for (Session& session : sessions) {
      pass_prompt(session);
      session.publish();
      pass(session, std::vector<Token>{6});  // the first of a reply makes room for more
    }
    time(part == Part::step, [&] {
      for (Session& session : sessions) pass(session, std::vector<Token>{7});
    });
    time(part == Part::publish, [&] {
      for (Session& session : sessions) session.publish();
    });
    for (Session& session : sessions) pass(session, std::vector<Token>{8});
    time(part == Part::close, [&] {
      for (Session& session : sessions) session.close();
    });
    state.SetIterationTime(took.count());
  }
}

// Reads a conversation of 4096 nodes again, without the cache, and closes the session: it has nothing new.
void close_again(benchmark::State& state, Maker maker) {
  Cached& cached = made(maker);
  std::size_t turn = 0;
  for (auto _ : state) {
    Session session = cached.cache.begin(cached.paths[turn++ % cached.paths.size()], {}, false).value();
    pass_prompt(session);
    const auto start = std::chrono::steady_clock::now();
    session.close();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}

// The first thousand nodes, one below the other.
void dump(benchmark::State& state, Maker maker) {
  const Cached& cached = made(maker);
  for (auto _ : state) benchmark::DoNotOptimize(cached.cache.dump_json());
}

// 64 prompts of 100,000 tokens wait for one that goes together with them nearly to the end, and is read: what
// a step of the scheduler finds out for them. The cache has half of them. `remembers`: as the scheduler does;
// or everything is compared each time.
void wait(benchmark::State& state, bool remembers) {
  constexpr std::size_t kTokens = 100'000;
  Cached cached(false);
  const std::vector<Token> read = some_tokens(kTokens);
  cached.keep({read.begin(), read.begin() + kTokens / 2});
  std::vector<std::vector<Token>> prompts(64, read);
  for (auto& prompt : prompts) prompt.back() = -1;
  std::vector<KnownPrefixes> known(prompts.size());
  for (auto _ : state) {
    if (!remembers) known.assign(prompts.size(), {});
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      benchmark::DoNotOptimize(known[i].in_cache(cached.cache, prompts[i]));
      benchmark::DoNotOptimize(known[i].in_reply(1, prompts[i], read));
    }
  }
}

#define BANYAN_SESSION_BENCHMARK(name, maker)                                            \
  BENCHMARK_CAPTURE(begin, name, maker)->Unit(benchmark::kMicrosecond)->UseManualTime(); \
  BENCHMARK_CAPTURE(close, name, maker)->Unit(benchmark::kMicrosecond)->UseManualTime()

BANYAN_SESSION_BENCHMARK(one_conversation, one_conversation<false>);
BANYAN_SESSION_BENCHMARK(one_conversation_mixed, one_conversation<true>);
BANYAN_SESSION_BENCHMARK(on_a_trunk, on_a_trunk<false>);
BANYAN_SESSION_BENCHMARK(on_a_trunk_mixed, on_a_trunk<true>);
BANYAN_SESSION_BENCHMARK(short_segments, short_segments<false>);
BANYAN_SESSION_BENCHMARK(short_segments_mixed, short_segments<true>);
BANYAN_SESSION_BENCHMARK(deep, deep<false>);
BANYAN_SESSION_BENCHMARK(deep_mixed, deep<true>);
BENCHMARK_CAPTURE(begin, many_points, (many_points<true, false>))
    ->Unit(benchmark::kMicrosecond)
    ->UseManualTime();
BENCHMARK_CAPTURE(begin, many_user_points, (many_points<true, true>))
    ->Unit(benchmark::kMicrosecond)
    ->UseManualTime();

#define BANYAN_RUNNING_BENCHMARK(name, maker)                                                  \
  BENCHMARK_CAPTURE(running, begin_##name, maker, Part::begin)                                 \
      ->Unit(benchmark::kMicrosecond)                                                          \
      ->Iterations(8)                                                                          \
      ->UseManualTime();                                                                       \
  BENCHMARK_CAPTURE(running, step_##name, maker, Part::step)                                   \
      ->Unit(benchmark::kMicrosecond)                                                          \
      ->Iterations(8)                                                                          \
      ->UseManualTime();                                                                       \
  BENCHMARK_CAPTURE(running, publish_##name, maker, Part::publish)                             \
      ->Unit(benchmark::kMicrosecond)                                                          \
      ->Iterations(8)                                                                          \
      ->UseManualTime();                                                                       \
  BENCHMARK_CAPTURE(running, close_##name, maker, Part::close)                                 \
      ->Unit(benchmark::kMicrosecond)                                                          \
      ->Iterations(8)                                                                          \
      ->UseManualTime();                                                                       \
  BENCHMARK_CAPTURE(close_again, name, maker)->Unit(benchmark::kMicrosecond)->UseManualTime(); \
  BENCHMARK_CAPTURE(dump, name, maker)->Unit(benchmark::kMicrosecond)

BENCHMARK_CAPTURE(wait, remembers, true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(wait, compares, false)->Unit(benchmark::kMicrosecond);
BANYAN_RUNNING_BENCHMARK(deep_64, deep_64<false>);
BANYAN_RUNNING_BENCHMARK(deep_64_mixed, deep_64<true>);
}  // namespace
}  // namespace banyan
