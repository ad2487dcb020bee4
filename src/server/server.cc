#include "banyan/server.h"

#include <httplib.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <filesystem>
#include <format>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "server/access.h"
#include "server/activity.h"
#include "server/http_errors.h"
#include "server/llama_completion.h"
#include "server/model_endpoints.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/run_job.h"
#include "server/text_endpoints.h"

namespace banyan {
namespace {

constexpr const char* kHello =
    "Banyan serves a language model here. Endpoints: /v1/chat/completions, /v1/completions, /v1/models, "
    "/completion, /tokenize, /detokenize, /apply-template, /props, /cache, /health.\n";

// Connections that are served beside those whose requests run or wait: health checks, questions about
// the cache, idle clients, and requests that are being refused.
constexpr int kSpareConnections = 32;

// Bodies too large are still read up to so many times the limit: a client that is cut off while it
// sends does not see the answer.
constexpr std::size_t kDrainFactor = 16;

class HttpServer : public httplib::Server {
 public:
  // httplib listens with a backlog of 5, so a burst of clients would wait for their SYN to be sent
  // again.
  void widen_backlog() { ::listen(svr_sock_, SOMAXCONN); }
};

}  // namespace

struct Server::Impl {
  Impl(Engine& the_engine, const ServerOptions& the_options)
      : engine(the_engine),
        options(the_options),
        context{the_engine.vocabulary(), the_engine.chat_template(), the_options.model_id} {
    if (context.model_id.empty()) {
      context.model_id = std::filesystem::path(engine.model().info().path).stem().string();
    }
  }

  Result<> bind();
  void configure();
  void add_routes();

  bool admit(const httplib::Request& request, httplib::Response& response) const;
  void explain(const httplib::Request& request, httplib::Response& response) const;

  using Answering = std::function<void(const httplib::Request&, httplib::Response&)>;
  void get(const char* path, Answering answer);
  // A POST with a JSON object as its body.
  using Reading = std::function<void(const Json& body, const httplib::Request&, httplib::Response&)>;
  void post(const char* path, Reading read);
  // ... that runs on the engine.
  void post_job(const char* path, Result<Job> (*read)(const Json&, const ModelContext&));
  // ... that is answered at once.
  void post_text(const char* path, Result<Json> (*answer)(const Json&, const ModelContext&));

  Engine& engine;
  const ServerOptions options;
  ModelContext context;
  const std::int64_t created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  Activity activity;
  HttpServer http;
  std::map<std::string, std::string> methods;  // of the paths that there are
  int port = 0;
  std::thread listener;
  std::once_flag closed;
  std::mutex mutex;
  std::condition_variable ended_changed;
  bool ended = false;  // the listener has; guarded by mutex
};

Result<> Server::Impl::bind() {
  // httplib's default, SO_REUSEPORT, would let two servers share a port by accident.
  http.set_socket_options(
      [](socket_t socket) { httplib::set_socket_opt(socket, SOL_SOCKET, SO_REUSEADDR, 1); });
  errno = 0;
  if (options.port == 0) {
    port = http.bind_to_any_port(options.host);
  } else {
    port = http.bind_to_port(options.host, options.port) ? options.port : -1;
  }
  if (port < 0) {
    return fail(Errc::io, std::format("cannot listen on {}:{}: {}", options.host, options.port,
                                      errno ? std::strerror(errno) : "no such address"));
  }
  http.widen_backlog();
  return {};
}

void Server::Impl::configure() {
  // A thread for each connection. A request occupies its thread while it waits or runs, so there must be
  // more threads than the engine takes requests. They are all made at once: the pool's own growth
  // counts a thread as idle until it has woken, and in a burst a connection would be left behind
  // someone's long stream.
  const auto threads = engine.options().max_running + engine.options().max_queued + kSpareConnections;
  http.new_task_queue = [threads] { return new httplib::ThreadPool(static_cast<std::size_t>(threads)); };
  http.set_tcp_nodelay(true);
  http.set_read_timeout(options.read_timeout);
  http.set_write_timeout(options.write_timeout);
  http.set_payload_max_length(options.max_body_bytes * kDrainFactor);
  http.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    using enum httplib::Server::HandlerResponse;
    return admit(request, response) ? Unhandled : Handled;
  });
  http.set_error_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (response.body.empty()) explain(request, response);
    return httplib::Server::HandlerResponse::Handled;
  });
  http.set_exception_handler(
      [](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
          spdlog::error("{} {}: {}", request.method, request.target, error.what());
        }
        set_error(response, http_error(500));
      });
  http.set_logger([](const httplib::Request& request, const httplib::Response& response) {
    spdlog::debug("{} {} {}", request.method, request.target, response.status);
  });
}

bool Server::Impl::admit(const httplib::Request& request, httplib::Response& response) const {
  // A web page may reach loopback under a name of its own (DNS rebinding).
  const std::string host = request.get_header_value("Host");
  if (is_loopback(options.host) && !host.empty() && !is_loopback(host_of(host))) {
    set_error(response, http_error(403, "this server answers to localhost only"));
    return false;
  }
  if (options.api_key.empty() || request.path == "/health" || request.path == "/v1/health") return true;
  if (has_key(request.get_header_value("Authorization"), options.api_key)) return true;
  set_error(response, http_error(401, "a valid API key is required, as a bearer token"));
  return false;
}

