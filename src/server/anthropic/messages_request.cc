#include "server/anthropic/messages_request.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "server/anthropic/history.h"
#include "server/anthropic/tools.h"
#include "server/dialect/foreign_fields.h"
#include "server/dialect/last_message.h"
#include "server/dialect/reasoning_fields.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr std::array kForeignToMessages = {
    ForeignField{"stop", "OpenAI's chat", "`stop_sequences`"},
    ForeignField{"max_completion_tokens", "OpenAI's chat", "`max_tokens`"},
    ForeignField{"max_output_tokens", "OpenAI's responses", "`max_tokens`"},
    ForeignField{"response_format", "OpenAI's chat", "`output_config.format`"},
    ForeignField{"reasoning_effort", "OpenAI's chat", "`thinking` and `output_config.effort`"},
    ForeignField{"reasoning", "OpenAI's responses", "`thinking` and `output_config.effort`"},
    ForeignField{"enable_thinking", "other makers' chats", "`thinking`"},
    ForeignField{"think", "Ollama's chat", "`thinking`"}};

void read_thoughts(Fields& fields, MessagesRequest& request) {
  ReasoningOptions& reasoning = request.chat.reasoning;
  reasoning.enabled = false;
  const Json* thinking = fields.object("thinking");
  if (!thinking) return;
  Fields inner(*thinking, "thinking.");
  read_thinking(inner, reasoning);
  if (inner.string("type") == "enabled") inner.required("budget_tokens");
  request.hides_thoughts = inner.string("display") == "omitted";
  if (inner.error()) fields.wrong(*inner.error());
}

// {type: "json_schema", schema: {...}}
void read_format(Fields& fields, const Json& format, const std::string& path, ChatRequest& chat) {
  Fields inner(format, path + ".");
  if (inner.string("type") != "json_schema") inner.wrong("type", "must be \"json_schema\"");
  inner.required("schema");
  const Json* schema = inner.object("schema");
  if (inner.error()) return fields.wrong(*inner.error());
  chat.schema = ReplySchema{.schema = *schema};
}

// The answer's form and how much is thought about it.
void read_output(Fields& fields, ChatRequest& chat) {
  // Its name before there was output_config.
  if (const Json* format = fields.object("output_format"))
    read_format(fields, *format, "output_format", chat);
  const Json* config = fields.object("output_config");
  if (!config) return;
  Fields inner(*config, "output_config.");
  chat.reasoning.effort = read_effort(inner, "effort");
  if (chat.reasoning.effort == "none") chat.reasoning.enabled = false;
  if (const Json* format = inner.object("format")) {
    read_format(inner, *format, "output_config.format", chat);
  }
  if (inner.error()) fields.wrong(*inner.error());
}

Result<MessagesRequest> read_request(const Json& body, bool needs_max_tokens,
                                     const RequestDefaults& defaults) {
  Fields fields(body);
  if (fields.any("thread")) {
    return fail(Errc::unsupported, "thread: conversations are not kept here; send the whole history",
                "thread");
  }
  MessagesRequest request;
  refuse_foreign(fields, kForeignToMessages);
  if (needs_max_tokens) fields.required("max_tokens");
  request.generation.max_tokens =
      static_cast<int>(fields.integer("max_tokens", defaults.max_tokens, 0, kMaxInt));
  request.streams = fields.boolean("stream", false);
  request.generation.sampling = defaults.sampling;
  read_sampling_numbers(fields, request.generation.sampling);
  read_stop(fields, "stop_sequences", request.generation.stop);
  read_thoughts(fields, request);
  read_output(fields, request.chat);
  read_anthropic_tools(fields, request.chat);
  fields.refuse_unless("mcp_servers", Json::array());
  fields.required("messages");
  const Json* messages = fields.array("messages");
  if (fields.error()) return std::unexpected(*fields.error());

  auto history = read_anthropic_history(body.value("system", Json()), *messages);
  if (!history) return std::unexpected(history.error());
  request.chat.messages = std::move(*history);
  if (fields.object("cache_control") && !request.chat.messages.back().content.empty()) {
    request.chat.messages.back().content.back().is_restore_point = true;
  }
  go_on_from_last(request.chat);
  return request;
}

}  // namespace

Result<MessagesRequest> read_messages_request(const Json& body, const RequestDefaults& defaults) {
  return read_request(body, true, defaults);
}

Result<MessagesRequest> read_count_request(const Json& body) { return read_request(body, false, {}); }

}  // namespace banyan
