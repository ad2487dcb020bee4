// HTTP itself: paths, methods, bodies, who may ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/running_server.h"

namespace banyan {
namespace {

using testing::HasSubstr;

RunningServer& server() { return shared_server(); }

TEST(Http, IntroducesItself) {
  const HttpReply reply = server().get("/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.text, HasSubstr("Banyan"));
  EXPECT_EQ(server().get("/health").text, R"({"status":"ok"})");
}

TEST(Http, UnknownPathsAndWrongMethodsAreToldApart) {
  const HttpReply none = server().get("/nope");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.error()["type"], "not_found_error");
  const HttpReply posted = server().post("/health", Json::object());
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(posted.header("Allow"), "GET, HEAD, OPTIONS");
  const HttpReply got = server().get("/v1/chat/completions");
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(got.error()["type"], "invalid_request_error");
  EXPECT_EQ(server().client().Delete("/completion")->status, 405);
  EXPECT_EQ(server().client().Delete("/v1/models/any")->get_header_value("Allow"), "GET, HEAD, OPTIONS");
}

TEST(Http, HeadAndOptionsAreAnswered) {
  httplib::Client client = server().client();
  const auto head = client.Head("/v1/models");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(client.Head("/completion")->status, 405);
  EXPECT_EQ(client.Head("/nope")->status, 404);
  const auto options = client.Options("/completion");
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->get_header_value("Allow"), "POST, OPTIONS");
  EXPECT_EQ(client.Options("/nope")->status, 404);
  EXPECT_EQ(client.Options("*")->status, 204);
  EXPECT_EQ(client.Get("/health")->status, 200);  // on the same connection
}

TEST(Http, ErrorsHaveTheFormOfThePathsDialect) {
  EXPECT_EQ(server().get("/v1/messages/nope").json["type"], "error");
  EXPECT_EQ(server().get("/v1/messages/nope").json["error"]["type"], "not_found_error");
  EXPECT_THAT(server().get("/api/nope").json["error"].get<std::string>(),
              HasSubstr("/api/chat, /api/generate"));
  const HttpReply twice = server().post("/v1/v1/messages", {{"max_tokens", 5}});
  EXPECT_EQ(twice.status, 404);
  EXPECT_EQ(twice.json["type"], "error");
  EXPECT_EQ(
      twice.json["error"]["message"],
      "there is no path /v1/v1/messages here; there is /v1/messages: the client's base URL must not have "
      "\"/v1\" at its end");
  ServerOptions options = RunningServer::any_port();
  options.api_key = "secret";
  RunningServer locked(RunningServer::small_engine(), options);
  EXPECT_EQ(locked.get("/v1/messages").status, 401);
  EXPECT_EQ(locked.get("/v1/messages").json["error"]["type"], "authentication_error");
  EXPECT_TRUE(locked.get("/api/chat").json["error"].is_string());
}

TEST(Http, PagesOfThisMachineMayReadAnswers) {
  const httplib::Headers page = {{"Origin", "http://localhost:3000"}};
  const HttpReply reply = server().get("/v1/models", page);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "http://localhost:3000");
  EXPECT_EQ(reply.header("Vary"), "Origin");
  EXPECT_EQ(server().get("/nope", page).header("Access-Control-Allow-Origin"), "http://localhost:3000");
  EXPECT_EQ(server().get("/v1/models").header("Access-Control-Allow-Origin"), "");

