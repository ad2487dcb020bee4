#include "banyan/server.h"

#include <httplib.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <filesystem>
#include <format>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "server/http/access.h"
#include "server/http/activity.h"
#include "server/http/body_memory.h"
#include "server/http/connections.h"
#include "server/http/http_errors.h"
#include "server/http/run_job.h"
#include "server/llama/completion.h"
#include "server/llama/props.h"
#include "server/llama/text_endpoints.h"
#include "server/openai/chat.h"
#include "server/openai/completions.h"
#include "server/openai/models.h"

namespace banyan {
namespace {

constexpr const char* kHello =
    "Banyan serves a language model here. Endpoints: /v1/chat/completions, /v1/completions, /v1/models, "
    "/completion, /tokenize, /detokenize, /apply-template, /props, /cache, /health.\n";

// Requests that are answered beside those which run or wait: questions about the cache, and requests that are
// being refused.
constexpr int kSpareThreads = 32;

// Connections that wait for their next request cost a descriptor each; so many of those that the process may
// have are for other things.
constexpr std::size_t kMostWaiting = 4096;

std::size_t most_waiting() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::min(kMostWaiting, static_cast<std::size_t>(limit.rlim_cur / 2));
}

// Bodies larger than this are read into JSON one after the other, as far as they are not small together.
constexpr std::size_t kSmallBody = std::size_t{64} << 10;
// From here on memory is given back to the system.
constexpr std::size_t kLargeBody = std::size_t{1} << 20;
// Received bodies take at most so many times the largest.
constexpr std::size_t kBodiesAtOnce = 8;

// httplib's server, without its way to wait for requests.
class HttpServer final : public httplib::Server {
 public:
  // httplib listens with a backlog of 5, so a burst of clients would wait for their SYN to be sent
  // again.
  void widen_backlog() { ::listen(svr_sock_, SOMAXCONN); }

  // Takes each new connection, on the listening thread.
  std::function<void(int socket)> take;

  // Returns whether the answer was sent whole and the connection may go on.
  bool answer(httplib::Stream& stream, const RequestHead& head) {
    bool closed = false;
    closes_ = false;
    return process_request(stream, "", 0, "", 0, head.closes, closed, nullptr) && !closes_;
  }

  // The connection ends with the answer to the request that this thread is at.
  static void close_after_answer() { closes_ = true; }
  static bool closes_after_answer() { return closes_; }

 private:
  bool process_and_close_socket(socket_t socket) override {
    take(socket);
    return true;
  }

  static inline thread_local bool closes_ = false;
};

// What the listening thread does itself.
class AtOnce final : public httplib::TaskQueue {
 public:
  bool enqueue(std::function<void()> task) override {
    task();
    return true;
  }
  void shutdown() override {}
};

}  // namespace

struct Server::Impl {
  Impl(Engine& the_engine, const ServerOptions& the_options)
      : engine(the_engine),
        options(the_options),
        context{the_engine.vocabulary(), the_engine.chat_template(), the_options.model_id,
                limits_of(the_engine)},
        bodies(the_options.max_body_bytes * kBodiesAtOnce, the_options.max_body_bytes) {
    if (context.model_id.empty()) {
      context.model_id = std::filesystem::path(engine.model().info().path).stem().string();
    }
  }

  static PromptLimits limits_of(const Engine& engine) {
    return {.tokens = static_cast<std::size_t>(engine.options().context),
            .token_bytes = engine.vocabulary().longest_token(),
            .prompts = static_cast<std::size_t>(engine.options().max_running + engine.options().max_queued)};
  }

  Result<> bind();
  void configure();
  void add_routes();

  bool admit(const httplib::Request& request, httplib::Response& response) const;
  void explain(const httplib::Request& request, httplib::Response& response) const;

  using Answering = std::function<void(const httplib::Request&, httplib::Response&)>;
  void get(const char* path, Answering answer);
  // What `read` makes of a body, which must be a JSON object; nothing: the answer says why.
  template <class T>
  std::optional<T> from_body(Result<T> (*read)(const Json&, const ModelContext&), httplib::Response& response,
                             const httplib::ContentReader& content);
  using Reading =
      std::function<void(const httplib::Request&, httplib::Response&, const httplib::ContentReader&)>;
  void post(const char* path, Reading read);
  // A POST with a JSON object as its body, that runs on the engine.
  void post_job(const char* path, Result<Job> (*read)(const Json&, const ModelContext&));
  // ... that is answered at once.
  void post_text(const char* path, Result<Json> (*answer)(const Json&, const ModelContext&));

