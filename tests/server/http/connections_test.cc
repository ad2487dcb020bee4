// Connections as no good client makes them: slow, idle, cut short, many at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <string>
#include <vector>

#include "server/http/raw_client.h"
#include "server/running_server.h"

namespace banyan {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kHealth = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

RawClient raw(RunningServer& server) { return RawClient(server.server().port()); }

std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

ServerOptions hasty() {
  ServerOptions options = RunningServer::any_port();
  options.idle_timeout = 200ms;
  options.head_timeout = 200ms;
  options.body_timeout = 200ms;
  options.read_timeout = 100ms;
  return options;
}

TEST(Connections, HealthIsAnsweredWhateverOthersDo) {
  EngineOptions engine = RunningServer::small_engine();
  engine.max_running = 2;
  engine.max_queued = 2;
  RunningServer server(engine);
  // More than there are threads, by far; all of them wait for a body or the end of a head.
  std::vector<RawClient> slow;
  for (int i = 0; i < 400; ++i) {
    slow.push_back(raw(server));
    ASSERT_TRUE(slow.back().send(i % 2 == 0 ? "POST /completion HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"
                                            : "POST /completion HTTP/1.1\r\nContent-Le"));
  }
  httplib::Client client = server.client();
  client.set_read_timeout(20s);  // the slow ones are cut off after 30
  for (int i = 0; i < 20; ++i) {
    const auto health = client.Get("/health");
    ASSERT_TRUE(health);
    EXPECT_EQ(health->status, 200);
    for (const RawClient& one : slow) one.send("x");
  }
}

TEST(Connections, SlowHeadsAndBodiesHaveADeadlineThoughBytesKeepComing) {
  RunningServer server(RunningServer::small_engine(), hasty());
  for (const char* begin :
       {"POST /completion HTTP/1.1\r\nX", "POST /completion HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{"}) {
    const RawClient slow = raw(server);
    ASSERT_TRUE(slow.send(begin));
    std::string answer;
    for (int i = 0; i < 1000 && answer.empty(); ++i) {
      slow.send("a");
      answer = slow.read_all(10ms);
    }
    EXPECT_THAT(answer, testing::AnyOf(StartsWith("HTTP/1.1 408 "), StartsWith("HTTP/1.1 400 "))) << begin;
    EXPECT_THAT(answer, testing::AnyOf(HasSubstr("in time"), HasSubstr("too slowly"))) << begin;
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n")) << begin;
    EXPECT_THAT(answer, Not(HasSubstr("Keep-Alive"))) << begin;
    EXPECT_TRUE(slow.is_ended()) << begin;
  }
  EXPECT_EQ(server.get("/health").status, 200);
}

TEST(Connections, ABodyThatComesFastEnoughMayTakeLonger) {
  ServerOptions options = hasty();
  options.body_rate = 100;
  RunningServer server(RunningServer::small_engine(), options);
  const std::string body = R"({"content": ")" + std::string(200, 'a') + R"("})";
  for (const char* more : {"", "Expect: 100-continue\r\n"}) {
    const std::string request = post("/tokenize", body, more);
    const RawClient client = raw(server);
    for (std::size_t at = 0; at < request.size(); at += 10) {
      ASSERT_TRUE(client.send(std::string_view(request).substr(at, 10)));
      if (at > request.size() - body.size()) std::this_thread::sleep_for(15ms);
    }
    EXPECT_THAT(client.read_until(R"("tokens")"), HasSubstr("HTTP/1.1 200 "));
  }
}

TEST(Connections, ARefusedBodyMayNotTakeLonger) {
  ServerOptions options = hasty();
  options.body_rate = 100;
  options.api_key = "secret";
  RunningServer server(RunningServer::small_engine(), options);
  const std::string request = post("/tokenize", std::string(5000, 'a'));
  const RawClient client = raw(server);
  std::size_t at = 0;
  for (; at < request.size() && client.send(std::string_view(request).substr(at, 10)); at += 10) {
    if (at > 200) std::this_thread::sleep_for(15ms);
  }
  EXPECT_LT(at, request.size());
}

TEST(Connections, IdleOnesAreClosed) {
  RunningServer server(RunningServer::small_engine(), hasty());
  const RawClient silent = raw(server);
  const RawClient kept = raw(server);
  ASSERT_TRUE(kept.send(kHealth));
  EXPECT_THAT(kept.read_until("}"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(silent.is_ended());
  EXPECT_TRUE(kept.is_ended());
}

TEST(Connections, ALongQueueMakesNoThreads) {
  EngineOptions engine = RunningServer::small_engine();
  engine.max_queued = 1'000'000;
  RunningServer server(engine);
  EXPECT_EQ(server.post("/completion", {{"prompt", "Hello"}, {"n_predict", 1}}).status, 200);
}

TEST(Connections, MoreRequestsThanThreadsAreAllAnswered) {
  ServerOptions options = RunningServer::any_port();
  options.max_threads = 1;
  RunningServer server(RunningServer::small_engine(), options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(raw(server));
    ASSERT_TRUE(clients.back().send(post("/completion", R"({"prompt": "Hello", "n_predict": 1})")));
  }
  for (const RawClient& client : clients) {
    EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST(Connections, PipelinedRequestsAreAnsweredInTurn) {
  const RawClient client = raw(shared_server());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += kHealth;
    requests += post("/detokenize", R"({"tokens": [)" + std::to_string(500 + i) + "]}");
    requests += "\r\n";  // as some clients send behind a body
  }
  ASSERT_TRUE(client.send(requests));
  client.end_sending();
  const std::string answers = client.read_all();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answers.find(R"({"status":"ok"})", at);
    ASSERT_NE(at, std::string::npos);
    at = answers.find(shared_server().engine().vocabulary().piece(500 + i, true), at);
    ASSERT_NE(at, std::string::npos);
  }
}

TEST(Connections, AnErrorLeavesTheConnectionOpen) {
  const RawClient client = raw(shared_server());
  for (const std::string& request :
       {std::string("GET /nope HTTP/1.1\r\n\r\n"), post("/completion", "{nonsense"),
        post("/completion", R"({"prompt": "x", "top_p": 2})"), post("/health", R"({"not": "read"})"),
        std::string("GET /completion HTTP/1.1\r\n\r\n")}) {
    ASSERT_TRUE(client.send(request));
    const std::string answer = client.read_until("}}");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 4")) << request;
    EXPECT_THAT(answer, Not(HasSubstr("Connection: close"))) << request;
  }
  ASSERT_TRUE(client.send(kHealth));
  EXPECT_THAT(client.read_until("}"), StartsWith("HTTP/1.1 200 "));
}

TEST(Connections, AfterABodyInChunksTheConnectionEndsAndTheAnswerSaysSo) {
  const RawClient client = raw(shared_server());
  ASSERT_TRUE(
      client.send("POST /detokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "10\r\n{\"tokens\":[500]}\r\n0\r\n\r\n"));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
}

TEST(Connections, AHalfClosedClientGetsItsAnswer) {
  for (const char* stream : {"false", "true"}) {
    const RawClient client = raw(shared_server());
    client.send_last(post(
        "/completion", std::string(R"({"prompt": "Hello", "n_predict": 30, "ignore_eos": true, "stream": )") +
                           stream + "}"));
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer, HasSubstr(R"("tokens_predicted":30)"));
  }
}

TEST(Connections, Http10GetsNoChunks) {
  const RawClient client = raw(shared_server());
  const std::string body = R"({"prompt": "Hello", "n_predict": 3, "ignore_eos": true, "stream": true})";
  ASSERT_TRUE(client.send("POST /completion HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) +
                          "\r\n\r\n" + body));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, HasSubstr(" 200 OK"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\ndata: {"));
  EXPECT_THAT(answer, EndsWith("}\n\n"));
  const RawClient plain = raw(shared_server());
  ASSERT_TRUE(plain.send("GET /health HTTP/1.0\n\n"));
  EXPECT_THAT(plain.read_all(), EndsWith(R"({"status":"ok"})"));
}

TEST(Connections, RangesAreIgnored) {
  for (const char* range : {"bytes=0-4", "bytes=100000-", "nonsense"}) {
    const HttpReply whole = shared_server().get("/health", {{"Range", range}});
    EXPECT_EQ(whole.status, 200) << range;
    EXPECT_EQ(whole.text, R"({"status":"ok"})");
  }
  const RawClient client = raw(shared_server());
  ASSERT_TRUE(client.send(post("/completion", R"({"prompt": "Hello", "n_predict": 3, "stream": true})",
                               "Range: bytes=0-\r\nConnection: close\r\n")));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 200 "));
}

TEST(Connections, AbsoluteTargetsAreAnswered) {
  const RawClient client = raw(shared_server());
  ASSERT_TRUE(client.send("GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_THAT(client.read_until("}"), HasSubstr(R"({"status":"ok"})"));
  ASSERT_TRUE(client.send("GET http://example.com/health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_THAT(client.read_until("}}"), StartsWith("HTTP/1.1 403 "));
}

TEST(Connections, WhatIsNoHttpIsAnsweredAsHttpSays) {
  const std::pair<std::string, std::string> wrong[] = {
      {"GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n", "414"},
      {"GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n", "431"},
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/3.0\r\n\r\n", "505"},
  };
  for (const auto& [request, status] : wrong) {
    const RawClient client = raw(shared_server());
    client.send(request);
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status)) << answer;
    EXPECT_THAT(answer, HasSubstr(R"("error":{"message":)"));
  }
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST(Connections, CompressedBodiesAreBoundedByWhatTheyUnpackTo) {
  ServerOptions options = RunningServer::any_port();
  options.max_body_bytes = 1 << 20;
  RunningServer server(RunningServer::small_engine(), options);
  const auto answer = [&](const std::string& body, const std::string& encoding) {
    const RawClient client = raw(server);
    client.send(post("/tokenize", body, "Content-Encoding: " + encoding + "\r\nConnection: close\r\n"));
    return client.read_all();
  };
  EXPECT_THAT(answer(gzip(R"({"content": "Hello"})"), "gzip"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer(gzip(std::string(200 << 20, ' ')), "gzip"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer("{}", "rot13"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(answer("nonsense", "gzip"), StartsWith("HTTP/1.1 400 "));
}

TEST(Connections, ALargeBodyThatIsRefusedIsAnsweredWhileItIsSent) {
  ServerOptions options = RunningServer::any_port();
  options.max_body_bytes = 1000;
  RunningServer server(RunningServer::small_engine(), options);
  const RawClient client = raw(server);
  client.send(post("/tokenize", std::string(8 << 20, 'a')));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST(Connections, ForeignPagesAreRefusedOnLoopback) {
  RunningServer& server = shared_server();
  const std::string body = R"({"content": "Hello"})";
  const auto status = [&](const httplib::Headers& headers) {
    return server.post_text("/tokenize", body, "text/plain", headers).status;
  };
  EXPECT_EQ(status({{"Origin", "https://example.com"}}), 403);
  EXPECT_EQ(status({{"Origin", "null"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(status({{"Origin", "http://localhost:3000"}, {"Sec-Fetch-Site", "same-site"}}), 200);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "none"}}), 200);
}

TEST(Connections, StoppingDoesNotWaitForSlowClients) {
  RunningServer server;
  const RawClient slow = raw(server);
  ASSERT_TRUE(slow.send("POST /completion HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"));
  const RawClient idle = raw(server);
  server.server().stop(true);
  EXPECT_TRUE(idle.is_ended());
  EXPECT_TRUE(slow.is_ended());
}

}  // namespace
}  // namespace banyan
