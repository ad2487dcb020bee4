#include "server/responses/response_writer.h"

#include <utility>

#include "server/dialect/ids.h"
#include "server/dialect/sealed_thought.h"

namespace banyan {
namespace {

Json usage(const ReplyEnd& end) {
  const SessionStats& cache = end.timings.cache;
  const auto output = static_cast<std::size_t>(end.timings.generated);
  return {{"input_tokens", cache.total},
          {"input_tokens_details",
           {{"cached_tokens", cache.restored}, {"cache_write_tokens", cache.total - cache.restored}}},
          {"output_tokens", output},
          {"output_tokens_details", {{"reasoning_tokens", end.reasoning_tokens}}},
          {"total_tokens", cache.total + output}};
}

}  // namespace

// An item of text, and what the events about its one part are called.
struct ResponseWriter::TextForm {
  const char* item;
  const char* id_prefix;
  const char* parts;  // the item's array of them
  const char* index;
  const char* part;
  const char* added;
  const char* delta;
  const char* text_done;
  const char* done;

  Json part_of(const std::string& text) const {
    Json json = {{"type", part}, {"text", text}};
    if (this == &kMessage) json.update({{"annotations", Json::array()}, {"logprobs", Json::array()}});
    return json;
  }
};

const ResponseWriter::TextForm ResponseWriter::kMessage = {"message",
                                                           "msg_",
                                                           "content",
                                                           "content_index",
                                                           "output_text",
                                                           "response.content_part.added",
                                                           "response.output_text.delta",
                                                           "response.output_text.done",
                                                           "response.content_part.done"};
const ResponseWriter::TextForm ResponseWriter::kThought = {"reasoning",
                                                           "rs_",
                                                           "content",
                                                           "content_index",
                                                           "reasoning_text",
                                                           "response.content_part.added",
                                                           "response.reasoning_text.delta",
                                                           "response.reasoning_text.done",
                                                           "response.content_part.done"};
const ResponseWriter::TextForm ResponseWriter::kSummary = {"reasoning",
                                                           "rs_",
                                                           "summary",
                                                           "summary_index",
                                                           "summary_text",
                                                           "response.reasoning_summary_part.added",
                                                           "response.reasoning_summary_text.delta",
                                                           "response.reasoning_summary_text.done",
                                                           "response.reasoning_summary_part.done"};

ResponseWriter::ResponseWriter(ResponseOptions options) : options_(std::move(options)) {
  response_ = {{"id", random_id("resp_")},      {"object", "response"},
               {"created_at", unix_seconds()},  {"status", "in_progress"},
               {"background", false},           {"error", nullptr},
               {"incomplete_details", nullptr}, {"model", options_.model},
               {"output", Json::array()},       {"usage", nullptr}};
  response_.update(std::exchange(options_.echo, {}));
}

void ResponseWriter::tell(const std::string& type, Json more, std::vector<WireEvent>& events) {
  Json data = {{"type", type}, {"sequence_number", sequence_++}};
  data.update(more);
  events.push_back({type, std::move(data)});
}

void ResponseWriter::tell_response(const std::string& type, std::vector<WireEvent>& events) {
  tell(type, {{"response", response_}}, events);
}

void ResponseWriter::tell_item(const std::string& type, Json more, std::vector<WireEvent>& events) {
  Json data = {{"item_id", item_["id"]}, {"output_index", response_["output"].size()}};
  data.update(more);
  tell(type, std::move(data), events);
}

void ResponseWriter::tell_part(const std::string& type, Json more, std::vector<WireEvent>& events) {
  Json data = {{form_->index, 0}};
  data.update(more);
  tell_item(type, std::move(data), events);
}

void ResponseWriter::open(Json item, std::vector<WireEvent>& events) {
  // Of calls, only call_end closes one that is whole.
  close(form_ ? "completed" : "incomplete", events);
  item_ = std::move(item);
  text_.clear();
  tell("response.output_item.added", {{"output_index", response_["output"].size()}, {"item", item_}}, events);
}

void ResponseWriter::open_text(const TextForm& form, std::vector<WireEvent>& events) {
  Json item = {{"id", random_id(form.id_prefix)}, {"type", form.item}, {"status", "in_progress"}};
  if (&form == &kMessage) item["role"] = "assistant";
  if (&form != &kMessage) item["summary"] = Json::array();
  item[form.parts] = Json::array();
  open(std::move(item), events);
  form_ = &form;
  tell_part(form.added, {{"part", form.part_of("")}}, events);
}

void ResponseWriter::open_call(const ChatEvent& call, std::vector<WireEvent>& events) {
  const SpacedName function = options_.names.for_client(call.name);
  Json item = {{"id", random_id("fc_")}, {"type", "function_call"}, {"status", "in_progress"},
               {"arguments", ""},        {"call_id", call.id},      {"name", function.name}};
  if (!function.space.empty()) item["namespace"] = function.space;
  open(std::move(item), events);
  form_ = nullptr;
}

void ResponseWriter::add_text(const TextForm& form, const std::string& text, std::vector<WireEvent>& events) {
  if (item_.is_null() || form_ != &form) open_text(form, events);
  text_ += text;
  Json delta = {{"delta", text}};
  if (&form == &kMessage) delta["logprobs"] = Json::array();
  tell_part(form.delta, std::move(delta), events);
}

void ResponseWriter::close_text(std::vector<WireEvent>& events) {
  Json whole = {{"text", text_}};
  if (form_ == &kMessage) whole["logprobs"] = Json::array();
  tell_part(form_->text_done, std::move(whole), events);
  tell_part(form_->done, {{"part", form_->part_of(text_)}}, events);
  item_[form_->parts].push_back(form_->part_of(text_));
  if (form_ != &kMessage && options_.seals_thoughts) item_["encrypted_content"] = seal_thought(text_);
}

void ResponseWriter::close_call(std::vector<WireEvent>& events) {
  item_["arguments"] = text_;
  tell_item("response.function_call_arguments.done", {{"name", item_["name"]}, {"arguments", text_}}, events);
}

void ResponseWriter::close(const char* status, std::vector<WireEvent>& events) {
  if (item_.is_null()) return;
  form_ ? close_text(events) : close_call(events);
  item_["status"] = status;
  tell("response.output_item.done", {{"output_index", response_["output"].size()}, {"item", item_}}, events);
  response_["output"].push_back(std::exchange(item_, nullptr));
}

std::vector<WireEvent> ResponseWriter::begin(const Timings&) {
  std::vector<WireEvent> events;
  tell_response("response.created", events);
  tell_response("response.in_progress", events);
  return events;
}

std::vector<WireEvent> ResponseWriter::wait() {
  std::vector<WireEvent> events;
  tell_response("response.in_progress", events);
  return events;
}

std::vector<WireEvent> ResponseWriter::add(const ChatEvent& event) {
  std::vector<WireEvent> events;
  switch (event.kind) {
    case ChatEvent::Kind::text:
      add_text(kMessage, event.text, events);
      break;
    case ChatEvent::Kind::reasoning:
      add_text(options_.summarizes_thoughts ? kSummary : kThought, event.text, events);
      break;
    case ChatEvent::Kind::call:
      open_call(event, events);
      break;
    case ChatEvent::Kind::arguments:
      text_ += event.text;
      tell_item("response.function_call_arguments.delta", {{"delta", event.text}}, events);
      break;
    case ChatEvent::Kind::call_end:
      close("completed", events);
      break;
  }
  return events;
}

std::vector<WireEvent> ResponseWriter::end(const ReplyEnd& end) {
  std::vector<WireEvent> events;
  const bool is_cut = end.finish == Finish::length;
  const char* status = is_cut ? "incomplete" : "completed";
  close(form_ ? status : "incomplete", events);
  response_["status"] = status;
  if (is_cut) response_["incomplete_details"] = {{"reason", "max_output_tokens"}};
  response_["usage"] = usage(end);
  if (options_.ended) options_.ended(response_);
  tell_response(is_cut ? "response.incomplete" : "response.completed", events);
  return events;
}

std::vector<WireEvent> ResponseWriter::fail(const HttpError& error) {
  std::vector<WireEvent> events;
  if (sequence_ == 0) tell_response("response.created", events);
  const std::string code = error.code.empty() ? error.type : error.code;
  tell("error", {{"code", code}, {"message", error.message}, {"param", nullptr}}, events);
  response_["status"] = "failed";
  response_["error"] = {{"code", code}, {"message", error.message}};
  tell_response("response.failed", events);
  return events;
}

Json ResponseWriter::body() const { return response_; }

}  // namespace banyan
