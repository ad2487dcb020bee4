// A reply must not depend on how its prompt came to be in the cache, nor on who is evaluated beside
// it: random mixtures of shared prompts, forks, retries, cancellations, evictions and companions
// against the same prompts evaluated alone and from nothing.
//
// Both runs hold keys and values in the same format, but not the same float32 roundings: products of
// one row and of many, and attention over other cuts of a path, add in another order. Where such a
// difference moves an activation, or a key or value in q8_0, over the edge of one of Q8_0's 255 steps it
// grows to a step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "engine/engine_tools.h"
#include "support/scale.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

using ::testing::IsEmpty;

// Differences are of a token's log-probability, where it is above kProbable. With qwen3 in F16 the
// largest is a tenth of that in Q8_0, as it should be when rounding is the cause; state that is wrong
// shows as whole numbers.
constexpr float kProbable = -7;
// A choice between two tokens may fall the other way where both can move by the tolerance; 9 of 2589
// replies were seen to, and one of 122 with keys and values in q8_0. Two more may, as some hundred replies
// are few.
constexpr int most_flips(int replies, KvType type) {
  return replies * (type == KvType::q8_0 ? 5 : 2) / 100 + 2;
}
constexpr int kReplyTokens = 12;

struct Tally {
  const char* name;
  int mixtures;          ///< ten rounds each, of one to six prompts
  std::size_t least_mb;  ///< budget for a conversation or two beside the scratch
  float tolerance;       ///< about twice the largest difference that was measured, with g++ or clang
  double mean_tolerance;
  KvType kv_type = KvType::f16;
  bool on_disk = false;  ///< what memory has no room for comes back, also after a restart

  std::string path() const { return std::string(BANYAN_SOURCE_MODELS "/tally-") + name + "-q8_0.gguf"; }
};

std::string name_of(const Tally& model) {
  return std::string(model.name) + "_" + kv_type_name(model.kv_type) + (model.on_disk ? "_on_disk" : "");
}
void PrintTo(const Tally& model, std::ostream* out) { *out << name_of(model); }

const Tally kModels[] = {{"qwen3", 20, 3, 0.3f, 0.003},
                         {"gemma3", 6, 5, 0.2f, 0.002},
                         {"qwen35", 6, 14, 0.04f, 0.0005},
                         {"qwen3", 15, 2, 0.4f, 0.006, KvType::q8_0},
                         {"gemma3", 5, 3, 0.2f, 0.002, KvType::q8_0},
                         {"qwen35", 5, 13, 0.04f, 0.0005, KvType::q8_0}};

const Tally kOnDisk[] = {{"qwen3", 8, 3, 0.3f, 0.003, KvType::f16, true},
                         {"gemma3", 4, 5, 0.2f, 0.002, KvType::f16, true},
                         {"qwen35", 4, 14, 0.04f, 0.0005, KvType::f16, true},
                         {"qwen3", 4, 2, 0.4f, 0.006, KvType::q8_0, true}};

class Talk {
 public:
  explicit Talk(unsigned seed) : random_(seed) {
    for (int trunk = 0; trunk < 3; ++trunk) {
      std::string notes;
      for (std::size_t n = 4 + below(12); n > 0; --n) notes += fact() + " ";
      conversations_.push_back(tokens_of(system_message(notes) + user_message(question())));
    }
  }

  std::size_t below(std::size_t end) { return random_() % end; }

  // A prompt to try: a conversation so far, or a part of one that goes on otherwise.
  std::vector<Token> prompt() {
    std::vector<Token> tokens = conversations_[below(conversations_.size())];
    switch (below(4)) {
      case 0: {  // forks anywhere, even inside a message
        tokens.resize(1 + below(tokens.size()));
        const std::vector<Token> more = tokens_of("<|im_end|>\n" + user_message(question()));
        tokens.insert(tokens.end(), more.begin(), more.end());
        break;
      }
      case 1: {  // tells something first
        const std::vector<Token> more =
            tokens_of("Noted.<|im_end|>\n" + user_message(fact() + " " + question()));
        tokens.insert(tokens.end(), more.begin(), more.end());
        break;
      }
      default:
        break;
    }
    return tokens;
  }

  // The prompt and its reply become a conversation, which later ones go on from.
  void remember(const std::vector<Token>& prompt, const std::vector<Token>& reply) {
    std::vector<Token> tokens = prompt;
    tokens.insert(tokens.end(), reply.begin(), reply.end());
    const std::vector<Token> more = tokens_of("<|im_end|>\n" + user_message(question()));
    tokens.insert(tokens.end(), more.begin(), more.end());
    if (tokens.size() > 500) return;
    if (conversations_.size() < 8) {
      conversations_.push_back(std::move(tokens));
    } else {
      conversations_[3 + below(5)] = std::move(tokens);
    }
  }

