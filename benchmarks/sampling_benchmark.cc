// What choosing the tokens of eight replies costs after a step, for vocabularies of both usual sizes.
#include <benchmark/benchmark.h>

#include <random>

#include "sampling/sampler.h"

namespace banyan {
namespace {

constexpr int kReplies = 8;

const Vocabulary& vocabulary() {
  static const auto loaded = Vocabulary::load(BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf").value();
  return *loaded;
}

std::vector<float> random_logits(std::size_t size) {
  std::mt19937 random(1);
  std::normal_distribution<float> logit(0, 3);
  std::vector<float> logits(size);
  for (float& value : logits) value = logit(random);
  return logits;
}

void sample(benchmark::State& state, const Sampling& sampling, bool ignore_end) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::vector<float> logits = random_logits(size * kReplies);
  std::vector<Sampler> samplers;
  for (std::uint32_t i = 0; i < kReplies; ++i) {
    samplers.push_back(
        Sampler::create(vocabulary(), sampling, {}, {.ignore_end = ignore_end, .context = 4096, .choice = i})
            .value());
  }
  SamplerScratch scratch;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kReplies; ++i) {
      benchmark::DoNotOptimize(samplers[i].sample(std::span(logits).subspan(i * size, size), scratch));
    }
  }
}

#define BANYAN_SAMPLE(name, ...) \
  BENCHMARK_CAPTURE(sample, name, __VA_ARGS__)->Arg(32768)->Arg(262144)->Unit(benchmark::kMillisecond)

BANYAN_SAMPLE(greedy, {.temperature = 0}, false);
BANYAN_SAMPLE(greedy_without_end, {.temperature = 0}, true);
BANYAN_SAMPLE(defaults, {.seed = 1}, false);
BANYAN_SAMPLE(penalties, {.repeat_penalty = 1.1f, .seed = 1}, false);
BANYAN_SAMPLE(no_top_k, {.top_k = 0, .seed = 1}, false);

}  // namespace
}  // namespace banyan
