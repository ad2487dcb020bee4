#include "server/http/run_job.h"

#include <spdlog/spdlog.h>

#include <cstddef>
#include <exception>
#include <format>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/http/respond.h"
#include "server/http/stream_writer.h"

namespace banyan {
namespace {

using namespace std::chrono_literals;

// How soon a client's going away is noticed while the engine has nothing for it.
constexpr auto kPollInterval = 50ms;

std::unexpected<Error> gone() { return fail(Errc::cancelled, "the client went away"); }

// A job at work.
struct Run {
  Activity* activity;
  Activity::Permit permit;
  std::unique_ptr<Answer> answer;
  std::vector<Generation> generations;  // one for each prompt
};

std::expected<std::vector<Generation>, HttpError> submit(Engine& engine, std::vector<Request> requests) {
  const auto most = static_cast<std::size_t>(engine.options().max_running + engine.options().max_queued);
  if (requests.size() > most) {
    return std::unexpected(to_http(
        {Errc::invalid_argument, std::format("prompt must have at most {} prompts", most), "prompt"}));
  }
  std::vector<Generation> generations;
  for (Request& request : requests) {
    const std::size_t tokens = request.prompt.size();
    auto generation = engine.submit(std::move(request));
    if (!generation) {
      HttpError error = to_http(generation.error());
      if (generation.error().code == Errc::too_long) {
        const auto context = static_cast<std::size_t>(engine.options().context);
        error.more = {{"n_prompt_tokens", tokens}, {"n_ctx", context}};
        // One that fits the context may yet not fit the memory.
        if (tokens >= context) error.message = too_long_message("", tokens, context);
      }
      return std::unexpected(std::move(error));
    }
    generations.push_back(std::move(*generation));
  }
  return generations;
}

// Hands every delta to `take`, one prompt after the other (all are at work meanwhile), and calls
// `poll` at least every kPollInterval. Returns the first error of either, or of the engine.
Result<> follow(Run& run, const std::function<Result<>(std::size_t prompt, const Delta&)>& take,
                const std::function<Result<>()>& poll) {
  for (std::size_t prompt = 0; prompt < run.generations.size(); ++prompt) {
    for (bool more = true; more;) {
      if (auto alive = poll(); !alive) return alive;
      if (run.activity->hurries()) return fail(Errc::cancelled, "the server is stopping");
      Delta delta;
      switch (run.generations[prompt].next_for(kPollInterval, delta)) {
        case Generation::Wait::pending:
          break;
        case Generation::Wait::done:
          more = false;
          break;
        case Generation::Wait::ready:
          if (delta.finish == Finish::error) return std::unexpected(delta.error.value());
          if (auto taken = take(prompt, delta); !taken) return taken;
      }
    }
  }
  if (!run.answer->is_complete()) return fail(Errc::internal, "the reply broke off");
  return {};
}

// Sends the job's events until the end, an error or the client's going.
void stream(Run& run, std::chrono::milliseconds ping_interval, StreamWriter& writer,
            const std::function<bool()>& is_alive) {
  const auto send = [&](const std::vector<WireEvent>& events) -> Result<> {
    for (const WireEvent& event : events) {
      if (!writer.write(event)) return gone();
    }
    return {};
  };
  auto end = follow(
      run, [&](std::size_t prompt, const Delta& delta) { return send(run.answer->add(prompt, delta)); },
      [&]() -> Result<> { return is_alive() && writer.ping(ping_interval) ? Result<>() : gone(); });
  if (end) end = send(run.answer->closing());
  // Who is gone gets nothing of this.
  if (!end) end = send(run.answer->breaking_off(to_http(end.error())));
  writer.end();
}

}  // namespace

void run_job(Engine& engine, Activity& activity, Job job, std::chrono::milliseconds ping_interval,
             const httplib::Request& request, httplib::Response& response) {
  Activity::Permit permit = activity.begin();
  if (!permit) return set_error(request, response, to_http({Errc::cancelled, "the server is stopping"}));
  auto generations = submit(engine, std::move(job.requests));
  if (!generations) return set_error(request, response, generations.error());
  auto run = std::make_shared<Run>(
      Run{&activity, std::move(permit), std::move(job.answer), std::move(*generations)});

  // A client that has asked may have ended its sending direction, and waits for the answer. Its going away
  // cannot be told from that until something is sent. An end that comes later is taken for its going away.
  const auto is_alive = [ended = request.is_connection_closed(), closed = request.is_connection_closed] {
    return ended || !closed();
  };
  if (run->answer->streams()) {
    response.status = 200;
    response.set_header("Cache-Control", "no-cache");
    response.set_header("X-Accel-Buffering", "no");
    const auto send = [run, ping_interval, is_alive](std::size_t, httplib::DataSink& sink) {
      StreamWriter writer(run->answer->form(),
                          [&](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); });
      try {
        stream(*run, ping_interval, writer, is_alive);
      } catch (const std::exception& error) {
        // Thrown further, it would end the connection without a word to the client.
        spdlog::error("in a stream: {}", error.what());
        for (const WireEvent& event : run->answer->breaking_off(http_error(500))) writer.write(event);
      }
      sink.done();
      return true;
    };
    // HTTP/1.0 knows no chunks: there the connection's end is the answer's.
    const char* type = run->answer->form().content_type();
    if (request.version == "HTTP/1.0") {
      response.set_content_provider(type, send);
    } else {
      response.set_chunked_content_provider(type, send);
    }
    return;
  }
  const auto end = follow(
      *run,
      [&](std::size_t prompt, const Delta& delta) -> Result<> {
        run->answer->add(prompt, delta);
        return {};
      },
      [&]() -> Result<> { return is_alive() ? Result<>() : gone(); });
  if (!end) return set_error(request, response, to_http(end.error()));
  set_json(response, run->answer->body());
}

}  // namespace banyan