  httplib::Headers ask = page;
  ask.emplace("Access-Control-Request-Method", "POST");
  ask.emplace("Access-Control-Request-Headers", "authorization,x-any");
  const auto preflight = server().client().Options("/v1/chat/completions", ask);
  EXPECT_EQ(preflight->status, 204);
  EXPECT_EQ(preflight->get_header_value("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(preflight->get_header_value("Access-Control-Allow-Headers"), "authorization,x-any");
}

TEST(Http, OtherPagesMayWhereTheirOriginsAreNamed) {
  const httplib::Headers page = {{"Origin", "https://example.com"}};
  const HttpReply refused = server().get("/v1/models", page);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "");
  ServerOptions options = RunningServer::any_port();
  options.api_key = "secret";
  options.cors_origins = {"https://example.com"};
  RunningServer open(RunningServer::small_engine(), options);
  EXPECT_EQ(open.client().Options("/completion", page)->get_header_value("Access-Control-Allow-Origin"),
            "https://example.com");
  EXPECT_EQ(open.get("/v1/models", page).status, 401);
  httplib::Headers with_key = page;
  with_key.emplace("x-api-key", "secret");
  EXPECT_EQ(open.get("/v1/models", with_key).status, 200);
  const HttpReply local = open.get("/health", {{"Origin", "http://localhost"}});
  EXPECT_EQ(local.status, 200);
  EXPECT_EQ(local.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(open.get("/health", {{"Origin", "https://example.org"}}).status, 403);
}

TEST(Http, BodiesMustBeJsonObjects) {
  for (const char* body : {"", "{", "nonsense", "[1]", "\"text\"", "{\"a\": \"\xff\"}"}) {
    const HttpReply reply = server().post_text("/completion", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.error()["type"], "invalid_request_error");
  }
  EXPECT_EQ(server().post_text("/completion", std::string(5'000'000, '[')).status, 400);
  EXPECT_EQ(server().post_text("/completion", "--x\r\n\r\n--x--", "multipart/form-data; boundary=x").status,
            400);
}

TEST(Http, LongBodiesMayBeLabelledAsFormsAsCurlDoes) {
  const std::string body = R"({"content": ")" + std::string(20'000, 'a') + R"("})";
  EXPECT_EQ(server().post_text("/tokenize", body, "application/x-www-form-urlencoded").status, 200);
  EXPECT_EQ(server().post_text("/tokenize", body, "").status, 200);
}

TEST(Http, TooLargeABodyIsRefusedAndTheAnswerArrives) {
  ServerOptions options = RunningServer::any_port();
  options.max_body_bytes = 1000;
  RunningServer small(RunningServer::small_engine(), options);
  EXPECT_EQ(small.post("/tokenize", {{"content", std::string(500, 'a')}}).status, 200);
  for (const std::size_t size : {1000, 10'000}) {
    const HttpReply reply = small.post("/tokenize", {{"content", std::string(size, 'a')}});
    EXPECT_EQ(reply.status, 413);
    EXPECT_THAT(reply.error()["message"].get<std::string>(), HasSubstr("1000 bytes"));
  }
  EXPECT_EQ(small.get("/health").status, 200);
}

TEST(Http, OnLoopbackOtherHostsAreRefused) {
  EXPECT_EQ(server().get("/health", {{"Host", "localhost:8080"}}).status, 200);
  EXPECT_EQ(server().get("/health", {{"Host", "[::1]"}}).status, 200);
  for (const char* host : {"example.com", "example.com:80", "127.0.0.1.example.com"}) {
    const HttpReply reply = server().get("/health", {{"Host", host}});
    EXPECT_EQ(reply.status, 403) << host;
    EXPECT_EQ(reply.error()["type"], "permission_error");
  }
  EXPECT_EQ(
      server().post_text("/tokenize", R"({"content": "x"})", "text/plain", {{"Host", "example.com"}}).status,
      403);
}

TEST(Http, BoundToEveryAddressAnyHostIsServed) {
  ServerOptions options = RunningServer::any_port();
  options.host = "0.0.0.0";
  RunningServer open(RunningServer::small_engine(), options);
  EXPECT_EQ(open.get("/health", {{"Host", "example.com"}}).status, 200);
}

TEST(Http, KeysAreAskedForEverywhereButForHealth) {
  ServerOptions options = RunningServer::any_port();
  options.api_key = "secret";
  RunningServer locked(RunningServer::small_engine(), options);
  EXPECT_EQ(locked.get("/health").status, 200);
  EXPECT_EQ(locked.get("/v1/models", {{"Authorization", "Bearer secret"}}).status, 200);
  EXPECT_EQ(locked.get("/v1/models", {{"x-api-key", "secret"}}).status, 200);
  for (const httplib::Headers& headers :
       {httplib::Headers{}, httplib::Headers{{"Authorization", "Bearer wrong!"}},
        httplib::Headers{{"x-api-key", "wrong!"}}}) {
    EXPECT_EQ(locked.get("/v1/models", headers).status, 401);
    EXPECT_EQ(locked.get("/cache", headers).status, 401);
    const HttpReply reply = locked.post_text("/tokenize", R"({"content": "x"})", "application/json", headers);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.error()["code"], "invalid_api_key");
  }
}

TEST(Http, TheModelsNameCanBeGiven) {
  ServerOptions options = RunningServer::any_port();
  options.model_id = "my/model";
  RunningServer named(RunningServer::small_engine(), options);
  EXPECT_EQ(named.get("/v1/models").json["data"][0]["id"], "my/model");
  EXPECT_EQ(named.post("/completion", {{"prompt", "x"}, {"n_predict", 1}}).json["model"], "my/model");
}

TEST(Http, APortInUseIsAnErrorThatNamesIt) {
  ServerOptions options;
  options.port = server().server().port();
  const auto second = Server::start(server().engine(), options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::io);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(options.port)));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
  EXPECT_EQ(server().get("/health").status, 200);
}

TEST(Http, AnUnknownHostIsAnError) {
  ServerOptions options = RunningServer::any_port();
  options.host = "no-such-host.invalid";
  EXPECT_FALSE(Server::start(server().engine(), options));
}

TEST(Http, UrlsName) {
  EXPECT_EQ(server().server().url(), "http://127.0.0.1:" + std::to_string(server().server().port()));
}

}  // namespace
}  // namespace banyan
