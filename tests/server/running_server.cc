#include "server/running_server.h"

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "banyan/chat_template.h"
#include "server/openai/chat_messages.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

using namespace std::chrono_literals;

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

HttpReply reply_of(const httplib::Result& result) {
  if (!result) return {};
  return {result->status, result->headers, result->body, Json::parse(result->body, nullptr, false)};
}

// Splits what comes of a stream into events.
class EventReader {
 public:
  EventReader(HttpStream& stream, const std::function<bool(const Json&)>& go_on)
      : stream_(stream), go_on_(go_on) {}

  bool push(std::string_view bytes) {
    rest_ += bytes;
    for (std::size_t end; (end = rest_.find("\n\n")) != std::string::npos; rest_.erase(0, end + 2)) {
      if (!take(std::string_view(rest_).substr(0, end))) return false;
    }
    return true;
  }

 private:
  bool take(std::string_view line) {
    constexpr std::string_view kData = "data: ";
    if (line.starts_with(':')) {
      ++stream_.comments;
    } else if (line == "data: [DONE]") {
      stream_.done = true;
    } else if (line.starts_with(kData) && Json::accept(line.substr(kData.size())) && !stream_.done) {
      stream_.events.push_back(Json::parse(line.substr(kData.size())));
      return !go_on_ || go_on_(stream_.events.back());
    } else if (stream_.wrong.empty()) {
      stream_.wrong = line;
    }
    return true;
  }

  HttpStream& stream_;
  const std::function<bool(const Json&)>& go_on_;
  std::string rest_;
};

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

EngineOptions RunningServer::small_engine() {
  EngineOptions options;
  options.model_path = shipped_model();
  options.memory_bytes = std::size_t{512} << 20;
  options.threads = 1;
  return options;
}

ServerOptions RunningServer::any_port() {
  ServerOptions options;
  options.port = 0;
  return options;
}

RunningServer::RunningServer(EngineOptions engine, ServerOptions server)
    : engine_(value_of(Engine::start(engine))), server_(value_of(Server::start(*engine_, server))) {}

httplib::Client RunningServer::client() const {
  httplib::Client client("127.0.0.1", server_->port());
  // Less than a second: for more, httplib looks names up with getaddrinfo_a, whose thread of libc's own
  // the thread sanitizer does not survive.
  client.set_connection_timeout(0, 900'000);
  client.set_read_timeout(120s);
  return client;
}

HttpReply RunningServer::get(const std::string& path, const httplib::Headers& headers) const {
  return reply_of(client().Get(path, headers));
}

HttpReply RunningServer::post(const std::string& path, const Json& body) const {
  return post_text(path, dump(body));
}

HttpReply RunningServer::post_text(const std::string& path, const std::string& body, const std::string& type,
                                   const httplib::Headers& headers) const {
  return reply_of(client().Post(path, headers, body, type));
}

HttpStream RunningServer::stream(const std::string& path, Json body,
                                 const std::function<bool(const Json&)>& go_on) const {
  body["stream"] = true;
  HttpStream stream;
  EventReader events(stream, go_on);
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.body = dump(body);
  request.set_header("Content-Type", "application/json");
  request.response_handler = [&](const httplib::Response& response) {
    stream.status = response.status;
    stream.headers = response.headers;
    return true;
  };
  request.content_receiver = [&](const char* data, std::size_t size, std::size_t, std::size_t) {
    if (stream.status == 200) return events.push({data, size});
    stream.wrong.append(data, size);
    return true;
  };
  httplib::Client one = client();
  one.send(request);
  return stream;
}

std::string RunningServer::settle() {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  for (Engine::Status status = engine_->status();
       status.running + status.queued > 0 || status.cache.open_sessions > 0; status = engine_->status()) {
    if (std::chrono::steady_clock::now() > deadline) return "replies are still being made";
    std::this_thread::sleep_for(5ms);
  }
  return engine_->check();
}

RunningServer& shared_server() {
  static RunningServer server;
  return server;
}

Json user_message(const std::string& text) { return {{"role", "user"}, {"content", text}}; }

std::string delta_text(const Json& chunk) {
  const Json content = chunk.at("choices").at(0).at("delta").value("content", Json());
  return content.is_string() ? content.get<std::string>() : "";
}

std::vector<Token> chat_tokens(const Json& messages) {
  const Engine& engine = shared_server().engine();
  const ChatRequest request = read_chat_request({{"messages", messages}}).value();
  return engine.vocabulary().tokenize_chat(engine.chat_template().apply(request).value());
}

}  // namespace banyan
