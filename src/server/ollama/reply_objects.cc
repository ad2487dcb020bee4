#include "server/ollama/reply_objects.h"

#include <chrono>
#include <cstdint>
#include <format>
#include <utility>

#include "server/dialect/functions.h"

namespace banyan {
namespace {

std::string now() {
  return std::format(
      "{:%FT%T}Z", std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()));
}

std::int64_t nanoseconds(double ms) { return static_cast<std::int64_t>(ms * 1e6); }

Json counts(const ReplyEnd& end) {
  const Timings& t = end.timings;
  return {{"done_reason", end.finish == Finish::length ? "length" : "stop"},
          {"done", true},
          {"total_duration", nanoseconds(t.queue_ms + t.prompt_ms + t.generate_ms)},
          {"load_duration", nanoseconds(t.queue_ms)},
          {"prompt_eval_count", t.cache.total},
          {"prompt_eval_duration", nanoseconds(t.prompt_ms)},
          {"eval_count", t.generated},
          {"eval_duration", nanoseconds(t.generate_ms)}};
}

}  // namespace

Json OllamaWriter::object(const Said& said, Json rest) const {
  Json json = {{"model", options_.model}, {"created_at", now()}};
  if (options_.is_chat) {
    Json& message = json["message"] = {{"role", "assistant"}, {"content", said.text}};
    if (!said.thought.empty()) message["thinking"] = said.thought;
    if (!said.calls.empty()) message["tool_calls"] = said.calls;
  } else {
    json["response"] = said.text;
    if (!said.thought.empty()) json["thinking"] = said.thought;
  }
  json.update(rest);
  return json;
}

std::vector<WireEvent> OllamaWriter::begin(const Timings&) { return {}; }

std::vector<WireEvent> OllamaWriter::add(const ChatEvent& event) {
  Said piece;
  std::vector<WireEvent> events;
  if (event.kind != ChatEvent::Kind::arguments && event.kind != ChatEvent::Kind::call_end)
    give_up_call(events);
  switch (event.kind) {
    case ChatEvent::Kind::text:
      piece.text = event.text;
      said_.text += event.text;
      break;
    case ChatEvent::Kind::reasoning:
      piece.thought = event.text;
      said_.thought += event.text;
      break;
    case ChatEvent::Kind::call:
      id_ = event.id;
      name_ = event.name;
      arguments_.clear();
      return events;
    case ChatEvent::Kind::arguments:
      arguments_ += event.text;
      return events;
    case ChatEvent::Kind::call_end:
      Json function = {
          {"index", said_.calls.size()}, {"name", name_}, {"arguments", read_arguments(arguments_)}};
      piece.calls.push_back({{"id", id_}, {"function", std::move(function)}});
      said_.calls.push_back(piece.calls.front());
      name_.clear();
      break;
  }
  events.push_back({"", object(piece, {{"done", false}})});
  return events;
}

void OllamaWriter::give_up_call(std::vector<WireEvent>& events) {
  if (name_.empty()) return;
  const Said piece{.text = std::exchange(name_, {}) + arguments_};
  said_.text += piece.text;
  events.push_back({"", object(piece, {{"done", false}})});
}

std::vector<WireEvent> OllamaWriter::end(const ReplyEnd& end) {
  std::vector<WireEvent> events;
  give_up_call(events);
  counts_ = counts(end);
  if (!options_.context.empty()) {
    std::vector<Token>& context = options_.context;
    context.insert(context.end(), end.tokens.begin(), end.tokens.end());
    counts_["context"] = context;
  }
  events.push_back({"", object({}, counts_)});
  return events;
}

std::vector<WireEvent> OllamaWriter::fail(const HttpError& error) { return {{"", ollama_error(error)}}; }

Json OllamaWriter::body() const { return object(said_, counts_); }

Json ollama_loaded_json(const OllamaOptions& options, bool unloads) {
  Json json = {{"model", options.model}, {"created_at", now()}};
  if (options.is_chat) {
    json["message"] = {{"role", "assistant"}, {"content", ""}};
  } else {
    json["response"] = "";
  }
  json.update({{"done", true}, {"done_reason", unloads ? "unload" : "load"}});
  return json;
}

Json ollama_error(const HttpError& error) { return {{"error", error.message}}; }

}  // namespace banyan
