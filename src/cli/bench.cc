#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <print>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "banyan/model.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchFlags {
  EngineFlags engine;
  std::vector<int> prompts = {512};
  std::vector<int> replies = {64};
  std::vector<int> depths = {0};
  std::vector<int> sequences = {1};
  int repetitions = 3;
  bool json = false;
};

/// One line of the table.
struct Case {
  int prompt = 0;  ///< tokens to read at once, or
  int reply = 0;   ///< tokens to generate
  int depth = 0;   ///< tokens of the trunk before them
  int sequences = 1;

  std::string name() const {
    std::string text = prompt > 0 ? std::format("pp{}", prompt) : std::format("tg{}", reply);
    if (sequences > 1) text += std::format(" x{}", sequences);
    if (depth > 0) text += std::format(" @ d{}", depth);
    return text;
  }
};

struct Speed {
  std::vector<double> samples;  ///< tokens per second, of all sequences together

  double mean() const {
    return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
  }
  double deviation() const {
    if (samples.size() < 2) return 0;
    const double middle = mean();
    double sum = 0;
    for (const double sample : samples) sum += (sample - middle) * (sample - middle);
    return std::sqrt(sum / static_cast<double>(samples.size() - 1));
  }
};

/// A model with a cache and without an engine, fed with random tokens.
class Bench {
 public:
  static Result<std::unique_ptr<Bench>> create(const EngineFlags& flags) {
    const auto path = model_path(flags);
    if (!path) return std::unexpected(path.error());
    auto model = Model::load(*path);
    if (!model) return std::unexpected(model.error());
    auto bench = std::unique_ptr<Bench>(new Bench(std::move(*model), flags));
    auto runner = Runner::create(*bench->model_, bench->budget_, {.threads = flags.threads});
    if (!runner) return std::unexpected(runner.error());
    bench->runner_ = std::move(*runner);
    return bench;
  }

  Result<Speed> measure(const Case& test, int repetitions) {
    auto trunk = begin_trunk(test.depth);
    if (!trunk) return std::unexpected(trunk.error());
    if (auto read = read_prompt(*trunk); !read) return std::unexpected(read.error());
    trunk->publish();
    Speed speed;
    ProgressLine progress;
    // The first run warms caches and clocks up and is not counted.
    for (int run = 0; run <= repetitions; ++run) {
      progress.show(std::format("{}: run {} of {}", test.name(), run, repetitions));
      const auto seconds = test.prompt > 0 ? time_prompt(trunk->tokens().first(test.depth), test)
                                           : time_replies(trunk->tokens().first(test.depth), test);
      if (!seconds) return std::unexpected(seconds.error());
      if (run > 0) speed.samples.push_back(test.sequences * std::max(test.prompt, test.reply) / *seconds);
      cache_.clear();
    }
    return speed;
  }

  const Model& model() const { return *model_; }
  int threads() const { return runner_->threads(); }

 private:
  Bench(std::unique_ptr<Model> model, const EngineFlags& flags)
      : model_(std::move(model)),
        budget_(SIZE_MAX),
        cache_(model_->layer_groups(flags.kv_type), budget_),
        batch_(static_cast<std::size_t>(flags.batch_tokens)) {}

  Token random_token() {
    return std::uniform_int_distribution<Token>(0, model_->info().vocabulary - 1)(random_);
  }

  std::vector<Token> random_tokens(int count) {
    std::vector<Token> tokens(static_cast<std::size_t>(count));
    for (Token& token : tokens) token = random_token();
    return tokens;
  }

  /// A prompt at whose token `depth` all kinds of layers can resume.
  Result<Session> begin_trunk(int depth) {
    const RestorePoint end = {.offset = static_cast<std::size_t>(depth)};
    return cache_.begin(random_tokens(depth + 1), std::span(&end, depth > 0 ? 1 : 0));
  }

  /// `extra` random tokens after the trunk.
  Result<Session> begin_after(TokenSpan trunk, int extra) {
    std::vector<Token> tokens(trunk.begin(), trunk.end());
    const auto more = random_tokens(extra);
    tokens.insert(tokens.end(), more.begin(), more.end());
    return cache_.begin(std::move(tokens));
  }

  Result<> read_prompt(Session& session) {
    while (!session.pending().empty()) {
      const TokenSpan chunk = session.pending().first(std::min(batch_, session.pending().size()));
      if (auto room = session.reserve(chunk.size()); !room) return room;
      const Runner::Sequence sequence = {
          .states = session.states(), .tokens = chunk, .outputs = chunk.size() == session.pending().size()};
      if (auto logits = runner_->forward({&sequence, 1}); !logits) return std::unexpected(logits.error());
      session.advance(chunk);
    }
    return {};
  }

