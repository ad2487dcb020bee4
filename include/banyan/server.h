/// HTTP over an engine: OpenAI's chat and completions, llama-server's own endpoints, and a view of the
/// cache. docs/server.md describes every endpoint.
///
/// A request has a thread from the end of its head to the end of its answer, which waits for the engine on
/// behalf of its client; a client that goes away cancels its request. Connections that wait or are slow to
/// ask share one thread, and questions about the server's health have threads of their own.
///
/// Server: any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "banyan/engine.h"

namespace banyan {

/// What holds where a request does not say.
struct RequestDefaults {
  Sampling sampling = {};
  int max_tokens = -1;  ///< -1: as far as the context goes
  ReasoningOptions reasoning = {};
  bool tools_first =
      false;  ///< prompts have the tools before the system's text, where the template allows it
  Json template_variables = Json::object();
};

struct ServerOptions {
  std::string host =
      "127.0.0.1";       ///< a name or address; while it is loopback, requests for other hosts are refused
  int port = 8080;       ///< 0: any free one
  std::string api_key;   ///< that clients must send, as a bearer token or in x-api-key; empty: none
  std::string model_id;  ///< the model's name to clients; empty: its file's name without ".gguf"
  /// The web pages that may read answers, by their origins ("https://example.com"), and "localhost" for those
  /// of this machine, or "*" for all.
  std::vector<std::string> cors_origins = {"localhost"};
  RequestDefaults defaults = {};
  std::size_t max_body_bytes = std::size_t{32} << 20;
  int max_threads = 1024;  ///< most requests that are answered at once; others wait for one of these to end
  std::chrono::milliseconds idle_timeout{30000};  ///< for which a connection may wait for its next request
  std::chrono::milliseconds head_timeout{10000};  ///< for all of a request's head, from its first byte on
  std::chrono::milliseconds body_timeout{
      30000};  ///< for all of a body; one that comes at `body_rate` has more
  std::size_t body_rate = std::size_t{16} << 10;  ///< bytes a second
  std::chrono::milliseconds read_timeout{10000};  ///< for each read of a body
  std::chrono::milliseconds write_timeout{
      10000};  ///< for each write; a client that reads nothing is then gone
  std::chrono::milliseconds ping_interval{5000};  ///< a stream that is silent so long gets a comment
};

class Server {
 public:
  /// Binds and starts to answer. The engine must outlive the server, which never stops it.
  /// Errors: io, naming the address.
  static Result<std::unique_ptr<Server>> start(Engine& engine, const ServerOptions& options = {});
  /// stop(false).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The port that it listens on.
  int port() const;
  /// "http://HOST:PORT".
  std::string url() const;

  /// Refuses new requests (503); with `drain`, lets the running ones finish, else ends their streams
  /// with an error event. Returns when the last has ended and the port is closed. May be called again
  /// meanwhile, with `drain` false to make haste. Idempotent.
  void stop(bool drain);

  /// Blocks until a stop() has finished.
  void wait();

 private:
  Server();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
