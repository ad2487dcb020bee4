// The endpoints of each dialect, over HTTP and with a real model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/running_server.h"

namespace banyan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

RunningServer& server() { return shared_server(); }

class Routes : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(server().settle(), ""); }
};

constexpr const char* kQuestion = "My cat is called Milo. What is my cat called?";
constexpr const char* kAnswer = "Your cat is called Milo.";

// A schema that leaves a model little choice.
const Json& color_schema() {
  static const Json schema = {{"type", "object"},
                              {"properties", {{"color", {{"enum", {"red", "green"}}}}}},
                              {"required", {"color"}},
                              {"additionalProperties", false}};
  return schema;
}

struct Event {
  std::string name;
  Json data;
};

std::vector<Event> events_of(const std::string& text) {
  std::vector<Event> events;
  std::size_t at = 0;
  std::string name;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("event: ")) name = line.substr(7);
    if (line.starts_with("data: ")) events.push_back({name, Json::parse(line.substr(6))});
    if (end == text.npos) break;
    at = end + 1;
  }
  return events;
}

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  std::size_t at = 0;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', at = end + 1)) {
    lines.push_back(Json::parse(text.substr(at, end - at)));
  }
  return lines;
}

TEST_F(Routes, MessagesAnswerAndStream) {
  const Json body = {
      {"messages", Json::array({user_message(kQuestion)})}, {"max_tokens", 40}, {"temperature", 0}};
  const HttpReply whole = server().post("/v1/messages?beta=true", body);
  ASSERT_EQ(whole.status, 200) << whole.text;
  EXPECT_EQ(whole.json["content"][0]["text"], kAnswer);
  EXPECT_EQ(whole.json["stop_reason"], "end_turn");

  Json streamed = body;
  streamed["stream"] = true;
  std::string text;
  std::vector<std::string> names;
  for (const Event& event : events_of(server().post("/v1/messages", streamed).text)) {
    EXPECT_EQ(event.data["type"], event.name);
    if (event.name == "content_block_delta") text += event.data["delta"]["text"];
    if (names.empty() || names.back() != event.name) names.push_back(event.name);
  }
  EXPECT_EQ(text, kAnswer);
  EXPECT_EQ(names.front(), "message_start");
  EXPECT_EQ(names.back(), "message_stop");

  const Json counted = server().post("/v1/messages/count_tokens", {{"messages", body["messages"]}}).json;
  const Json& usage = whole.json["usage"];
  EXPECT_EQ(counted["input_tokens"], usage["input_tokens"].get<int>() +
                                         usage["cache_read_input_tokens"].get<int>() +
                                         usage["cache_creation_input_tokens"].get<int>());
}

TEST_F(Routes, MessagesCallTools) {
  const HttpReply reply =
      server().post("/v1/messages", {{"messages", Json::array({user_message("Paint it.")})},
                                     {"max_tokens", 300},
                                     {"temperature", 0},
                                     {"tools", {{{"name", "paint"}, {"input_schema", color_schema()}}}},
                                     {"tool_choice", {{"type", "tool"}, {"name", "paint"}}}});
  ASSERT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.json["stop_reason"], "tool_use");
  const Json& call = reply.json["content"].back();
  EXPECT_EQ(call["type"], "tool_use");
  EXPECT_EQ(call["name"], "paint");
  EXPECT_THAT((std::vector<std::string>{"red", "green"}),
              Contains(call["input"]["color"].get<std::string>()));
}

TEST_F(Routes, ErrorsOfMessagesHaveTheirForm) {
  const HttpReply wrong = server().post("/v1/messages", {{"max_tokens", 3}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json["type"], "error");
  EXPECT_EQ(wrong.error()["type"], "invalid_request_error");
  const HttpReply lost = server().post("/v1/messages", {{"thread", {{"type", "create"}}}});
  EXPECT_EQ(lost.error()["details"]["error_code"], "thread_unsupported_request");
  const HttpReply long_one =
      server().post("/v1/messages",
                    {{"messages", Json::array({user_message(std::string(200000, 'x'))})}, {"max_tokens", 3}});
  EXPECT_EQ(long_one.status, 400);
  EXPECT_THAT(long_one.error()["message"].get<std::string>(), HasSubstr("prompt is too long"));
}

// They are asked in order to know by how much.
TEST_F(Routes, PromptsBeyondTheContextAreCounted) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "word ";
  const Json messages = Json::array({user_message(text)});
  const int context = server().engine().options().context;
  const std::pair<const char*, Json> counts[] = {
      {"/v1/messages/count_tokens", {{"messages", messages}}},
      {"/v1/chat/completions/input_tokens", {{"messages", messages}}},
      {"/v1/responses/input_tokens", {{"input", text}}}};
  for (const auto& [path, body] : counts) {
    const HttpReply counted = server().post(path, body);
    ASSERT_EQ(counted.status, 200) << counted.text;
    EXPECT_GT(counted.json["input_tokens"], context) << path;
  }
  const std::string said = server().post("/v1/chat/completions", {{"messages", messages}}).error()["message"];
  EXPECT_EQ(server().post("/v1/messages", {{"messages", messages}, {"max_tokens", 5}}).error()["message"],
            said);
  EXPECT_EQ(server().post("/v1/responses", {{"input", text}}).error()["message"], said);
  EXPECT_EQ(server().post("/api/chat", {{"messages", messages}}).json["error"], said);
}

