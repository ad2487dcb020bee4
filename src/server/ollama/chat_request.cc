#include "server/ollama/chat_request.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <format>
#include <string>
#include <utility>
#include <vector>

#include "server/dialect/foreign_fields.h"
#include "server/dialect/functions.h"
#include "server/dialect/last_message.h"
#include "server/dialect/text_parts.h"

namespace banyan {
namespace {

constexpr std::array kForeignToOllamaChat = {
    ForeignField{"system", "Ollama's generate", "a message of the role `system`"}};

// Reads messages in order, and knows which calls have no result yet.
class HistoryReader {
 public:
  Result<Message> read(const Json& json, const std::string& path) {
    if (!json.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
    Fields fields(json, path + ".");
    Message message{.role = read_role(fields)};
    message.reasoning = fields.string("thinking");
    if (const Json* images = fields.array("images"); images && !images->empty()) {
      fields.wrong("images", "are not supported, as the model reads text only", Errc::unsupported);
    }
    if (message.role == Role::tool) {
      message.name = fields.string("tool_name");
      message.call_id = fields.string("tool_call_id");
      find_call(message);
    }
    const Json* calls = fields.array("tool_calls");
    if (fields.error()) return std::unexpected(*fields.error());
    auto content = read_text_parts(json.value("content", Json()), path + ".content", {"text"});
    if (!content) return std::unexpected(content.error());
    message.content = std::move(*content);
    for (std::size_t i = 0; calls && i < calls->size(); ++i) {
      auto call = read_call((*calls)[i], std::format("{}.tool_calls[{}]", path, i));
      if (!call) return std::unexpected(call.error());
      message.calls.push_back(std::move(*call));
    }
    return message;
  }

 private:
  static Role read_role(Fields& fields) {
    fields.required("role");
    const std::string role = fields.string("role");
    if (role == "system") return Role::system;
    if (role == "assistant") return Role::assistant;
    if (role == "tool") return Role::tool;
    if (role != "user") fields.wrong("role", R"(must be "system", "user", "assistant" or "tool")");
    return Role::user;
  }

  Result<ToolCall> read_call(const Json& json, const std::string& path) {
    Fields outer(json, path + ".");
    ToolCall call{.id = outer.string("id")};
    outer.required("function");
    const Json* function = outer.object("function");
    if (outer.error()) return std::unexpected(*outer.error());
    Fields fields(*function, path + ".function.");
    fields.required("name");
    call.name = fields.string("name");
    const Json* arguments = fields.object("arguments");
    call.arguments = arguments ? arguments_text(*arguments) : "{}";
    if (fields.error()) return std::unexpected(*fields.error());
    if (call.id.empty()) call.id = std::format("call_{}", count_);
    ++count_;
    open_.push_back(call);
    if (open_.size() > kMaxOpen) open_.pop_front();
    return call;
  }

  // The call that a result without an id is of: the first without one, by its name where that is given.
  void find_call(Message& result) {
    const auto found = std::ranges::find_if(open_, [&](const ToolCall& call) {
      if (!result.call_id.empty()) return call.id == result.call_id;
      return result.name.empty() || call.name == result.name;
    });
    if (found == open_.end()) return;
    result.call_id = found->id;
    result.name = found->name;
    open_.erase(found);
  }

  // Each result looks through all of them.
  static constexpr std::size_t kMaxOpen = 256;

  std::deque<ToolCall> open_;
  int count_ = 0;
};

}  // namespace

Result<OllamaRequest> read_ollama_chat(const Json& body, const RequestDefaults& defaults) {
  Fields fields(body);
  OllamaRequest request;
  refuse_foreign(fields, kForeignToOllamaChat);
  read_ollama_options(fields, defaults, request);
  if (const Json* array = fields.array("tools")) {
    auto tools = read_wrapped_functions(*array);
    if (!tools) return std::unexpected(tools.error());
    request.chat.tools = std::move(*tools);
  }
  const Json* messages = fields.array("messages");
  if (fields.error()) return std::unexpected(*fields.error());

  HistoryReader reader;
  for (std::size_t i = 0; messages && i < messages->size(); ++i) {
    auto message = reader.read((*messages)[i], std::format("messages[{}]", i));
    if (!message) return std::unexpected(message.error());
    request.chat.messages.push_back(std::move(*message));
  }
  request.only_loads = request.chat.messages.empty();
  if (request.only_loads) return request;
  name_results(request.chat.messages);
  go_on_from_last(request.chat);
  return request;
}

}  // namespace banyan
