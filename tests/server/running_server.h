// A server on an engine with the shipped model, and a client.
#pragma once

#include <httplib.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "banyan/server.h"
#include "server/json_fields.h"

namespace banyan {

struct HttpReply {
  int status = 0;  ///< 0: there was none
  httplib::Headers headers;
  std::string text;
  Json json;  ///< where the text is

  std::string header(const std::string& name) const;
  const Json& error() const { return json.at("error"); }
};

struct HttpStream {
  int status = 0;
  httplib::Headers headers;
  std::vector<Json> events;
  bool done = false;  ///< ended with "data: [DONE]"
  int comments = 0;
  std::string wrong;  ///< the first line that is no event, if any; where refused, the answer
};

class RunningServer {
 public:
  static EngineOptions small_engine();
  static ServerOptions any_port();

  explicit RunningServer(EngineOptions engine = small_engine(), ServerOptions server = any_port());

  Engine& engine() { return *engine_; }
  Server& server() { return *server_; }
  /// A client with a connection of its own.
  httplib::Client client() const;

  HttpReply get(const std::string& path, const httplib::Headers& headers = {}) const;
  HttpReply post(const std::string& path, const Json& body) const;
  HttpReply post_text(const std::string& path, const std::string& body,
                      const std::string& type = "application/json",
                      const httplib::Headers& headers = {}) const;
  /// Reads a stream until its end, or until `go_on` says false to an event: then the client hangs up.
  HttpStream stream(const std::string& path, Json body,
                    const std::function<bool(const Json&)>& go_on = {}) const;

  /// Waits until no reply is made any more, however it ended, and returns Engine::check().
  std::string settle();

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Server> server_;
};

/// The one that tests share which change nothing but the cache.
RunningServer& shared_server();

Json user_message(const std::string& text);
/// The content of a chat's chunk, which may be null.
std::string delta_text(const Json& chunk);
/// What the chat template makes of messages, as tokens.
std::vector<Token> chat_tokens(const Json& messages);

}  // namespace banyan