TEST_F(Routes, ModelsHaveTheFormOfWhoAsks) {
  EXPECT_EQ(server().get("/v1/models").json["object"], "list");
  const Json models = server().get("/v1/models", {{"anthropic-version", "2023-06-01"}}).json;
  EXPECT_EQ(models["data"][0]["type"], "model");
  EXPECT_EQ(models["has_more"], false);
}

TEST_F(Routes, ResponsesAreKeptAndGoneOnFrom) {
  const HttpReply first =
      server().post("/v1/responses", {{"input", "My cat is called Milo."}, {"temperature", 0}});
  ASSERT_EQ(first.status, 200) << first.text;
  const std::string id = first.json["id"];
  const HttpReply second =
      server().post("/v1/responses",
                    {{"input", "What is my cat called?"}, {"previous_response_id", id}, {"temperature", 0}});
  EXPECT_EQ(second.json["output"][0]["content"][0]["text"], kAnswer);
  EXPECT_GT(second.json["usage"]["input_tokens_details"]["cached_tokens"], 10);

  EXPECT_EQ(server().get("/v1/responses/" + id).json["output"], first.json["output"]);
  EXPECT_EQ(server().get("/v1/responses/" + id + "/input_items").json["data"][0]["role"], "user");
  auto client = server().client();
  EXPECT_EQ(client.Delete("/v1/responses/" + id)->status, 200);
  EXPECT_EQ(client.Delete("/v1/responses/" + id)->status, 404);
  EXPECT_EQ(server().get("/v1/responses/" + id).status, 404);
  const HttpReply gone = server().post("/v1/responses", {{"input", "x"}, {"previous_response_id", id}});
  EXPECT_EQ(gone.status, 400);
  EXPECT_EQ(gone.error()["param"], "previous_response_id");
  EXPECT_EQ(gone.error()["code"], "previous_response_not_found");
}

TEST_F(Routes, ResponsesStreamCalls) {
  const HttpReply reply = server().post(
      "/v1/responses", {{"input", "Paint it."},
                        {"stream", true},
                        {"store", false},
                        {"temperature", 0},
                        {"max_output_tokens", 300},
                        {"tools",
                         {{{"type", "function"}, {"name", "paint"}, {"parameters", color_schema()}},
                          {{"type", "web_search"}}}},
                        {"tool_choice", "required"}});
  std::string arguments;
  Json last;
  for (const Event& event : events_of(reply.text)) {
    EXPECT_EQ(event.data["type"], event.name);
    if (event.name == "response.function_call_arguments.delta") arguments += event.data["delta"];
    last = event.data;
  }
  EXPECT_EQ(last["type"], "response.completed");
  const Json& call = last["response"]["output"].back();
  EXPECT_EQ(call["type"], "function_call");
  EXPECT_EQ(call["name"], "paint");
  EXPECT_EQ(call["arguments"], arguments);
  EXPECT_TRUE(Json::parse(arguments).contains("color"));
  const std::string id = last["response"]["id"];
  EXPECT_EQ(server().get("/v1/responses/" + id).status, 404) << "it was not to be stored";
}

TEST_F(Routes, OllamaChatsAndGenerates) {
  const Json options = {{"temperature", 0}, {"num_predict", 40}};
  const HttpReply chat = server().post(
      "/api/chat",
      {{"model", "any"}, {"messages", Json::array({user_message(kQuestion)})}, {"options", options}});
  EXPECT_EQ(chat.header("Content-Type"), "application/x-ndjson");
  std::string text;
  const std::vector<Json> lines = lines_of(chat.text);
  for (const Json& line : lines) text += line["message"]["content"];
  EXPECT_EQ(text, kAnswer);
  EXPECT_EQ(lines.back()["done"], true);
  EXPECT_EQ(lines.back()["done_reason"], "stop");

  const Json generated =
      server()
          .post("/api/generate",
                {{"prompt", "My cat is called Milo."}, {"stream", false}, {"options", options}})
          .json;
  const Json next = server()
                        .post("/api/generate", {{"prompt", "What is my cat called?"},
                                                {"context", generated["context"]},
                                                {"stream", false},
                                                {"options", options}})
                        .json;
  EXPECT_EQ(next["response"], kAnswer);
  const HttpReply suffix = server().post("/api/generate", {{"prompt", "a"}, {"suffix", "b"}});
  EXPECT_EQ(suffix.status, 400);
  EXPECT_THAT(suffix.json["error"].get<std::string>(), HasSubstr("vocabulary"));
}

