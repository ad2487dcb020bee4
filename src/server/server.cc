#include "banyan/server.h"

#include <httplib.h>
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
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "server/anthropic/endpoints.h"
#include "server/anthropic/models.h"
#include "server/dialect/ids.h"
#include "server/dialects.h"
#include "server/http/activity.h"
#include "server/http/body_memory.h"
#include "server/http/connections.h"
#include "server/http/gate.h"
#include "server/http/http_errors.h"
#include "server/http/http_server.h"
#include "server/http/json_body.h"
#include "server/http/paths.h"
#include "server/http/respond.h"
#include "server/http/run_job.h"
#include "server/llama/completion.h"
#include "server/llama/props.h"
#include "server/llama/text_endpoints.h"
#include "server/ollama/endpoints.h"
#include "server/ollama/models.h"
#include "server/openai/chat.h"
#include "server/openai/completions.h"
#include "server/openai/models.h"
#include "server/request_defaults.h"
#include "server/responses/endpoints.h"
#include "server/responses/response_store.h"
#include "server/responses/stored_responses.h"

namespace banyan {
namespace {

constexpr const char* kHello =
    "Ollama is running, or what its clients take for it: Banyan serves a language model here. Endpoints: "
    "/v1/chat/completions, /v1/responses, /v1/completions, "
    "/v1/messages, /v1/models, /api/chat, /api/generate, /completion, /infill, /tokenize, /detokenize, "
    "/apply-template, /props, /cache, /health.\n";

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

// Received bodies take at most so many times the largest.
constexpr std::size_t kBodiesAtOnce = 8;

// Of responses that are kept for clients to go on from.
constexpr std::size_t kResponseBytes = std::size_t{64} << 20;

constexpr std::string_view kModels = "/v1/models/";

// All but chats works then.
void warn_of_refusing_template(const ModelContext& context) {
  ChatRequest chat{.messages = {{.role = Role::user, .content = {{.text = "hi"}}}}};
  fill_in(chat, context.defaults);
  const auto prompt = context.chat_template.apply(chat);
  if (!prompt) spdlog::warn("chats will fail: {}, a lone message of the user's", prompt.error().message);
}

HttpError no_model(const std::string& id) {
  HttpError error = http_error(404, std::format("there is no model \"{}\" here", id.substr(0, 80)));
  error.param = "model";
  error.code = "model_not_found";
  return error;
}

}  // namespace

struct Server::Impl {
  Impl(Engine& the_engine, const ServerOptions& the_options)
      : engine(the_engine),
        options(the_options),
        context{the_engine.vocabulary(), the_engine.chat_template(),          the_options.model_id,
                limits_of(the_engine),   form_of(the_engine.chat_template()), the_options.defaults},
        gate(options),
        bodies(the_options.max_body_bytes * kBodiesAtOnce, the_options.max_body_bytes) {
    if (context.model_id.empty()) {
      context.model_id = std::filesystem::path(engine.model().info().path).stem().string();
    }
  }

  static ReplyForm form_of(const ChatTemplate& chat_template) {
    return learn_reply_form(
        [&](const ChatRequest& request) { return chat_template.apply(request).value_or(""); },
        chat_template.source());
  }

  static PromptLimits limits_of(const Engine& engine) {
    return {.tokens = static_cast<std::size_t>(engine.options().context),
            .token_bytes = engine.vocabulary().longest_token(),
            .prompts = static_cast<std::size_t>(engine.options().max_running + engine.options().max_queued)};
  }

  Result<> bind();
  void configure();
  void add_routes();
  void add_model_routes();
  void add_response_routes();
  void add_message_routes();
  void add_ollama_routes();

  void explain(const httplib::Request& request, httplib::Response& response) const;

  using Answering = std::function<void(const httplib::Request&, httplib::Response&)>;
  void get(const char* path, Answering answer);
  // What a body is read as, which must be a JSON object.
  template <class T>
  using Read = std::function<Result<T>(const Json&, const ModelContext&)>;
  template <class T>
  using Use = std::function<void(T, const httplib::Request&, httplib::Response&)>;
  template <class T>
  void post(const char* path, Read<T> read, Use<T> use);
  // A POST that runs on the engine.
  void post_job(const char* path, Read<Job> read);
  // ... that is answered at once.
  void post_text(const char* path, Read<Json> answer);
  // Ollama's, which runs on the engine or is answered at once.
  void post_ollama_job(const char* path, Read<OllamaJob> read);
  void response_by_id(const httplib::Request& request, httplib::Response& response,
                      const std::function<void(const std::string&, Json)>& use);
  OllamaModel ollama_model() const;