void Server::Impl::explain(const httplib::Request& request, httplib::Response& response) const {
  const auto known = methods.find(request.path);
  if (response.status == 404 && known != methods.end()) {
    response.set_header("Allow", known->second);
    return set_error(response, http_error(405, request.path + " takes " + known->second));
  }
  set_error(response, http_error(response.status, response.status == 404 ? "no such path" : ""));
}

void Server::Impl::get(const char* path, Answering answer) {
  methods[path] = "GET";
  http.Get(path, std::move(answer));
}

void Server::Impl::post(const char* path, Reading read) {
  methods[path] = "POST";
  // With a reader, since httplib limits the bodies that it reads itself to 8 KiB when they are labelled as
  // curl labels them without a header.
  http.Post(path, [this, read](const httplib::Request& request, httplib::Response& response,
                               const httplib::ContentReader& content) {
    if (request.is_multipart_form_data()) {
      return set_error(response, http_error(400, "the body must be a JSON object"));
    }
    std::string body;
    bool fits = true;
    const bool whole = content([&](const char* data, std::size_t size) {
      fits = fits && size <= options.max_body_bytes - body.size();
      if (fits) body.append(data, size);
      return true;
    });
    if (!fits) {
      return set_error(
          response, http_error(413, std::format("the body is larger than {} bytes", options.max_body_bytes)));
    }
    if (!whole) return set_error(response, http_error(400, "the body could not be read"));
    const auto json = parse_object(body);
    if (!json) return set_error(response, to_http(json.error()));
    read(*json, request, response);
  });
}

void Server::Impl::post_job(const char* path, Result<Job> (*read)(const Json&, const ModelContext&)) {
  post(path, [this, read](const Json& body, const httplib::Request& request, httplib::Response& response) {
    auto job = read(body, context);
    if (!job) return set_error(response, to_http(job.error()));
    run_job(engine, activity, std::move(*job), options.ping_interval, request, response);
  });
}

void Server::Impl::post_text(const char* path, Result<Json> (*answer)(const Json&, const ModelContext&)) {
  post(path, [this, answer](const Json& body, const httplib::Request&, httplib::Response& response) {
    const auto json = answer(body, context);
    if (!json) return set_error(response, to_http(json.error()));
    set_json(response, *json);
  });
}

void Server::Impl::add_routes() {
  get("/", [](const auto&, auto& response) {
    response.status = 200;
    response.set_content(kHello, "text/plain");
  });
  for (const char* path : {"/health", "/v1/health"}) {
    get(path, [this](const auto&, auto& response) {
      if (activity.refuses())
        return set_error(response, to_http({Errc::cancelled, "the server is stopping"}));
      set_json(response, {{"status", "ok"}});
    });
  }
  get("/v1/models", [this](const auto&, auto& response) {
    set_json(response, models_json(engine, context.model_id, created));
  });
  get("/v1/models/:model", [this](const auto& request, auto& response) {
    const std::string& id = request.path_params.at("model");
    if (id == context.model_id) return set_json(response, model_json(engine, id, created));
    HttpError error = http_error(404, std::format("there is no model \"{}\" here", id));
    error.param = "model";
    error.code = "model_not_found";
    set_error(response, error);
  });
  get("/props",
      [this](const auto&, auto& response) { set_json(response, props_json(engine, context.model_id)); });
  get("/cache", [this](const auto&, auto& response) {
    response.status = 200;
    response.set_content(engine.dump_cache_json(), "application/json");
  });
  // llama-server's names without /v1: its own completion, and OpenAI's chat.
  post_job("/v1/chat/completions", read_openai_chat);
  post_job("/chat/completions", read_openai_chat);
  post_job("/v1/completions", read_openai_completion);
  post_job("/completion", read_llama_completion);
  post_job("/completions", read_llama_completion);
  post_text("/tokenize", tokenize);
  post_text("/detokenize", detokenize);
  post_text("/apply-template", apply_template);
}

Server::Server() = default;

Result<std::unique_ptr<Server>> Server::start(Engine& engine, const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server());
  server->impl_ = std::make_unique<Impl>(engine, options);
  Impl& impl = *server->impl_;
  if (auto bound = impl.bind(); !bound) return std::unexpected(bound.error());
  impl.configure();
  impl.add_routes();
  impl.listener = std::thread([&impl] {
    impl.http.listen_after_bind();
    const std::lock_guard lock(impl.mutex);
    impl.ended = true;
    impl.ended_changed.notify_all();
  });
  impl.http.wait_until_ready();
  return server;
}

Server::~Server() {
  if (impl_->listener.joinable()) stop(false);
}

int Server::port() const { return impl_->port; }

std::string Server::url() const {
  const std::string& host = impl_->options.host;
  return std::format("http://{}:{}", host.contains(':') ? "[" + host + "]" : host, impl_->port);
}

void Server::stop(bool drain) {
  drain ? impl_->activity.refuse() : impl_->activity.hurry();
  impl_->activity.wait_until_idle();
  std::call_once(impl_->closed, [this] {
    impl_->http.stop();
    impl_->listener.join();
  });
}

void Server::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->ended_changed.wait(lock, [&] { return impl_->ended; });
}

}  // namespace banyan