TEST_F(Routes, OllamaKeepsAFormatAndCalls) {
  const Json reply = server()
                         .post("/api/chat", {{"messages", Json::array({user_message("Say a color.")})},
                                             {"format", color_schema()},
                                             {"stream", false},
                                             {"options", {{"temperature", 0}, {"num_predict", 300}}}})
                         .json;
  EXPECT_TRUE(Json::parse(reply["message"]["content"].get<std::string>()).contains("color"));
}

TEST_F(Routes, OllamaTellsOfTheModel) {
  const Json tags = server().get("/api/tags").json;
  const std::string name = tags["models"][0]["name"];
  EXPECT_EQ(server().get("/api/ps").json["models"][0]["name"], name);
  EXPECT_THAT(server().post("/api/show", {{"model", name}}).json["capabilities"], Contains(Json("tools")));
  const HttpReply nothing = server().post("/api/show", {{"model", "another"}});
  EXPECT_EQ(nothing.status, 404);
  EXPECT_TRUE(nothing.json["error"].is_string());
  EXPECT_EQ(lines_of(server().post("/api/pull", {{"model", name}}).text).back()["status"], "success");
  EXPECT_EQ(server().post("/api/pull", {{"model", "another"}}).status, 404);
  EXPECT_TRUE(server().get("/api/version").json["version"].is_string());
}

TEST_F(Routes, ChatsOfOpenAiKeepSchemasAndCall) {
  const Json messages = Json::array({user_message("Paint it.")});
  const Json formed =
      server()
          .post("/v1/chat/completions",
                {{"messages", messages},
                 {"temperature", 0},
                 {"max_tokens", 300},
                 {"response_format",
                  {{"type", "json_schema"}, {"json_schema", {{"name", "c"}, {"schema", color_schema()}}}}}})
          .json;
  EXPECT_TRUE(Json::parse(formed["choices"][0]["message"]["content"].get<std::string>()).contains("color"));

  Json body = {
      {"messages", messages},
      {"temperature", 0},
      {"max_tokens", 300},
      {"tools", {{{"type", "function"}, {"function", {{"name", "paint"}, {"parameters", color_schema()}}}}}},
      {"tool_choice", "required"}};
  const Json called = server().post("/v1/chat/completions", body).json["choices"][0];
  EXPECT_EQ(called["finish_reason"], "tool_calls");
  EXPECT_EQ(called["message"]["content"], nullptr);
  const Json call = called["message"]["tool_calls"][0];
  EXPECT_EQ(call["function"]["name"], "paint");
  EXPECT_TRUE(Json::parse(call["function"]["arguments"].get<std::string>()).contains("color"));

  // The call and its result go back, whatever the id.
  body["tool_choice"] = "none";
  body["messages"].push_back({{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {call}}});
  body["messages"].push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", "done"}});
  const Json next = server().post("/v1/chat/completions", body).json;
  EXPECT_GT(next["usage"]["prompt_tokens_details"]["cached_tokens"], 20) << dump(next);
  body["grammar"] = "root ::= \"a\"";
  body["tool_choice"] = "required";
  EXPECT_EQ(server().post("/v1/chat/completions", body).error()["param"], "tool_choice");
}

TEST_F(Routes, AModelMayBeNamedAsInAFolder) {
  ServerOptions options = RunningServer::any_port();
  options.model_id = "org/tally:q8";
  RunningServer named(RunningServer::small_engine(), options);
  EXPECT_EQ(named.get("/v1/models/org/tally:q8").json["id"], "org/tally:q8");
  EXPECT_EQ(named.get("/v1/models/org%2Ftally:q8").json["id"], "org/tally:q8");
  EXPECT_EQ(named.get("/v1/models/org/other").status, 404);
  EXPECT_EQ(named.post("/api/show", {{"model", "org/tally:q8"}}).status, 200);
  EXPECT_EQ(named.post("/api/show", {{"model", "org/tally:q8:latest"}}).status, 404);
}

}  // namespace
}  // namespace banyan