  Result<double> time_prompt(TokenSpan trunk, const Case& test) {
    auto session = begin_after(trunk, test.prompt);
    if (!session) return std::unexpected(session.error());
    const auto start = Clock::now();
    if (auto read = read_prompt(*session); !read) return std::unexpected(read.error());
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  Result<double> time_replies(TokenSpan trunk, const Case& test) {
    std::vector<Session> sessions;
    for (int i = 0; i < test.sequences; ++i) {
      auto session = begin_after(trunk, 1);
      if (!session) return std::unexpected(session.error());
      if (auto read = read_prompt(*session); !read) return std::unexpected(read.error());
      sessions.push_back(std::move(*session));
    }
    const auto start = Clock::now();
    for (int step = 0; step < test.reply; ++step) {
      const auto tokens = random_tokens(test.sequences);
      std::vector<Runner::Sequence> batch;
      for (std::size_t i = 0; i < sessions.size(); ++i) {
        if (auto room = sessions[i].reserve(1); !room) return std::unexpected(room.error());
        batch.push_back({.states = sessions[i].states(), .tokens = TokenSpan(&tokens[i], 1), .outputs = 1});
      }
      if (auto logits = runner_->forward(batch); !logits) return std::unexpected(logits.error());
      for (std::size_t i = 0; i < sessions.size(); ++i) sessions[i].advance(TokenSpan(&tokens[i], 1));
    }
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::unique_ptr<Model> model_;
  Budget budget_;
  PrefixCache cache_;
  std::unique_ptr<Runner> runner_;
  std::size_t batch_;
  std::mt19937 random_{1};
};

std::vector<Case> cases(const BenchFlags& flags) {
  std::vector<Case> all;
  for (const int depth : flags.depths) {
    for (const int prompt : flags.prompts) {
      if (prompt > 0) all.push_back({.prompt = prompt, .depth = depth});
    }
    for (const int reply : flags.replies) {
      for (const int sequences : flags.sequences) {
        if (reply > 0) all.push_back({.reply = reply, .depth = depth, .sequences = sequences});
      }
    }
  }
  return all;
}

nlohmann::ordered_json to_json(const Bench& bench, const BenchFlags& flags, const Case& test,
                               const Speed& speed) {
  const ModelInfo& info = bench.model().info();
  return {{"model", info.path},
          {"architecture", info.architecture},
          {"quantization", info.quantization},
          {"parameters", info.parameters},
          {"file_bytes", info.file_bytes},
          {"threads", bench.threads()},
          {"kv_type", kv_type_name(flags.engine.kv_type)},
          {"batch", flags.engine.batch_tokens},
          {"test", test.name()},
          {"prompt_tokens", test.prompt},
          {"reply_tokens", test.reply},
          {"depth", test.depth},
          {"sequences", test.sequences},
          {"samples_tokens_per_second", speed.samples},
          {"mean_tokens_per_second", speed.mean()},
          {"deviation_tokens_per_second", speed.deviation()}};
}

Result<int> run(const BenchFlags& flags) {
  set_up_log(flags.engine.verbosity);
  const std::vector<Case> all = cases(flags);
  if (all.empty()) throw CLI::ValidationError("-p, -n", "nothing to measure");
  const auto bench = Bench::create(flags.engine);
  if (!bench) return std::unexpected(bench.error());
  auto json = nlohmann::ordered_json::array();
  if (!flags.json) {
    std::println("| {:<30} | {:>10} | {:>8} | {:>7} | {:<20} | {:>20} |", "model", "size", "params",
                 "threads", "test", "tokens/s");
    std::println("| {:-<30} | {:->9}: | {:->7}: | {:->6}: | {:-<20} | {:->19}: |", "", "", "", "", "", "");
  }
  for (const Case& test : all) {
    const auto speed = (*bench)->measure(test, flags.repetitions);
    if (!speed) return std::unexpected(speed.error());
    if (flags.json) {
      json.push_back(to_json(**bench, flags, test, *speed));
      continue;
    }
    const ModelInfo& info = (*bench)->model().info();
    std::println("| {:<30} | {:>10} | {:>8} | {:>7} | {:<20} | {:>20} |",
                 std::format("{} {} {}", info.name, info.architecture, info.quantization),
                 format_bytes(info.file_bytes), format_parameters(info.parameters), (*bench)->threads(),
                 test.name(), std::format("{:.2f} ± {:.2f}", speed->mean(), speed->deviation()));
    std::fflush(stdout);
  }
  if (flags.json) std::println("{}", json.dump(2));
  return kExitOk;
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Measure how fast a model reads and writes");
  const auto add_list = [&](const char* name, std::vector<int>& values, int least, const char* help) {
    command->add_option(name, values, help)
        ->delimiter(',')
        ->check(at_least(least))
        ->type_name("N,...")
        ->group("Tests");
  };
  add_list("-p,--prompt", flags->prompts, 0, "Tokens to read at once (pp) [512]");
  add_list("-n,--predict", flags->replies, 0, "Tokens to write one by one (tg) [64]");
  add_list("-d,--depth", flags->depths, 0, "Tokens that are cached before them [0]");
  add_list("-s,--sequences", flags->sequences, 1, "Sequences that write at once after the same trunk [1]");
  command->add_option("-r,--repetitions", flags->repetitions, "Runs of each test [3]")
      ->check(at_least(1))
      ->type_name("N")
      ->group("Tests");
  command
      ->add_option_function<std::string>(
          "-o,--output", [flags](const std::string& format) { flags->json = format == "json"; },
          "Format of the results: md or json [md]")
      ->check(CLI::IsMember({"md", "json"}).description(""))
      ->type_name("FORMAT")
      ->group("Tests");
  add_model_flags(*command, flags->engine);
  command->footer(
      "Prints tokens per second, of all sequences together, as mean and standard deviation.\n"
      "\n"
      "Examples:\n"
      "  banyan bench -m model.gguf\n"
      "  banyan bench -m model.gguf -p 0 -n 32 -d 4096 -s 1,8,32   decoding on one trunk");
  return {command, [flags] { return run(*flags); }};
}

}  // namespace banyan::cli