  Engine& engine;
  const ServerOptions options;
  ModelContext context;
  const std::int64_t created = unix_seconds();
  ResponseStore responses{kResponseBytes};
  const Gate gate;
  BodyMemory bodies;
  Activity activity;
  HttpServer http;
  std::unique_ptr<Connections> connections;
  Paths paths;
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
    gate.open_to_page(request, response);
    if (const auto refusal = gate.refusal(request)) {
      set_error(request, response, *refusal);
      return Handled;
    }
    const std::string methods = paths.methods(request.path);
    if (request.method != "OPTIONS" || methods.empty()) return Unhandled;
    gate.answer_options(request, methods, response);
    return Handled;
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
          return set_error(request, response,
                           to_http({Errc::out_of_memory, "there is no memory for this request"}));
        } catch (const std::exception& error) {
          spdlog::error("{} {}: {}", request.method, request.target, error.what());
        }
        set_error(request, response, http_error(500));
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

void Server::Impl::explain(const httplib::Request& request, httplib::Response& response) const {
  const std::string methods = paths.methods(request.path);
  if (response.status == 404 && !methods.empty()) {
    response.set_header("Allow", methods);
    return set_error(request, response, http_error(405, request.path + " takes " + methods));
  }
  if (response.status == 413) {
    return set_error(
        request, response,
        http_error(413, std::format("the body is larger than {} bytes", options.max_body_bytes)));
  }
  const bool is_missing = response.status == 404;
  set_error(request, response,
            http_error(response.status,
                       is_missing ? paths.missing(request.path, dialect_folder(request.path)) : ""));
}

void Server::Impl::get(const char* path, Answering answer) {
  paths.add(path, "GET");
  http.Get(path, std::move(answer));
}

template <class T>
void Server::Impl::post(const char* path, Read<T> read, Use<T> use) {
  paths.add(path, "POST");
  // With a reader, since httplib limits the bodies that it reads itself to 8 KiB when they are labelled as
  // curl labels them without a header.
  http.Post(path, [this, read, use](const httplib::Request& request, httplib::Response& response,
                                    const httplib::ContentReader& content) {
    if (request.is_multipart_form_data()) {
      return set_error(request, response, http_error(400, "the body must be a JSON object, not a form"));
    }
    std::optional<T> result;
    const auto error = with_json_body(bodies, content, response, [&](const Json& json) {
      auto taken = read(json, context);
      if (taken) {
        result = std::move(*taken);
        return std::optional<HttpError>();
      }
      HttpError wrong = to_http(taken.error());
      if (taken.error().code == Errc::too_long) wrong.more = {{"n_ctx", context.limits.tokens}};
      return std::optional(std::move(wrong));
    });
    if (error) return set_error(request, response, *error);
    use(std::move(*result), request, response);
  });
}

void Server::Impl::post_job(const char* path, Read<Job> read) {
  post<Job>(path, std::move(read), [this](Job job, const auto& request, auto& response) {
    run_job(engine, activity, std::move(job), options.ping_interval, request, response);
  });
}

void Server::Impl::post_text(const char* path, Read<Json> answer) {
  post<Json>(path, std::move(answer),
             [](const Json& json, const auto&, auto& response) { set_json(response, json); });
}

void Server::Impl::add_routes() {
  get("/", [](const auto&, auto& response) {
    response.status = 200;
    response.set_content(kHello, "text/plain");
  });
  for (const char* path : {"/health", "/v1/health"}) {
    get(path, [this](const auto& request, auto& response) {
      if (activity.refuses())
        return set_error(request, response, to_http({Errc::cancelled, "the server is stopping"}));
      set_json(response, {{"status", "ok"}});
    });
  }
  get("/props", [this](const auto&, auto& response) { set_json(response, props_json(engine, context)); });
  get("/cache", [this](const auto&, auto& response) {
    response.status = 200;
    response.set_content(engine.dump_cache_json(), "application/json");
  });
  // llama-server's names without /v1: its own completion, and OpenAI's chat.
  post_job("/v1/chat/completions", read_openai_chat);
  post_job("/chat/completions", read_openai_chat);
  post_text("/v1/chat/completions/input_tokens", count_openai_chat);
  post_text("/chat/completions/input_tokens", count_openai_chat);
  post_job("/v1/completions", read_openai_completion);
  post_job("/completion", read_llama_completion);
  post_job("/completions", read_llama_completion);
  post_job("/infill", read_llama_infill);
  post_text("/tokenize", tokenize);
  post_text("/detokenize", detokenize);
  post_text("/apply-template", apply_template);
  add_model_routes();
  add_response_routes();
  add_message_routes();
  add_ollama_routes();
}

// Anthropic's clients, which say the version of their dialect, have their own form.
void Server::Impl::add_model_routes() {
  const auto is_anthropic = [](const httplib::Request& request) {
    return request.has_header("anthropic-version");
  };
  for (const char* path : {"/v1/models", "/models"}) {
    get(path, [this, is_anthropic](const auto& request, auto& response) {
      set_json(response, is_anthropic(request) ? anthropic_models_json(context.model_id, created)
                                               : models_json(engine, context.model_id, created));
    });
  }
  const auto one = [this, is_anthropic](const httplib::Request& request, httplib::Response& response) {
    const std::string id = request.path.substr(kModels.size());
    if (id != context.model_id) return set_error(request, response, no_model(id));
    set_json(response,
             is_anthropic(request) ? anthropic_model_json(id, created) : model_json(engine, id, created));
  };
  get("/v1/models/:model", one);
  // A name may have folders, which the pattern does not match.
  if (context.model_id.contains('/')) {
    paths.add(std::string(kModels) + context.model_id, "GET");
    http.Get(std::string(kModels) + ".+", one);
  }
}

void Server::Impl::response_by_id(const httplib::Request& request, httplib::Response& response,
                                  const std::function<void(const std::string&, Json)>& use) {
  const std::string& id = request.path_params.at("id");
  Json kept = responses.response(id);
  if (!kept.is_null()) return use(id, std::move(kept));
  HttpError error = http_error(404, std::format("there is no response \"{}\" here", id.substr(0, 80)));
  error.code = "response_not_found";
  set_error(request, response, error);
}

void Server::Impl::add_response_routes() {
  post_job("/v1/responses", [this](const Json& body, const ModelContext& of_model) {
    return responses_job(body, of_model, responses);
  });
  post_text("/v1/responses/input_tokens", [this](const Json& body, const ModelContext& of_model) {
    return count_response_tokens(body, of_model, responses);
  });
  get("/v1/responses/:id", [this](const auto& request, auto& response) {
    response_by_id(request, response,
                   [&](const std::string&, const Json& kept) { set_json(response, kept); });
  });
  get("/v1/responses/:id/input_items", [this](const auto& request, auto& response) {
    response_by_id(request, response, [&](const std::string& id, const Json&) {
      const auto items = input_items_json(responses.input(id), {.limit = request.get_param_value("limit"),
                                                                .order = request.get_param_value("order"),
                                                                .after = request.get_param_value("after")});
      items ? set_json(response, *items) : set_error(request, response, to_http(items.error()));
    });
  });
  paths.add("/v1/responses/:id", "DELETE");
  http.Delete("/v1/responses/:id", [this](const auto& request, auto& response) {
    response_by_id(request, response, [&](const std::string& id, const Json&) {
      responses.erase(id);
      set_json(response, deleted_json(id));
    });
  });
}

void Server::Impl::add_message_routes() {
  post_job("/v1/messages", messages_job);
  post_text("/v1/messages/count_tokens", count_message_tokens);
}

OllamaModel Server::Impl::ollama_model() const {
  const ModelInfo& info = engine.model().info();
  std::vector<std::string> capabilities = {"completion", "tools"};
  if (!context.reply_form.reasoning.end.empty()) capabilities.emplace_back("thinking");
  if (context.vocabulary.infill_tokens()) capabilities.emplace_back("insert");
  return {.id = context.model_id,
          .architecture = info.architecture,
          .quantization = info.quantization,
          .chat_template = context.chat_template.source(),
          .parameters = info.parameters,
          .file_bytes = info.file_bytes,
          .modified = created,
          .context = engine.options().context,
          .embedding = info.embedding,
          .capabilities = std::move(capabilities)};
}

void Server::Impl::post_ollama_job(const char* path, Read<OllamaJob> read) {
  post<OllamaJob>(path, std::move(read), [this](OllamaJob job, const auto& request, auto& response) {
    if (const Json* at_once = std::get_if<Json>(&job)) return set_json(response, *at_once);
    run_job(engine, activity, std::get<Job>(std::move(job)), options.ping_interval, request, response);
  });
}

void Server::Impl::add_ollama_routes() {
  get("/api/version", [](const auto&, auto& response) { set_json(response, ollama_version_json()); });
  get("/api/tags",
      [this](const auto&, auto& response) { set_json(response, ollama_tags_json(ollama_model())); });
  get("/api/ps", [this](const auto&, auto& response) { set_json(response, ollama_ps_json(ollama_model())); });
  post_ollama_job("/api/chat", ollama_chat_job);
  post_ollama_job("/api/generate", ollama_generate_job);
  post_text("/api/show",
            [this](const Json& body, const ModelContext&) { return ollama_show_json(body, ollama_model()); });
  post<PullAnswer>(
      "/api/pull",
      [this](const Json& body, const ModelContext&) { return ollama_pull(body, ollama_model()); },
      [](const PullAnswer& answer, const auto&, auto& response) {
        if (!answer.streams) return set_json(response, answer.objects.back());
        std::string lines;
        for (const Json& object : answer.objects) lines += json_lines().write({.name = "", .data = object});
        response.status = 200;
        response.set_content(lines, json_lines().content_type());
      });
}

Server::Server() = default;

Result<std::unique_ptr<Server>> Server::start(Engine& engine, const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server());
  server->impl_ = std::make_unique<Impl>(engine, options);
  Impl& impl = *server->impl_;
  if (auto bound = impl.bind(); !bound) return std::unexpected(bound.error());
  impl.configure();
  impl.add_routes();
  warn_of_refusing_template(impl.context);
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