 private:
  template <std::size_t n>
  std::string one_of(const char* const (&words)[n]) {
    return words[below(n)];
  }
  std::string place() { return one_of({"gate", "shed", "attic", "cellar", "library"}); }
  std::string colour() { return one_of({"red", "blue", "green", "white"}); }
  std::string name() { return one_of({"Mora", "Talo", "Fen", "Sano", "Bela", "Drim", "Kipo"}); }
  std::string fact() {
    switch (below(3)) {
      case 0:
        return "The code for the " + colour() + " " + place() + " is " + std::to_string(1000 + below(9000)) +
               ".";
      case 1:
        return name() + " arrives on " + one_of({"Monday", "Tuesday", "Friday"}) + ".";
      default:
        return "My " + std::string(one_of({"cat", "dog", "hen"})) + " is called " + name() + ".";
    }
  }
  std::string question() {
    switch (below(4)) {
      case 0:
        return "What is the code for the " + colour() + " " + place() + "?";
      case 1:
        return "When does " + name() + " arrive?";
      case 2:
        return "Count from " + std::to_string(below(9)) + " to " + std::to_string(12 + below(9)) + ".";
      default:
        return "What is my " + std::string(one_of({"cat", "dog", "hen"})) + " called?";
    }
  }

  std::mt19937 random_;
  std::vector<std::vector<Token>> conversations_;
};

Request probe(const std::vector<Token>& prompt) {
  Request request = greedy(prompt, kReplyTokens);
  request.top_logprobs = 4;
  return request;
}

// What replies were, evaluated alone and from nothing.
class ColdRuns {
 public:
  explicit ColdRuns(const Tally& model)
      : engine_(start_engine({.model_path = model.path(), .kv_type = model.kv_type})) {}

  const Outcome& of(const std::vector<Token>& prompt) {
    const auto found = runs_.find(prompt);
    if (found != runs_.end()) return found->second;
    Request request = probe(prompt);
    request.reuse_cache = false;
    return runs_.emplace(prompt, run(*engine_, std::move(request))).first->second;
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::map<std::vector<Token>, Outcome> runs_;
};

// Compares up to the first token that differs, which may be one only where the cold run was as good
// as undecided: what follows answers another prompt.
struct Comparison {
  float tolerance;
  float largest_difference = 0;
  double sum = 0;
  int count = 0;
  int replies = 0, flips = 0;

  void add(const Outcome& cold, const Outcome& cached) {
    ++replies;
    ASSERT_FALSE(cached.error) << cached.error->message;
    const std::size_t both = std::min(cold.generated.size(), cached.generated.size());
    for (std::size_t i = 0; i < both; ++i) {
      const GeneratedToken& a = cold.generated[i];
      const GeneratedToken& b = cached.generated[i];
      for (const TokenProbability& expected : a.top) {
        const auto found = std::ranges::find(b.top, expected.token, &TokenProbability::token);
        if (found == b.top.end()) continue;
        if (expected.logprob < kProbable) continue;
        const float difference = std::abs(found->logprob - expected.logprob);
        largest_difference = std::max(largest_difference, difference);
        sum += difference;
        ++count;
      }
      if (a.token != b.token) {
        ++flips;
        ASSERT_EQ(b.token, a.top[1].token) << "at token " << i;
        ASSERT_LE(a.top[0].logprob - a.top[1].logprob, 2 * tolerance) << "at token " << i;
        return;
      }
    }
    ASSERT_EQ(cached.text, cold.text);
  }
};

class ColdAgainstCached : public ::testing::TestWithParam<Tally> {};

TEST_P(ColdAgainstCached, GivesTheSameTokensAndLogits) {
  ColdRuns cold(GetParam());
  Comparison comparison{.tolerance = GetParam().tolerance};
  std::uint64_t evictions = 0, restored = 0, loaded = 0, failed = 0;
  const int engines = test::scaled(GetParam().mixtures);
  for (int seed = 0; seed < engines; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Talk talk(static_cast<unsigned>(seed));
    // From a budget that holds a conversation or two beside the scratch to one that holds them all.
    const std::size_t batch = 8 + talk.below(120);
    const test::TemporaryFolder folder;
    const EngineOptions options = {
        .model_path = GetParam().path(),
        .kv_type = GetParam().kv_type,
        .memory_bytes = ((GetParam().least_mb + talk.below(6)) << 20) + (batch << 14),
        .batch_tokens = static_cast<int>(batch),
        .max_running = static_cast<int>(1 + talk.below(8)),
        .disk_cache = GetParam().on_disk ? folder.path() : ""};
    std::unique_ptr<Engine> engine;
    const auto stop = [&] {
      engine->stop(true);
      ASSERT_THAT(engine->check(), IsEmpty());
      const PrefixCache::Counters counters = engine->status().cache;
      evictions += counters.evictions;
      restored += counters.restored_tokens;
      loaded += counters.loaded_tokens;
      failed += counters.failed_loads + counters.failed_stores;
      engine.reset();
    };
    for (int round = 0; round < 10; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      if (round == 5 && GetParam().on_disk) stop();
      if (!engine) engine = start_engine(options);
      std::vector<std::vector<Token>> prompts;
      std::vector<Generation> generations;
      for (std::size_t n = 1 + talk.below(6); n > 0; --n) {
        prompts.push_back(talk.prompt());
        Request request = probe(prompts.back());
        request.reuse_cache = talk.below(8) > 0;
        if (talk.below(4) == 0)
          request.restore_points = {{.offset = 1 + talk.below(prompts.back().size()), .user = true}};
        generations.push_back(engine->submit(std::move(request)).value());
      }
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        if (talk.below(4) == 0) {  // goes away at once, or after a first delta
          if (talk.below(2) == 0) generations[i].next();
          generations[i].cancel();
          continue;
        }
        const Outcome cached = outcome_of(std::move(generations[i]));
        comparison.add(cold.of(prompts[i]), cached);
        talk.remember(prompts[i], cached.tokens());
      }
      ASSERT_THAT(engine->check(), IsEmpty());
      if (HasFatalFailure()) return;
    }
    stop();
  }
  EXPECT_LE(comparison.largest_difference, GetParam().tolerance);
  EXPECT_LE(comparison.sum / comparison.count, GetParam().mean_tolerance);
  EXPECT_LE(comparison.flips, most_flips(comparison.replies, GetParam().kv_type));
  EXPECT_GT(evictions, 0u);
  EXPECT_GT(restored, 0u);
  EXPECT_EQ(loaded > 0, GetParam().on_disk);
  EXPECT_EQ(failed, 0u);
}

