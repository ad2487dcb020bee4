// 64 clients at once, who come, ask, go on, and hang up as they like.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/running_server.h"

namespace banyan {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClients = 64;
constexpr unsigned kSeed = 20;
// The tries' own memory makes room for itself only at the next charge.
constexpr std::size_t kOverheadBetweenCharges = std::size_t{64} << 10;

// How long the clients go on: half a minute, unless BANYAN_TEST_SCALE changes it.
std::chrono::duration<double> duration() {
  const char* scale = std::getenv("BANYAN_TEST_SCALE");
  return std::chrono::seconds(30) * (scale ? std::atof(scale) : 1);
}

struct Tally {
  std::atomic<std::uint64_t> whole = 0, cut = 0, refused = 0, wrong = 0;
};

void be_refused(int status, Tally& tally) {
  ++(status == 503 ? tally.refused : tally.wrong);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

void be_a_client(RunningServer& server, unsigned seed, Clock::time_point end, Tally& tally) {
  std::mt19937 random(seed);
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  Json messages = Json::array();
  while (Clock::now() < end) {
    if (messages.empty() || chance(15)) {
      messages = Json::array({user_message("The code for the red gate is " + std::to_string(random() % 4) +
                                           ". My cat is called Milo. What is the code for the red gate?")});
    }
    Json body = {{"messages", messages},     {"max_tokens", 1 + random() % 40}, {"temperature", 0.7},
                 {"ignore_eos", chance(30)}, {"n", chance(10) ? 3 : 1},         {"logprobs", chance(10)}};
    if (chance(70)) {
      // Some hang up in the midst of the stream.
      int left = chance(40) ? static_cast<int>(random() % 8) : 1000;
      std::string text;
      const HttpStream stream = server.stream("/v1/chat/completions", body, [&](const Json& event) {
        if (event.contains("error")) ++tally.wrong;
        if (!event.contains("choices")) return false;
        text += delta_text(event);
        return left-- > 0;
      });
      if (stream.status == 200) {
        ++(stream.done ? tally.whole : tally.cut);
      } else {
        be_refused(stream.status, tally);
      }
      messages.push_back({{"role", "assistant"}, {"content", text}});
      messages.push_back(user_message("What is my cat called?"));
    } else if (chance(70)) {
      const HttpReply reply = server.post("/v1/chat/completions", body);
      if (reply.status == 200) {
        ++tally.whole;
      } else {
        be_refused(reply.status, tally);
      }
    } else {
      // Hangs up before the answer.
      httplib::Client client = server.client();
      client.set_read_timeout(std::chrono::milliseconds(random() % 20));
      client.Post("/v1/chat/completions", dump(body), "application/json");
      ++tally.cut;
    }
  }
}

TEST(Load, ManyClientsLeaveNothingBehind) {
  EngineOptions engine = RunningServer::small_engine();
  engine.memory_bytes = std::size_t{32} << 20;
  engine.max_running = 24;
  engine.max_queued = 36;
  RunningServer server(engine);
  Tally tally;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration());
  std::vector<std::jthread> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { be_a_client(server, kSeed + i, end, tally); });
  }
  while (Clock::now() < end) {
    EXPECT_EQ(server.get("/health").status, 200);
    EXPECT_EQ(server.get("/cache").status, 200);
    const Engine::Status status = server.engine().status();
    EXPECT_LE(status.memory_used, status.memory_limit + kOverheadBetweenCharges);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  clients.clear();

  EXPECT_EQ(tally.wrong, 0u);
  EXPECT_GT(tally.whole, 0u);
  EXPECT_GT(tally.cut, 0u);
  EXPECT_EQ(server.settle(), "");
  const Engine::Status status = server.engine().status();
  EXPECT_EQ(status.running, 0);
  EXPECT_EQ(status.queued, 0);
  EXPECT_EQ(status.cache.open_sessions, 0u);
  std::printf("%llu whole, %llu hung up, %llu refused; %llu tokens in %llu steps, %llu evictions\n",
              static_cast<unsigned long long>(tally.whole), static_cast<unsigned long long>(tally.cut),
              static_cast<unsigned long long>(tally.refused),
              static_cast<unsigned long long>(status.generated_tokens),
              static_cast<unsigned long long>(status.steps),
              static_cast<unsigned long long>(status.cache.evictions));

  const HttpReply reply = server.post(
      "/v1/chat/completions",
      {{"messages", Json::array({user_message("My cat is called Milo. What is my cat called?")})}});
  EXPECT_EQ(reply.status, 200);
}

}  // namespace
}  // namespace banyan
