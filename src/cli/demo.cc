#include <algorithm>
#include <chrono>
#include <cstdio>
#include <format>
#include <memory>
#include <print>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/demo_script.h"
#include "cli/engine_flags.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostReplyTokens = 64;

struct DemoFlags {
  EngineFlags engine;
  int conversations = 6;
};

struct Conversation {
  ChatRequest request;
  std::vector<DemoTurn> turns;
  std::size_t tokens = 0;  ///< of the conversation so far, the last reply included
};

/// What the replies cost, and what they would have cost otherwise, in tokens evaluated.
struct Cost {
  std::size_t here = 0;
  std::size_t alone = 0;     ///< each conversation with a cache that it shares with no other
  std::size_t uncached = 0;  ///< every prompt read from its beginning
};

class Demo {
 public:
  Demo(Engine& engine, Interrupts& interrupts, int conversations)
      : engine_(engine), interrupts_(interrupts), conversations_(static_cast<std::size_t>(conversations)) {
    for (int i = 0; i < conversations; ++i) {
      Conversation& conversation = conversations_[static_cast<std::size_t>(i)];
      conversation.request.messages.push_back({.role = Role::system, .content = {{.text = demo_notes()}}});
      conversation.request.reasoning.enabled = false;
      conversation.turns = demo_turns(i);
    }
  }

  Result<int> run() {
    std::println("{}", strong(describe(engine_.model().info()), stdout));
    std::println("{} conversations begin with the same sheet of notes and go on by themselves.",
                 conversations_.size());
    const auto start = Clock::now();
    for (std::size_t round = 0; round < kDemoRounds; ++round) {
      // One after the other first, to show who reads the notes; then all at once, to show batching.
      const auto played = round == 0 ? play_in_turn(round) : play_at_once(round);
      if (!played) return std::unexpected(played.error());
    }
    const std::chrono::duration<double, std::milli> took = Clock::now() - start;
    std::println("\n{}\n{}", strong("What is kept, as a tree", stdout), engine_.dump_cache_text());
    summarise(took.count());
    return kExitOk;
  }

 private:
  Result<> play_in_turn(std::size_t round) {
    print_round(round, "one after the other");
    for (std::size_t i = 0; i < conversations_.size(); ++i) {
      auto generation = ask(conversations_[i], round);
      if (!generation) return std::unexpected(generation.error());
      if (auto answered = answer(i, round, std::move(*generation)); !answered) return answered;
    }
    return {};
  }

  Result<> play_at_once(std::size_t round) {
    print_round(round, "all at once");
    std::vector<Generation> generations;
    for (Conversation& conversation : conversations_) {
      auto generation = ask(conversation, round);
      if (!generation) return std::unexpected(generation.error());
      generations.push_back(std::move(*generation));
    }
    for (std::size_t i = 0; i < conversations_.size(); ++i) {
      if (auto answered = answer(i, round, std::move(generations[i])); !answered) return answered;
    }
    return {};
  }

  Result<Generation> ask(Conversation& conversation, std::size_t round) {
    conversation.request.messages.push_back(
        {.role = Role::user, .content = {{.text = conversation.turns[round].question}}});
    auto prompt = chat_prompt(engine_, conversation.request);
    if (!prompt) return std::unexpected(prompt.error());
    Request request;
    request.prompt = std::move(prompt->tokens);
    request.restore_points = std::move(prompt->points);
    request.sampling.temperature = 0;
    request.max_tokens = kMostReplyTokens;
    return engine_.submit(std::move(request));
  }

  Result<> answer(std::size_t index, std::size_t round, Generation generation) {
    Conversation& conversation = conversations_[index];
    const DemoTurn& turn = conversation.turns[round];
    std::print("{:>3}  {}\n     ", index + 1, turn.question);
    write_now("");
    const auto reply = receive(engine_, std::move(generation), interrupts_, write_now);
    if (!reply) return std::unexpected(reply.error());
    if (reply->finish == Finish::none) return fail(Errc::cancelled, "interrupted");
    conversation.request.messages.push_back({.role = Role::assistant, .content = {{.text = reply->text}}});
    std::println("{}", judge(turn, reply->text));
    count(conversation, reply->timings);
    return {};
  }