class ForksAgainstCold : public ColdAgainstCached {};

// At every offset around the edges of what layers read at once: the convolutions' 4 tokens, the tiles
// of 16, gemma3's window of 128, a segment's 256.
TEST_P(ForksAgainstCold, AtAnyOffsetGiveTheSameTokensAndLogits) {
  ColdRuns cold(GetParam());
  Comparison comparison{.tolerance = GetParam().tolerance};
  std::string notes;
  for (int i = 0; i < 30; ++i)
    notes += "The code for the red gate is " + std::to_string(1000 + 37 * i) + ". ";
  const std::vector<Token> prompt = tokens_of(system_message(notes) + user_message("What is my cat called?"));
  ASSERT_GT(prompt.size(), 280u);
  const std::vector<Token> tail =
      tokens_of(".<|im_end|>\n" + user_message("What is the code for the red gate?"));
  // The edge itself comes first: under a sanitizer it is all.
  std::vector<int> around = {0, -1, 1, -2, 2};
  around.resize(static_cast<std::size_t>(std::min(5, test::scaled(5))));
  for (const int edge : {3, 16, 32, 128, 144, 256}) {
    for (const int beside : around) {
      const auto offset = static_cast<std::size_t>(edge + beside);
      SCOPED_TRACE(offset);
      const auto engine =
          start_engine({.model_path = GetParam().path(), .kv_type = GetParam().kv_type, .batch_tokens = 100});
      Request first = probe(prompt);
      first.restore_points = {{.offset = offset, .user = true}};
      ASSERT_FALSE(run(*engine, std::move(first)).error);

      std::vector<Token> fork(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(offset));
      fork.push_back(prompt[offset] == tail[0] ? tail[1] : tail[0]);
      fork.insert(fork.end(), tail.begin(), tail.end());
      const Outcome cached = run(*engine, probe(fork));
      EXPECT_EQ(cached.timings.cache.matched, offset);
      EXPECT_EQ(cached.timings.cache.restored, offset);
      comparison.add(cold.of(fork), cached);
      ASSERT_THAT(engine->check(), IsEmpty());
    }
  }
  EXPECT_LE(comparison.largest_difference, GetParam().tolerance);
  EXPECT_LE(comparison.sum / comparison.count, GetParam().mean_tolerance);
}

const auto name_of_param = [](const auto& model) { return name_of(model.param); };
INSTANTIATE_TEST_SUITE_P(Models, ColdAgainstCached, ::testing::ValuesIn(kModels), name_of_param);
INSTANTIATE_TEST_SUITE_P(ModelsOnDisk, ColdAgainstCached, ::testing::ValuesIn(kOnDisk), name_of_param);
INSTANTIATE_TEST_SUITE_P(Models, ForksAgainstCold, ::testing::ValuesIn(kModels), name_of_param);

}  // namespace
}  // namespace banyan
