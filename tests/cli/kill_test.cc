// A server that is killed while it writes its disk cache, again and again: whatever it leaves, the next one
// gives the answers of one without a cache.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cli/http.h"
#include "cli/program.h"
#include "support/scale.h"
#include "support/temporary_folder.h"

namespace banyan::cli {
namespace {

using nlohmann::json;

// Of the logarithm of a probability: what rounding can make of the order of two tokens.
constexpr double kUndecided = 0.8;
constexpr int kClients = 3;
constexpr int kRounds = 100;

struct Question {
  json body;
  std::string answer;  ///< of a server without a cache
};

// The answer as JSON, or nothing where there is none.
json body_of(const std::string& answer) {
  const std::size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200") || body == std::string::npos) return {};
  const json parsed = json::parse(answer.substr(body + 4), nullptr, false);
  return parsed.is_discarded() ? json() : parsed;
}

std::string text_of(const json& answer) { return answer["choices"][0]["message"]["content"]; }

// Whether the model was sure of every token.
bool is_decided(const json& answer) {
  for (const json& token : answer["choices"][0]["logprobs"]["content"]) {
    const json& top = token["top_logprobs"];
    if (top[0]["logprob"].get<double>() - top[1]["logprob"].get<double>() < kUndecided) return false;
  }
  return true;
}

// Questions in two turns on one system message, with their answers by a model alone and from nothing.
std::vector<Question> ask_cold(const std::string& architecture) {
  Program server({"serve", "--port", "0", "--threads", "1", "-m", shipped(architecture)});
  const int port = listening_port(server);
  std::string notes = "You are Tally. Answer from what you know. Notes:";
  for (int i = 0; i < 24; ++i) {
    notes += " The code for the " + std::string(i % 2 == 0 ? "red" : "blue") + " gate is " +
             std::to_string(4100 + i % 2) + ".";
  }
  notes += " Mora arrives on Friday. My cat is called Fen.";
  const std::vector<std::string> texts = {"What is the code for the red gate?",
                                          "When does Mora arrive?",
                                          "Count from 3 to 9.",
                                          "What is my cat called?",
                                          "Count from 1 to 12.",
                                          "What is the code for the blue gate?"};
  std::vector<Question> questions;
  const auto ask = [&](const json& messages) {
    json body = {{"messages", messages},  {"temperature", 0}, {"max_tokens", 24},
                 {"cache_prompt", false}, {"logprobs", true}, {"top_logprobs", 2}};
    const json answer = body_of(post(port, "/v1/chat/completions", body.dump()));
    if (answer.is_null()) throw std::runtime_error("no answer from a server without a cache");
    for (const char* field : {"cache_prompt", "logprobs", "top_logprobs"}) body.erase(field);
    if (is_decided(answer)) questions.push_back({body, text_of(answer)});
    return text_of(answer);
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    json messages = {{{"role", "system"}, {"content", notes}}, {{"role", "user"}, {"content", texts[i]}}};
    messages.push_back({{"role", "assistant"}, {"content", ask(messages)}});
    messages.push_back({{"role", "user"}, {"content", texts[(i + 1) % texts.size()]}});
    ask(messages);
  }
  return questions;
}

// Clients that ask until the server is gone.
class Load {
 public:
  Load(int port, const std::vector<Question>& questions, unsigned seed) {
    for (unsigned i = 0; i < kClients; ++i) {
      clients_.emplace_back([this, port, &questions, random = std::mt19937(seed * kClients + i)]() mutable {
        for (;;) {
          const Question& question = questions[random() % questions.size()];
          const json answer = body_of(post(port, "/v1/chat/completions", question.body.dump()));
          if (answer.is_null()) {
            is_over_ = true;
            return;
          }
          ++answers_;
          if (text_of(answer) == question.answer) continue;
          const std::lock_guard lock(mutex_);
          wrong_ += question.body["messages"].back()["content"].get<std::string>() + " " + text_of(answer) +
                    " (" + question.answer + ")\n";
        }
      });
    }
  }

