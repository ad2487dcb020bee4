#include "server/responses/responses_request.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <utility>

#include "server/dialect/foreign_fields.h"
#include "server/dialect/functions.h"
#include "server/dialect/reasoning_fields.h"
#include "server/responses/input.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr std::array kForeignToResponses = {
    ForeignField{"max_tokens", "OpenAI's chat", "`max_output_tokens`"},
    ForeignField{"max_completion_tokens", "OpenAI's chat", "`max_output_tokens`"},
    ForeignField{"response_format", "OpenAI's chat", "`text.format`"},
    ForeignField{"reasoning_effort", "OpenAI's chat", "`reasoning.effort`"},
    ForeignField{"messages", "OpenAI's chat", "`input`"},
    ForeignField{"stop_sequences", "Anthropic's messages", "`stop`"},
    ForeignField{"thinking", "Anthropic's messages", "`reasoning.effort`"},
    ForeignField{"enable_thinking", "other makers' chats", "`reasoning.effort`"},
    ForeignField{"think", "Ollama's chat", "`reasoning.effort`"}};

// What the response object repeats, with what it says where nothing was asked.
const Json& echoed_fields() {
  static const Json fields = {{"instructions", nullptr},
                              {"max_output_tokens", nullptr},
                              {"max_tool_calls", nullptr},
                              {"metadata", Json::object()},
                              {"parallel_tool_calls", true},
                              {"previous_response_id", nullptr},
                              {"prompt_cache_key", nullptr},
                              {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                              {"safety_identifier", nullptr},
                              {"service_tier", "default"},
                              {"store", true},
                              {"temperature", 1.0},
                              {"text", {{"format", {{"type", "text"}}}}},
                              {"tool_choice", "auto"},
                              {"tools", Json::array()},
                              {"top_logprobs", 0},
                              {"top_p", 1.0},
                              {"truncation", "disabled"},
                              {"user", nullptr}};
  return fields;
}

// Of more bytes, a field is not repeated: the response is kept in memory while it is made.
constexpr std::size_t kMaxEchoed = std::size_t{16} << 10;

// Of each tool, what its prompt tells.
Json echoed_tools(const Json& tools) {
  Json echoed = Json::array();
  for (const Json& tool : tools) {
    if (!tool.is_object()) continue;
    Json& one = echoed.emplace_back(Json::object());
    const bool is_function = tool.value("type", Json()) == "function";
    for (const char* name : {"type", "name", "description", "parameters", "strict"}) {
      const auto found = tool.find(name);
      if (found != tool.end() && (is_function || found->is_string())) one[name] = *found;
    }
  }
  return echoed;
}

Json read_echo(const Json& body, const Sampling& sampling) {
  Json echo = echoed_fields();
  echo["temperature"] = sampling.temperature;
  echo["top_p"] = sampling.top_p;
  for (const auto& [name, value] : echo.items()) {
    const auto asked = body.find(name);
    if (asked == body.end() || asked->is_null()) continue;
    if (name == "tools") {
      value = echoed_tools(*asked);
    } else if (name != "truncation" && dump(*asked).size() <= kMaxEchoed) {
      value = *asked;
    }
  }
  return echo;
}

void read_reasoning(Fields& fields, ResponsesRequest& request) {
  const Json* reasoning = fields.object("reasoning");
  if (!reasoning) return;
  Fields inner(*reasoning, "reasoning.");
  think(request.chat.reasoning, read_effort(inner, "effort"));
  const std::string summary = inner.string("summary", inner.string("generate_summary", "none"));
  request.summarizes_thoughts = summary != "none";
  if (inner.error()) fields.wrong(*inner.error());
}

void read_text_format(Fields& fields, ChatRequest& chat) {
  const Json* text = fields.object("text");
  if (!text) return;
  Fields inner(*text, "text.");
  const Json* format = inner.object("format");
  if (inner.error()) return fields.wrong(*inner.error());
  if (!format) return;
  Fields form(*format, "text.format.");
  const std::string type = form.string("type", "text");
  if (type == "json_schema") {
    form.required("schema");
    const Json* schema = form.object("schema");
    const bool is_strict = form.boolean("strict", true);
    if (schema) chat.schema = ReplySchema{.schema = *schema, .is_strict = is_strict};
  } else if (type == "json_object") {
    chat.schema = ReplySchema{.schema = {{"type", "object"}}};
  } else if (type != "text") {
    form.wrong("type", R"(must be "text", "json_object" or "json_schema")");
  }
  if (form.error()) fields.wrong(*form.error());
}

void read_tools(Fields& fields, ResponsesRequest& request) {
  if (const Json* array = fields.array("tools")) {
    auto read = read_responses_tools(*array);
    if (!read) return fields.wrong(read.error());
    request.chat.tools = std::move(read->tools);
    request.names = std::move(read->names);
  }
  request.chat.parallel_calls = fields.boolean("parallel_tool_calls", true);
  const Json* choice = fields.any("tool_choice");
  if (!choice) return;
  auto read = read_tool_choice(*choice);
  if (!read) return fields.wrong(read.error());
  request.chat.tool_choice = std::move(*read);
  const auto there = check_tool_choice(request.chat.tool_choice, request.chat.tools);
  if (!there) fields.wrong(there.error());
}

void read_include(Fields& fields, ResponsesRequest& request) {
  const Json* include = fields.array("include");
  for (std::size_t i = 0; include && i < include->size(); ++i) {
    const Json& what = (*include)[i];
    if (what == "reasoning.encrypted_content") request.seals_thoughts = true;
    if (what == "message.output_text.logprobs") {
      fields.wrong(std::format("include[{}]", i), "is not supported", Errc::unsupported);
    }
  }
}

}  // namespace

Result<ResponsesRequest> read_responses_request(const Json& body, ResponseStore& store,
                                                const RequestDefaults& defaults) {
  Fields fields(body);
  ResponsesRequest request;
  refuse_foreign(fields, kForeignToResponses);
  request.generation.max_tokens =
      static_cast<int>(fields.integer("max_output_tokens", defaults.max_tokens, 1, kMaxInt));
  request.streams = fields.boolean("stream", false);
  request.is_stored = fields.boolean("store", true);
  request.generation.sampling = defaults.sampling;
  read_sampling_numbers(fields, request.generation.sampling);
  read_stop(fields, "stop", request.generation.stop);
  read_reasoning(fields, request);
  read_text_format(fields, request.chat);
  read_tools(fields, request);
  read_include(fields, request);
  fields.refuse_unless("background", false);
  fields.refuse_unless("conversation");
  fields.refuse_unless("prompt");
  fields.refuse_unless("top_logprobs", 0);
  fields.refuse_unless("max_tool_calls");
  fields.required("input");
  if (fields.error()) return std::unexpected(*fields.error());

  auto input = read_responses_input(body, request.names, store);
  if (!input) return std::unexpected(input.error());
  request.chat.messages = std::move(input->messages);
  request.input = std::move(input->items);
  request.echo = read_echo(body, request.generation.sampling);
  return request;
}

}  // namespace banyan
