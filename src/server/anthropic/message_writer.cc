#include "server/anthropic/message_writer.h"

#include <algorithm>
#include <utility>

#include "server/anthropic/errors.h"
#include "server/dialect/functions.h"
#include "server/dialect/ids.h"
#include "server/dialect/sealed_thought.h"

namespace banyan {
namespace {

// Clients want one, and nothing reads it where the thought is there.
constexpr const char* kSignature = "banyan";

WireEvent named(const char* type, Json more = Json::object()) {
  Json data = {{"type", type}};
  data.update(more);
  return {type, std::move(data)};
}

const char* stop_reason(const ReplyEnd& end, bool calls) {
  switch (end.finish) {
    case Finish::stop:
      return "stop_sequence";
    case Finish::length:
      return "max_tokens";
    default:
      return calls ? "tool_use" : "end_turn";
  }
}

}  // namespace

MessageWriter::MessageWriter(MessageOptions options) : options_(std::move(options)) {
  message_ = {{"id", random_id("msg_")},  {"type", "message"},        {"role", "assistant"},
              {"model", options_.model},  {"content", Json::array()}, {"stop_reason", nullptr},
              {"stop_sequence", nullptr}, {"usage", nullptr}};
}

// What was restored, what is new up to the client's last mark, and the rest, each counted once.
Json MessageWriter::usage(const Timings& timings, int generated) const {
  const SessionStats& cache = timings.cache;
  const std::size_t marked = std::min(options_.marked, cache.total);
  const std::size_t written = marked - std::min(marked, cache.restored);
  return {{"input_tokens", cache.total - cache.restored - written},
          {"cache_creation_input_tokens", written},
          {"cache_read_input_tokens", cache.restored},
          {"cache_creation", {{"ephemeral_5m_input_tokens", written}, {"ephemeral_1h_input_tokens", 0}}},
          {"output_tokens", generated},
          {"service_tier", "standard"}};
}

std::vector<WireEvent> MessageWriter::begin(const Timings& timings) {
  message_["usage"] = usage(timings, timings.generated);
  return {named("message_start", {{"message", message_}}), named("ping")};
}

std::vector<WireEvent> MessageWriter::wait() { return {named("ping")}; }

WireEvent MessageWriter::delta(Json delta) const {
  return named("content_block_delta", {{"index", index_}, {"delta", std::move(delta)}});
}

void MessageWriter::open(Block block, Json start, std::vector<WireEvent>& events) {
  close(events);
  block_ = block;
  text_.clear();
  written_ = start;
  events.push_back(named("content_block_start", {{"index", index_}, {"content_block", std::move(start)}}));
}

void MessageWriter::close(std::vector<WireEvent>& events) {
  if (block_ == Block::none) return;
  bool is_whole = true;
  if (block_ == Block::text) {
    written_["text"] = text_;
  } else if (block_ == Block::thinking) {
    const std::string signature = options_.hides_thoughts ? seal_thought(text_) : kSignature;
    events.push_back(delta({{"type", "signature_delta"}, {"signature", signature}}));
    written_["thinking"] = options_.hides_thoughts ? "" : text_;
    written_["signature"] = signature;
  } else {
    written_["input"] = read_arguments(text_);
    is_whole = !written_["input"].is_null();
  }
  // A call that broke off must not be run.
  if (is_whole) content_.push_back(std::move(written_));
  events.push_back(named("content_block_stop", {{"index", index_}}));
  block_ = Block::none;
  ++index_;
}

std::vector<WireEvent> MessageWriter::add(const ChatEvent& event) {
  std::vector<WireEvent> events;
  switch (event.kind) {
    case ChatEvent::Kind::text:
      if (block_ != Block::text) open(Block::text, {{"type", "text"}, {"text", ""}}, events);
      text_ += event.text;
      events.push_back(delta({{"type", "text_delta"}, {"text", event.text}}));
      break;
    case ChatEvent::Kind::reasoning:
      if (block_ != Block::thinking) {
        open(Block::thinking, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, events);
      }
      text_ += event.text;
      if (options_.hides_thoughts) break;
      events.push_back(delta({{"type", "thinking_delta"}, {"thinking", event.text}}));
      break;
    case ChatEvent::Kind::call:
      open(Block::call,
           {{"type", "tool_use"}, {"id", event.id}, {"name", event.name}, {"input", Json::object()}}, events);
      break;
    case ChatEvent::Kind::arguments:
      text_ += event.text;
      events.push_back(delta({{"type", "input_json_delta"}, {"partial_json", event.text}}));
      break;
    case ChatEvent::Kind::call_end:
      close(events);
      calls_ = true;
      break;
  }
  return events;
}

std::vector<WireEvent> MessageWriter::end(const ReplyEnd& end) {
  std::vector<WireEvent> events;
  close(events);
  const Json stop_sequence = end.finish == Finish::stop ? Json(end.stop_word) : Json();
  message_["content"] = std::move(content_);
  message_["stop_reason"] = stop_reason(end, calls_);
  message_["stop_sequence"] = stop_sequence;
  message_["usage"] = usage(end.timings, end.timings.generated);
  message_["usage"]["output_tokens_details"] = {{"thinking_tokens", end.reasoning_tokens}};
  const Json delta = {{"stop_reason", message_["stop_reason"]}, {"stop_sequence", stop_sequence}};
  events.push_back(named("message_delta", {{"delta", delta}, {"usage", message_["usage"]}}));
  events.push_back(named("message_stop"));
  return events;
}

std::vector<WireEvent> MessageWriter::fail(const HttpError& error) {
  return {{"error", anthropic_error(error, random_id("req_"))}};
}

Json MessageWriter::body() const { return message_; }

}  // namespace banyan