  /// Counts the answer and says whether it is right.
  std::string judge(const DemoTurn& turn, const std::string& text) {
    if (turn.expected.empty()) return {};
    ++questions_;
    if (!text.contains(turn.expected)) return std::format("  ✗ ({})", turn.expected);
    ++right_;
    return "  ✓";
  }

  void count(Conversation& conversation, const Timings& timings) {
    const SessionStats& cache = timings.cache;
    std::println(
        "     {}",
        faint(std::format("prompt {} tokens: {} matched, {} restored, {} evaluated; first token after {}",
                          grouped(cache.total), grouped(cache.matched), grouped(cache.restored),
                          grouped(cache.total - cache.restored), format_ms(timings.first_token_ms)),
              stdout));
    const std::size_t end = cache.restored + cache.evaluated;
    cost_.here += cache.evaluated;
    cost_.alone += end - std::min(end, conversation.tokens);
    cost_.uncached += end;
    conversation.tokens = end;
  }

  void print_round(std::size_t round, const char* how) {
    std::println("\n{}", strong(std::format("Turn {} of {}, {}", round + 1, kDemoRounds, how), stdout));
  }

  void summarise(double took_ms) {
    const PrefixCache::Counters cache = engine_.status().cache;
    const double bytes_per_token = static_cast<double>(cache.snapshot_bytes) /
                                   static_cast<double>(std::max<std::size_t>(cache.tokens, 1));
    std::size_t tokens_alone = 0;
    for (const Conversation& conversation : conversations_) tokens_alone += conversation.tokens;

    const auto row = [](const char* name, const std::string& tokens, const std::string& memory) {
      std::println("{:<40} {:>18} {:>22}", name, tokens, memory);
    };
    const auto against = [](std::string text, double value, double base) {
      return std::format("{} ({:.1f}x)", text, value / base);
    };
    const auto here = static_cast<double>(cost_.here);
    const double memory_alone = bytes_per_token * static_cast<double>(tokens_alone);
    row("", "tokens evaluated", "memory of layers");
    row("Banyan", grouped(cost_.here), format_bytes(cache.snapshot_bytes));
    row("a separate cache for each conversation",
        against(grouped(cost_.alone), static_cast<double>(cost_.alone), here),
        against(format_bytes(static_cast<std::uint64_t>(memory_alone)), memory_alone,
                static_cast<double>(cache.snapshot_bytes)));
    row("no cache", against(grouped(cost_.uncached), static_cast<double>(cost_.uncached), here), "");
    std::println("\n{} of {} answers right, {} replies in {}", right_, questions_,
                 conversations_.size() * kDemoRounds, format_ms(took_ms));
  }

  Engine& engine_;
  Interrupts& interrupts_;
  std::vector<Conversation> conversations_;
  Cost cost_;
  int questions_ = 0;
  int right_ = 0;
};

Result<int> demo(const DemoFlags& flags) {
  set_up_log(flags.engine.verbosity);
  auto path = model_path(flags.engine);
  if (!path) return std::unexpected(path.error());
  Interrupts interrupts;
  const auto engine = start_engine(engine_options(flags.engine, std::move(*path)), interrupts);
  if (!engine) return std::unexpected(engine.error());
  return Demo(**engine, interrupts, flags.conversations).run();
}

}  // namespace

Command add_demo(CLI::App& app) {
  auto flags = std::make_shared<DemoFlags>();
  CLI::App* command = app.add_subcommand("demo", "Hold several conversations on one long system prompt");
  command->add_option("--conversations", flags->conversations, "How many [6]")
      ->check(between(2, kMostDemoConversations))
      ->type_name("N");
  add_engine_flags(*command, flags->engine);
  command->footer(
      "Prints what every reply cost, the cache as a tree, and what it would have cost without\n"
      "sharing. Needs no key press.\n"
      "\n"
      "Examples:\n"
      "  banyan demo\n"
      "  banyan demo --conversations 32\n"
      "  banyan demo -m model.gguf");
  return {command, [flags] { return demo(*flags); }};
}

}  // namespace banyan::cli