  Engine& engine;
  const ServerOptions options;
  ModelContext context;
  const std::int64_t created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  BodyMemory bodies;
  Activity activity;
  HttpServer http;
  std::unique_ptr<Connections> connections;
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
  // A request occupies its thread while it waits or runs, so there are more threads than the engine takes
  // requests, up to a number that any machine can bear.
  const std::int64_t wanted = std::int64_t{engine.options().max_running} + engine.options().max_queued;
  const auto threads = std::min<std::int64_t>(wanted, options.max_threads) + kSpareThreads;
  const ConnectionTimes times{options.idle_timeout, options.head_timeout,
                              options.body_timeout, std::max<std::size_t>(options.body_rate, 1),
                              options.read_timeout, options.write_timeout};
  connections = std::make_unique<Connections>(
      times, static_cast<std::size_t>(threads), most_waiting(),
      [this](httplib::Stream& stream, const RequestHead& head) { return http.answer(stream, head); },
      [](int status) { return whole_response(http_error(status)); });
  http.take = [this](int socket) { connections->add(socket); };
  http.new_task_queue = [] { return new AtOnce; };
  http.set_tcp_nodelay(true);
  http.set_payload_max_length(options.max_body_bytes);
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
        } catch (const std::bad_alloc&) {
          return set_error(response, to_http({Errc::out_of_memory, "there is no memory for this request"}));
        } catch (const std::exception& error) {
          spdlog::error("{} {}: {}", request.method, request.target, error.what());
        }
        set_error(response, http_error(500));
      });
  // httplib ends the connection after every error; ours goes on where the request was read whole.
  http.set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    response.headers.erase("Keep-Alive");
    if (HttpServer::closes_after_answer() || request.get_header_value("Connection") == "close") return;
    response.headers.erase("Connection");
    const auto seconds = std::chrono::floor<std::chrono::seconds>(options.idle_timeout);
    response.set_header("Keep-Alive", std::format("timeout={}", seconds.count()));
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
  // A page elsewhere may make its visitors' browsers send requests that they do not ask leave for.
  if (is_loopback(options.host) &&
      is_foreign_page(request.get_header_value("Origin"), request.get_header_value("Sec-Fetch-Site"))) {
    set_error(response, http_error(403, "this server does not answer web pages of other machines"));
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
  if (response.status == 413) {
    return set_error(
        response, http_error(413, std::format("the body is larger than {} bytes", options.max_body_bytes)));
  }
  set_error(response, http_error(response.status, response.status == 404 ? "no such path" : ""));
}

void Server::Impl::get(const char* path, Answering answer) {
  methods[path] = "GET";
  http.Get(path, std::move(answer));
}

template <class T>
std::optional<T> Server::Impl::from_body(Result<T> (*read)(const Json&, const ModelContext&),
                                         httplib::Response& response, const httplib::ContentReader& content) {
  const auto refuse = [&](const HttpError& error) {
    set_error(response, error);
    return std::nullopt;
  };
  std::size_t bytes = 0;
  const auto read_it = [&]() -> std::optional<T> {
    std::string body;
    BodyMemory::Share share(bodies);
    bool has_room = true;
    const bool whole = content([&](const char* data, std::size_t size) {
      has_room = share.grow(size);
      if (has_room) body.append(data, size);
      return has_room;
    });
    if (!whole) HttpServer::close_after_answer();
    if (!has_room) {
      return refuse(
          to_http({Errc::out_of_memory, "other requests have too large bodies just now; try again"}));
    }
    if (!whole && response.status == 415) return refuse(http_error(415, "no such Content-Encoding is known"));
    if (!whole)
      return refuse(http_error(400, "the body is cut short, came too slowly or is wrongly encoded"));
    bytes = body.size();
    if (bytes > kSmallBody) share.wait_to_work();
    const auto json = parse_object(body);
    if (!json) return refuse(to_http(json.error()));
    auto result = read(*json, context);
    if (result) return std::move(*result);
    HttpError error = to_http(result.error());
    if (result.error().code == Errc::too_long) error.more = {{"n_ctx", context.limits.tokens}};
    return refuse(error);
  };
  std::optional<T> result = read_it();
  if (bytes >= kLargeBody) malloc_trim(0);
  return result;
}

void Server::Impl::post(const char* path, Reading read) {
  methods[path] = "POST";
  // With a reader, since httplib limits the bodies that it reads itself to 8 KiB when they are labelled as
  // curl labels them without a header.
  http.Post(path, [read](const httplib::Request& request, httplib::Response& response,
                         const httplib::ContentReader& content) {
    if (request.is_multipart_form_data()) {
      return set_error(response, http_error(400, "the body must be a JSON object, not a form"));
    }
    read(request, response, content);
  });
}

void Server::Impl::post_job(const char* path, Result<Job> (*read)(const Json&, const ModelContext&)) {
  post(path, [this, read](const auto& request, auto& response, const auto& content) {
    auto job = from_body(read, response, content);
    if (job) run_job(engine, activity, std::move(*job), options.ping_interval, request, response);
  });
}

void Server::Impl::post_text(const char* path, Result<Json> (*answer)(const Json&, const ModelContext&)) {
  post(path, [this, answer](const auto&, auto& response, const auto& content) {
    if (const auto json = from_body(answer, response, content)) set_json(response, *json);
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
    impl_->connections->stop();
  });
}

void Server::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->ended_changed.wait(lock, [&] { return impl_->ended; });
}

}  // namespace banyan
