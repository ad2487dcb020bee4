#include "server/ollama/options.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "server/dialect/foreign_fields.h"
#include "server/dialect/reasoning_fields.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

// Of Ollama's own, those that are not where it reads them.
constexpr std::array kForeignToOllama = {
    ForeignField{"temperature", "OpenAI's chat", "`options.temperature`"},
    ForeignField{"stop", "OpenAI's chat", "`options.stop`"},
    ForeignField{"max_tokens", "OpenAI's chat", "`options.num_predict`"},
    ForeignField{"num_predict", "`options`", "`options.num_predict`"},
    ForeignField{"response_format", "OpenAI's chat", "`format`"},
    ForeignField{"reasoning_effort", "OpenAI's chat", "`think`"},
    ForeignField{"enable_thinking", "other makers' chats", "`think`"},
    ForeignField{"thinking", "Anthropic's messages", "`think`"}};

void read_options(Fields& fields, Request& generation) {
  const Json* options = fields.object("options");
  if (!options) return;
  Fields inner(*options, "options.");
  read_sampling_numbers(inner, generation.sampling);
  read_stop(inner, "stop", generation.stop);
  // 0, -1 and -2 all mean: as far as the context goes.
  const auto most = inner.integer("num_predict", generation.max_tokens, -2, kMaxInt);
  generation.max_tokens = most > 0 ? static_cast<int>(most) : -1;
  inner.integer("num_ctx", 0, 0, kMaxInt);
  inner.refuse_unless("typical_p", 0, 1);
  inner.refuse_unless("tfs_z", 0, 1);
  inner.refuse_unless("mirostat", 0);
  if (inner.error()) fields.wrong(*inner.error());
}

// true, false, or how much.
void read_think(Fields& fields, ReasoningOptions& reasoning) {
  const Json* asked = fields.any("think");
  if (!asked) return;
  if (asked->is_boolean()) {
    reasoning.enabled = asked->get<bool>();
  } else if (asked->is_string()) {
    think(reasoning, read_effort(fields, "think"));
  } else {
    fields.wrong("think", "must be true, false or a level such as \"high\"");
  }
}

// "json" or a schema.
void read_format(Fields& fields, ChatRequest& chat) {
  const Json* format = fields.any("format");
  if (!format || *format == "") return;
  if (*format == "json") {
    chat.schema = ReplySchema{.schema = {{"type", "object"}}};
  } else if (format->is_object()) {
    chat.schema = ReplySchema{.schema = *format};
  } else {
    fields.wrong("format", "must be \"json\" or a JSON Schema");
  }
}

// Whether it is 0: "0", "0s", 0.
bool is_zero(const Json& keep_alive) {
  if (keep_alive.is_number()) return keep_alive.get<double>() == 0;
  if (!keep_alive.is_string()) return false;
  const auto& text = keep_alive.get_ref<const std::string&>();
  return text.starts_with('0') && std::ranges::none_of(text, [](char c) { return c >= '1' && c <= '9'; });
}

}  // namespace

void read_ollama_options(Fields& fields, const RequestDefaults& defaults, OllamaRequest& request) {
  refuse_foreign(fields, kForeignToOllama);
  fields.refuse_unless("tool_choice", "auto");
  request.generation.sampling = defaults.sampling;
  request.generation.max_tokens = defaults.max_tokens;
  request.streams = fields.boolean("stream", true);
  read_options(fields, request.generation);
  read_think(fields, request.chat.reasoning);
  read_format(fields, request.chat);
  const Json* keep_alive = fields.any("keep_alive");
  if (keep_alive && !keep_alive->is_number() && !keep_alive->is_string()) {
    fields.wrong("keep_alive", "must be a duration or seconds");
  }
  request.unloads = keep_alive && is_zero(*keep_alive);
  fields.refuse_unless("logprobs", false);
}

}  // namespace banyan