  /// Waits for so many answers, or the server's end.
  void wait_for(int answers) const {
    while (answers_ < answers && !is_over_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void join() { clients_.clear(); }
  int answers() const { return answers_; }
  const std::string& wrong() const { return wrong_; }

 private:
  std::mutex mutex_;
  std::string wrong_;
  std::atomic<int> answers_ = 0;
  std::atomic<bool> is_over_ = false;
  std::vector<std::jthread> clients_;
};

TEST(Killed, AServerGoesOnFromItsDiskCacheWithTheAnswersOfAColdOne) {
  const std::vector<std::string> architectures = {"qwen3", "gemma3", "qwen35"};
  std::vector<std::vector<Question>> questions;
  for (const std::string& architecture : architectures) {
    questions.push_back(ask_cold(architecture));
    ASSERT_GE(questions.back().size(), 6u) << architecture;
  }
  const test::TemporaryFolder folder;
  std::mt19937 random(1);
  int answers = 0;
  const int rounds = test::scaled(kRounds);
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::size_t model = random() % architectures.size();
    Program server({"serve", "--port", "0", "--threads", "1", "-m", shipped(architectures[model]),
                    "--disk-cache", folder.path()});
    if (round % 10 == 9) {  // while it starts
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
      server.signal(SIGKILL);
      EXPECT_EQ(server.wait(), 128 + SIGKILL);
    } else {
      const int port = listening_port(server);
      Load load(port, questions[model], static_cast<unsigned>(random()));
      load.wait_for(static_cast<int>(random() % 8));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
      server.signal(SIGKILL);
      EXPECT_EQ(server.wait(), 128 + SIGKILL) << server.err();
      load.join();
      ASSERT_EQ(load.wrong(), "");
      answers += load.answers();
    }
    const Ended verified = run({"cache", "verify", "--disk-cache", folder.path()});
    ASSERT_EQ(verified.out, "nothing is damaged\n") << verified.err;
  }
  EXPECT_GT(answers, 2 * rounds);

  for (std::size_t model = 0; model < architectures.size(); ++model) {
    SCOPED_TRACE(architectures[model]);
    Program server({"serve", "--port", "0", "--threads", "1", "-m", shipped(architectures[model]),
                    "--disk-cache", folder.path()});
    const int port = listening_port(server);
    int cached = 0, total = 0;
    for (const Question& question : questions[model]) {
      const json answer = body_of(post(port, "/v1/chat/completions", question.body.dump()));
      ASSERT_FALSE(answer.is_null());
      EXPECT_EQ(text_of(answer), question.answer);
      cached += answer["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
      total += answer["usage"]["prompt_tokens"].get<int>();
    }
    EXPECT_GT(cached, total / 2) << "of " << total;
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
  }
  EXPECT_EQ(run({"cache", "verify", "--disk-cache", folder.path()}).out, "nothing is damaged\n");
}

// Waits until the cache of a running server has blocks and gets no more.
void wait_until_stored(const std::string& folder) {
  const auto is_block = [](const auto& entry) { return entry.path().extension() == ".block"; };
  std::string before;
  for (int same = 0; same < 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto blocks =
        std::ranges::count_if(std::filesystem::recursive_directory_iterator(folder), is_block);
    const std::string now = run({"cache", "du", "--disk-cache", folder}).out;
    same = blocks > 0 && now == before ? same + 1 : 0;
    before = now;
  }
}

TEST(Killed, WhatWasStoredIsThereAfterwards) {
  constexpr int kUnstoredEnd = 16;  // an end so short waits for what follows it
  for (const std::string architecture : {"qwen3", "gemma3", "qwen35"}) {
    SCOPED_TRACE(architecture);
    const test::TemporaryFolder folder;
    const std::vector<std::string> serve = {
        "serve", "--port", "0", "--threads", "1", "-m", shipped(architecture), "--disk-cache", folder.path()};
    const auto ask = [](Program& server) {
      std::string text = "You are Tally. Answer from what you know. Notes:";
      for (int i = 0; i < 40; ++i) text += " The code for the red gate is 4817.";
      const json messages = {{{"role", "system"}, {"content", text}},
                             {{"role", "user"}, {"content", "What is the code for the red gate?"}}};
      const json body = {{"messages", messages}, {"temperature", 0}, {"max_tokens", 24}};
      return body_of(post(listening_port(server), "/v1/chat/completions", body.dump()));
    };
    const auto cached = [](const json& answer) {
      return answer["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
    };
    json first, again;
    {
      Program server(serve);
      first = ask(server);
      ASSERT_FALSE(first.is_null());
      wait_until_stored(folder.path());
      server.signal(SIGKILL);
      EXPECT_EQ(server.wait(), 128 + SIGKILL);
    }
    Program server(serve);
    again = ask(server);
    ASSERT_FALSE(again.is_null());
    EXPECT_EQ(text_of(again), text_of(first));
    EXPECT_EQ(cached(first), 0);
    const int prompt = again["usage"]["prompt_tokens"];
    EXPECT_GE(cached(again), prompt - 2 * kUnstoredEnd);
  }
}

}  // namespace
}  // namespace banyan::cli
