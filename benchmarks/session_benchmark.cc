// What it costs to begin a session on a million cached tokens, and to close it.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "blank_model.h"
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
}  // namespace
}  // namespace banyan
