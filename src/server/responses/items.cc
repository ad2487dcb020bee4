#include "server/responses/items.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "chat/prompt/message_text.h"
#include "server/dialect/functions.h"
#include "server/dialect/sealed_thought.h"
#include "server/dialect/text_parts.h"

namespace banyan {
namespace {

constexpr TextTypes kTextTypes = {"input_text", "output_text", "text"};

// What another server did between the items, and says nothing to the model.
constexpr std::array<std::string_view, 3> kSkipped = {"web_search_call", "file_search_call",
                                                      "item_reference"};

Result<std::string> read_text(const Json& item, const char* field, const std::string& path, TextTypes types) {
  const auto parts = read_text_parts(item.value(field, Json()), path + "." + field, types);
  if (!parts) return std::unexpected(parts.error());
  return joined_text(*parts);
}

}  // namespace

Message& ItemReader::reply(Piece next) {
  const bool goes_on = [&] {
    if (messages_.empty() || messages_.back().role != Role::assistant) return false;
    const Message& last = messages_.back();
    const bool has_text = !last.content.empty();
    const bool has_calls = !last.calls.empty();
    return next == Piece::call || (!has_calls && !has_text);
  }();
  if (!goes_on) messages_.push_back({.role = Role::assistant});
  return messages_.back();
}

Result<> ItemReader::add_message(const Json& item, const std::string& path) {
  Fields fields(item, path + ".");
  fields.required("role");
  const std::string role = fields.string("role");
  const bool by_system = role == "system" || role == "developer";
  if (!by_system && role != "user" && role != "assistant") {
    fields.wrong("role", R"(must be "user", "assistant", "system" or "developer")");
  }
  if (fields.error()) return std::unexpected(*fields.error());
  auto content = read_text_parts(item.value("content", Json()), path + ".content", kTextTypes);
  if (!content) return std::unexpected(content.error());
  if (role == "assistant") {
    reply(Piece::text).content = std::move(*content);
  } else {
    messages_.push_back({.role = by_system ? Role::system : Role::user, .content = std::move(*content)});
  }
  return {};
}

Result<> ItemReader::add_call(const Json& item, const std::string& path) {
  Fields fields(item, path + ".");
  fields.required("call_id");
  fields.required("name");
  const SpacedName function{fields.string("namespace"), fields.string("name")};
  ToolCall call{.id = fields.string("call_id"),
                .name = names_.for_model(function),
                .arguments = fields.string("arguments")};
  // A tool without a schema takes a text.
  if (const Json* input = fields.any("input")) call.arguments = arguments_text({{"input", *input}});
  if (fields.error()) return std::unexpected(*fields.error());
  reply(Piece::call).calls.push_back(std::move(call));
  return {};
}

Result<> ItemReader::add_result(const Json& item, const std::string& path) {
  Fields fields(item, path + ".");
  fields.required("call_id");
  Message result{.role = Role::tool, .call_id = fields.string("call_id")};
  if (fields.error()) return std::unexpected(*fields.error());
  auto output = read_result_parts(item.value("output", Json()), path + ".output", kTextTypes);
  if (!output) return std::unexpected(output.error());
  result.content = std::move(*output);
  messages_.push_back(std::move(result));
  return {};
}

// The thought itself, as a text or sealed; else what another model's server tells of it.
Result<> ItemReader::add_thought(const Json& item, const std::string& path) {
  Fields fields(item, path + ".");
  const std::string sealed = fields.string("encrypted_content");
  if (fields.error()) return std::unexpected(*fields.error());
  auto thought = read_text(item, "content", path, {"reasoning_text", "text"});
  if (!thought) return std::unexpected(thought.error());
  if (thought->empty()) *thought = unseal_thought(sealed).value_or("");
  if (thought->empty()) thought = read_text(item, "summary", path, {"summary_text", "text"});
  if (!thought) return std::unexpected(thought.error());
  if (!thought->empty()) reply(Piece::thought).reasoning += *thought;
  return {};
}

Result<> ItemReader::add(const Json& item, const std::string& path) {
  if (!item.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  Fields fields(item, path + ".");
  const std::string type = fields.string("type", "message");
  if (fields.error()) return std::unexpected(*fields.error());
  if (type == "message") return add_message(item, path);
  if (type == "function_call" || type == "custom_tool_call") return add_call(item, path);
  if (type == "function_call_output" || type == "custom_tool_call_output") return add_result(item, path);
  if (type == "reasoning") return add_thought(item, path);
  if (std::ranges::contains(kSkipped, type)) return {};
  return refuse_type(path, type, R"("message", "function_call", "function_call_output", "reasoning")");
}

bool ItemReader::is_read(std::string_view type) { return !std::ranges::contains(kSkipped, type); }

std::vector<Message> ItemReader::take() {
  name_results(messages_);
  return std::exchange(messages_, {});
}

}  // namespace banyan
