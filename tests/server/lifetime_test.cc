// Clients that go, queues that are full, servers that stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "server/running_server.h"

namespace banyan {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kChat = "/v1/chat/completions";

// A request that goes on, by default until the context is full.
Json endless(int max_tokens = -1) {
  return {{"messages", Json::array({user_message("Count from 1 to 9.")})},
          {"ignore_eos", true},
          {"max_tokens", max_tokens}};
}

// Starts an endless stream on a thread of its own, and returns once it runs.
std::future<HttpStream> start_endless(RunningServer& server, int max_tokens = -1) {
  auto begun = std::make_shared<std::promise<void>>();
  auto stream = std::async(std::launch::async, [&server, max_tokens, begun] {
    bool first = true;
    return server.stream(kChat, endless(max_tokens), [&](const Json&) {
      if (std::exchange(first, false)) begun->set_value();
      return true;
    });
  });
  begun->get_future().wait();
  return stream;
}

TEST(Lifetime, AClientThatHangsUpStopsItsReply) {
  RunningServer server;
  int events = 0;
  server.stream(kChat, endless(), [&](const Json&) { return ++events < 5; });
  EXPECT_EQ(server.settle(), "");
  EXPECT_LT(server.engine().status().generated_tokens, 4000u);
}

TEST(Lifetime, AClientThatWaitsForTheWholeAndHangsUpStopsItsReply) {
  RunningServer server;
  const Json body = endless();
  httplib::Client client = server.client();
  std::jthread asking([&] { client.Post(kChat, dump(body), "application/json"); });
  while (server.engine().status().running == 0) std::this_thread::sleep_for(1ms);
  client.stop();
  EXPECT_EQ(server.settle(), "");
  EXPECT_LT(server.engine().status().generated_tokens, 8000u);
}

TEST(Lifetime, AFullQueueAsksToComeAgain) {
  EngineOptions engine = RunningServer::small_engine();
  engine.max_running = 1;
  engine.max_queued = 0;
  RunningServer server(engine);
  {
    bool asked = false;
    server.stream(kChat, endless(), [&](const Json&) {
      if (std::exchange(asked, true)) return false;
      // The engine counts what runs after each step.
      while (server.engine().status().running == 0) std::this_thread::sleep_for(1ms);
      const HttpReply busy = server.post(kChat, {{"messages", Json::array({user_message("hi")})}});
      EXPECT_EQ(busy.status, 503);
      EXPECT_EQ(busy.header("Retry-After"), "1");
      EXPECT_EQ(busy.error()["type"], "unavailable_error");
      EXPECT_EQ(busy.error()["code"], "queue_full");
      EXPECT_EQ(server.stream(kChat, endless()).status, 503);
      EXPECT_EQ(server.get("/health").status, 200);
      EXPECT_EQ(server.get("/cache").status, 200);
      return true;
    });
    EXPECT_TRUE(asked);
  }
  EXPECT_EQ(server.settle(), "");
  EXPECT_EQ(server.post(kChat, {{"messages", Json::array({user_message("hi")})}}).status, 200);
  const HttpReply many = server.post("/completion", {{"prompt", {"a", "b"}}});
  EXPECT_EQ(many.status, 400);
  EXPECT_EQ(many.error()["param"], "prompt");
}

TEST(Lifetime, SilentStreamsArePinged) {
  EngineOptions engine = RunningServer::small_engine();
  engine.max_running = 1;
  ServerOptions options = RunningServer::any_port();
  options.ping_interval = 10ms;
  RunningServer server(engine, options);
  // The second stream waits in the queue until the first is hung up.
  std::promise<void> running;
  std::atomic<bool> enough = false;
  std::jthread first([&] {
    bool told = false;
    server.stream(kChat, endless(), [&](const Json&) {
      if (!std::exchange(told, true)) running.set_value();
      return !enough;
    });
  });
  running.get_future().wait();
  std::jthread timer([&] {
    while (server.engine().status().queued == 0) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(300ms);
    enough = true;
  });
  const HttpStream second = server.stream(kChat, {{"messages", Json::array({user_message("hi")})}});
  EXPECT_GT(second.comments, 0);
  EXPECT_TRUE(second.done);
  EXPECT_EQ(second.wrong, "");
}

TEST(Lifetime, StoppingEndsStreamsWithAnError) {
  RunningServer server;
  auto stream = start_endless(server);
  server.server().stop(false);
  const HttpStream ended = stream.get();
  EXPECT_TRUE(ended.done);
  ASSERT_TRUE(ended.events.back().contains("error")) << dump(ended.events.back());
  EXPECT_EQ(ended.events.back()["error"]["code"], "stopping");
  EXPECT_EQ(server.get("/health").status, 0);
  EXPECT_EQ(server.settle(), "");
}

TEST(Lifetime, AnEngineThatStopsEndsStreamsWithAnError) {
  RunningServer server;
  auto stream = start_endless(server);
  server.engine().stop(false);
  const HttpStream ended = stream.get();
  EXPECT_TRUE(ended.done);
  EXPECT_EQ(ended.events.back()["error"]["code"], "stopping");
  const HttpReply next = server.post(kChat, {{"messages", Json::array({user_message("hi")})}});
  EXPECT_EQ(next.status, 503);
  EXPECT_EQ(server.get("/cache").status, 200);
}

TEST(Lifetime, DrainingLetsStreamsFinishAndRefusesOthers) {
  RunningServer server;
  auto stream = start_endless(server, 300);
  std::jthread stopping([&] { server.server().stop(true); });
  HttpReply health;
  do {
    health = server.get("/health");
  } while (health.status == 200);
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.error()["type"], "unavailable_error");
  const HttpReply refused = server.post(kChat, {{"messages", Json::array({user_message("hi")})}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  const HttpStream ended = stream.get();
  EXPECT_TRUE(ended.done);
  EXPECT_EQ(ended.events.back()["choices"][0]["finish_reason"], "length");
}

TEST(Lifetime, AStopCanBeHurriedAndRepeated) {
  RunningServer server;
  auto stream = start_endless(server);
  std::jthread waiting([&] { server.server().wait(); });
  std::jthread draining([&] { server.server().stop(true); });
  std::this_thread::sleep_for(20ms);
  server.server().stop(false);
  EXPECT_TRUE(stream.get().done);
  server.server().stop(true);
  waiting.join();
}

}  // namespace
}  // namespace banyan
