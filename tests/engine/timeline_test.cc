// What people do with conversations, on the shipped model of each kind of layer memory: what is matched
// and restored is what plain lists of the paths that were evaluated say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "banyan/chat_prompt.h"
#include "banyan/chat_request.h"
#include "engine/engine_tools.h"

namespace banyan {
namespace {

using ::testing::IsEmpty;

struct Tally {
  const char* file;
  bool windows;
  bool recurrent;
  double least_restored;     ///< of what is matched, over all timelines
  std::size_t tight_memory;  ///< that has about two conversations
};

void PrintTo(const Tally& model, std::ostream* out) { *out << model.file; }

std::size_t common(TokenSpan a, TokenSpan b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

class Timelines : public ::testing::TestWithParam<Tally> {
 protected:
  void conversation_goes_on_and_back();
  void reply_partly_kept();
  void agents_with_other_tools();
  void cancelled_twice_and_retried();
  void eviction_under_pressure();

  void start(std::size_t memory = std::size_t{512} << 20) {
    known_.clear();
    engine_ = Engine::start({.model_path = std::string(BANYAN_SOURCE_MODELS "/") + GetParam().file,
                             .memory_bytes = memory,
                             .batch_tokens = 64,
                             .threads = 1})
                  .value();
  }
  void stop() {
    EXPECT_THAT(engine_->check(), IsEmpty());
    const PrefixCache::Counters counters = engine_->status().cache;
    matched_ += counters.matched_tokens;
    restored_ += counters.restored_tokens;
    engine_.reset();
  }
  double restored_of_matched() const {
    return static_cast<double>(restored_) / static_cast<double>(matched_);
  }

  Request request_for(const ChatRequest& chat) {
    const std::string text = engine_->chat_template().apply(chat).value();
    ChatPrompt prompt = chat_prompt(engine_->vocabulary(), text, chat);
    Request request = greedy(std::move(prompt.tokens), 24);
    request.restore_points = std::move(prompt.points);
    return request;
  }

  // Has the engine reply, compares what it restored with the paths that it was given before, and
  // returns the reply.
  std::string reply(const Request& request) {
    const std::size_t size = request.prompt.size();
    std::size_t matched = 0;
    for (const Known& known : known_) matched = std::max(matched, common(known.path, request.prompt));
    const std::size_t limit = std::min(matched, size - 1);
    std::size_t point = 0;
    for (const Known& known : known_) {
      const std::size_t shared = std::min(limit, common(known.path, request.prompt));
      point = std::max(point, *std::prev(known.points.upper_bound(shared)));
    }
    const Outcome outcome = run(*engine_, request);
    const SessionStats& stats = outcome.timings.cache;
    EXPECT_EQ(stats.matched, matched);
    EXPECT_LE(stats.restored, limit);
    if (GetParam().recurrent) {
      // Behind where a conversation went on, one point in its neighbourhood is left of several.
      EXPECT_LE(stats.restored, point);
      EXPECT_GE(stats.restored + std::max<std::size_t>(32, point / 32), point);
    } else {
      EXPECT_GE(stats.restored, point);
    }
    if (!GetParam().recurrent && !GetParam().windows) {
      EXPECT_EQ(stats.restored, limit);
    }
    const std::size_t end = stats.restored + stats.evaluated;
    Known known{.path = request.prompt, .points = {0, limit, size, end}};
    for (const GeneratedToken& token : outcome.generated) known.path.push_back(token.token);
    EXPECT_LE(known.path.size() - end, outcome.finish == Finish::length ? 1u : 0u);
    known.path.resize(end);
    for (const RestorePoint& placed : place_restore_points(request.restore_points, size)) {
      known.points.insert(placed.offset);
    }
    known_.push_back(std::move(known));
    return outcome.text;
  }

  // The user says something, and is answered.
  void say(ChatRequest& chat, const std::string& text) {
    chat.messages.push_back(message(Role::user, text));
    chat.messages.push_back(message(Role::assistant, reply(request_for(chat))));
  }

  static Message message(Role role, const std::string& text) {
    return {.role = role, .content = {{.text = text}}};
  }
  static ChatRequest open(const std::string& notes) {
    return {.messages = {message(
                Role::system,
                "You are Tally. Answer from what you know. Notes: " + notes +
                    " The code for the red gate is 4821. Mora's favourite fruit is plum. Talo arrives on "
                    "Friday. I live in Sano. My name is Bela.")}};
  }
  static std::string fact(int number) {
    return "The code for the blue shed is " + std::to_string(1000 + 37 * number) + ".";
  }
  ChatRequest converse(const std::string& notes, int turns) {
    ChatRequest chat = open(notes);
    for (int turn = 0; turn < turns; ++turn) {
      say(chat, turn % 3 == 2 ? "What is the code for the blue shed?" : fact(turn));
    }
    return chat;
  }

  struct Kept {
    std::size_t states = 0;
    std::size_t window_tokens = 0;
  };
  // For resuming, by all nodes of the cache.
  Kept what_is_kept() const {
    Kept kept;
    for (const Json& node : Json::parse(engine_->dump_cache_json())["nodes"]) {
      for (const Json& group : node["groups"]) {
        if (group["kind"] == "recurrent" && group["bytes"] > 0) ++kept.states;
        if (group["kind"] == "window") kept.window_tokens += group["tokens"].get<std::size_t>();
      }
    }
    return kept;
  }

  std::unique_ptr<Engine> engine_;

 private:
  struct Known {
    std::vector<Token> path;
    std::set<std::size_t> points;
  };
  std::vector<Known> known_;
  std::size_t matched_ = 0;
  std::size_t restored_ = 0;
};

// Thirty turns; the last reply regenerated; earlier messages edited.
void Timelines::conversation_goes_on_and_back() {
  start();
  ChatRequest chat = converse("My cat is called Fen.", 30);
  std::vector<Message>& messages = chat.messages;
  for (int retry = 0; retry < 3; ++retry) {
    messages.pop_back();
    messages.push_back(message(Role::assistant, reply(request_for(chat))));
  }
  for (const std::size_t count : {41u, 21u, 5u}) {
    messages.resize(count);
    say(chat, "What is my cat called?");
    EXPECT_EQ(messages.back().content[0].text, "Your cat is called Fen.");
  }
  // Each request leaves the beginning of its question, two points at the prompt's end and one at the
  // reply's; and windows never take more than their tokens.
  const Kept kept = what_is_kept();
  EXPECT_LE(kept.states, 4 * engine_->status().cache.sessions + 1);
  EXPECT_LE(kept.window_tokens, engine_->status().cache.tokens);
  EXPECT_EQ(kept.states > 0, GetParam().recurrent);
  EXPECT_EQ(kept.window_tokens > 0, GetParam().windows);
  stop();
}

// A reply partly kept.
void Timelines::reply_partly_kept() {
  start();
  ChatRequest chat = converse("My dog is called Drim.", 10);
  std::string& last = chat.messages.back().content[0].text;
  last.resize(last.size() / 2);
  chat.continues_last = true;
  reply(request_for(chat));
  stop();
}

// Two agents with one system prompt and different tools; unrelated sessions in between.
void Timelines::agents_with_other_tools() {
  start();
  for (const char* tool : {"open_the_gate", "call_the_cat", "open_the_gate", "call_the_cat"}) {
    ChatRequest chat = open("My hen is called Kipo.");
    chat.messages.push_back(message(Role::user, "What is my hen called?"));
    chat.tools.push_back({.name = tool});
    reply(request_for(chat));
    converse("Someone else's hen is called " + std::string(tool) + ".", 2);
  }
  stop();
}

// Cancelled twice and retried.
void Timelines::cancelled_twice_and_retried() {
  start();
  std::string notes;
  for (int i = 0; i < 80; ++i) notes += fact(i) + " ";
  ChatRequest chat = open(notes);
  chat.messages.push_back(message(Role::user, "What is my name?"));
  const Request request = request_for(chat);
  std::size_t passed = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    {
      const Generation abandoned = engine_->submit(request).value();
      while (engine_->status().cache.evaluated_tokens == passed) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    while (engine_->status().running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const PrefixCache::Counters counters = engine_->status().cache;
    EXPECT_EQ(counters.restored_tokens, attempt == 0 ? 0 : passed);
    passed = counters.evaluated_tokens;
    ASSERT_LT(passed, request.prompt.size()) << "the prompt was read before it could be cancelled";
  }
  const Outcome outcome = run(*engine_, request);
  EXPECT_EQ(outcome.timings.cache.matched, passed);
  EXPECT_EQ(outcome.timings.cache.restored, passed);
  EXPECT_EQ(outcome.text, "Your name is Bela.");
  stop();
}

// Eviction under pressure.
void Timelines::eviction_under_pressure() {
  // Some of six conversations are held more often than others; there is memory for the like of two.
  start(GetParam().tight_memory);
  std::mt19937 random(3);
  std::vector<ChatRequest> conversations(6);
  for (int request = 0; request < 60; ++request) {
    const std::size_t which = std::min(random() % 6, random() % 6);
    ChatRequest& chat = conversations[which];
    std::vector<Message>& messages = chat.messages;
    if (messages.empty() || messages.size() > 30) {
      chat = open("This is notebook " + std::to_string(request) + ".");
    }
    if (messages.size() > 4 && request % 5 == 0) {
      messages.erase(messages.end() - 4, messages.end());  // the last question but one is edited
    }
    messages.push_back(message(Role::user, fact(request)));
    const Outcome outcome = run(*engine_, request_for(chat));
    ASSERT_EQ(outcome.finish, Finish::end);
    EXPECT_EQ(outcome.timings.cache.total - outcome.timings.cache.restored + outcome.generated.size(),
              outcome.timings.cache.evaluated);
    messages.push_back(message(Role::assistant, outcome.text));
  }
  const Engine::Status status = engine_->status();
  EXPECT_GT(status.cache.evictions, 10u);
  EXPECT_GT(status.cache.matched_tokens, 5000u);
  EXPECT_LE(status.memory_peak, status.memory_limit);
  stop();
}

TEST_P(Timelines, RestoreNearlyAllThatTheyMatch) {
  conversation_goes_on_and_back();
  reply_partly_kept();
  agents_with_other_tools();
  cancelled_twice_and_retried();
  eviction_under_pressure();
  EXPECT_GE(restored_of_matched(), GetParam().least_restored);
}

INSTANTIATE_TEST_SUITE_P(
    Models, Timelines,
    ::testing::Values(Tally{"tally-qwen3-q8_0.gguf", false, false, 0.99, std::size_t{4} << 20},
                      Tally{"tally-gemma3-q8_0.gguf", true, false, 0.99, std::size_t{10} << 20},
                      Tally{"tally-qwen35-q8_0.gguf", false, true, 0.95, std::size_t{12} << 20}),
    [](const auto& param) {
      const std::string file = param.param.file;
      return file.substr(6, file.find('-', 6) - 6);
    });

}  // namespace
}  // namespace banyan
