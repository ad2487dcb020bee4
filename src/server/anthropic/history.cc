#include "server/anthropic/history.h"

#include <algorithm>
#include <cstddef>
#include <format>
#include <string>
#include <string_view>
#include <utility>

#include "server/dialect/functions.h"
#include "server/dialect/sealed_thought.h"
#include "server/dialect/text_parts.h"

namespace banyan {
namespace {

constexpr std::string_view kBilling = "x-anthropic-billing-header:";

std::string without_billing(std::string text) {
  if (!text.starts_with(kBilling)) return text;
  const std::size_t line = text.find('\n');
  return line == std::string::npos ? "" : text.substr(line + 1);
}

Result<std::vector<TextPart>> read_system(const Json& system) {
  auto parts = read_text_parts(system, "system", {"text"});
  if (!parts) return parts;
  for (TextPart& part : *parts) part.text = without_billing(std::move(part.text));
  std::erase_if(*parts, [](const TextPart& part) { return part.text.empty(); });
  return parts;
}

// A document whose source is a text, or blocks of text.
Result<std::vector<TextPart>> read_document(const Json& block, const std::string& path) {
  Fields fields(block, path + ".");
  const std::string title = fields.string("title");
  fields.required("source");
  const Json* source = fields.object("source");
  if (fields.error()) return std::unexpected(*fields.error());
  Fields inner(*source, path + ".source.");
  const std::string type = inner.string("type");
  std::vector<TextPart> parts;
  if (!title.empty()) parts.push_back({.text = title + "\n"});
  if (type == "text") {
    inner.required("data");
    parts.push_back({.text = inner.string("data")});
  } else if (type == "content") {
    auto content = read_text_parts(source->value("content", Json()), path + ".source.content", {"text"});
    if (!content) return content;
    std::ranges::move(*content, std::back_inserter(parts));
  } else {
    return refuse_type(path + ".source", type, R"("text", "content")");
  }
  if (inner.error()) return std::unexpected(*inner.error());
  if (!parts.empty()) parts.back().is_restore_point = is_restore_point(block);
  return parts;
}

// A block of what a tool gave.
Result<std::vector<TextPart>> read_result_block(const Json& block, const std::string& path) {
  const auto type = block.find("type");
  if (type != block.end() && *type == "document") return read_document(block, path);
  if (type != block.end() && *type == "tool_reference") {
    Fields fields(block, path + ".");
    fields.required("tool_name");
    std::vector<TextPart> name{{.text = fields.string("tool_name") + "\n"}};
    if (fields.error()) return std::unexpected(*fields.error());
    return name;
  }
  if (type != block.end() && type->is_string() && *type != "text") {
    return std::vector<TextPart>{{.text = unread_part(*type), .is_restore_point = is_restore_point(block)}};
  }
  auto part = read_text_part(block, path, {"text"});
  if (!part) return std::unexpected(part.error());
  return std::vector<TextPart>{std::move(*part)};
}

Result<std::vector<TextPart>> read_result_content(const Json& content, const std::string& path) {
  if (!content.is_array()) return read_text_parts(content, path, {"text"});
  std::vector<TextPart> parts;
  for (std::size_t i = 0; i < content.size(); ++i) {
    auto block = read_result_block(content[i], std::format("{}[{}]", path, i));
    if (!block) return block;
    std::ranges::move(*block, std::back_inserter(parts));
  }
  return parts;
}

Result<Message> read_result(const Json& block, const std::string& path) {
  Fields fields(block, path + ".");
  fields.required("tool_use_id");
  Message message{.role = Role::tool, .call_id = fields.string("tool_use_id")};
  const bool is_error = fields.boolean("is_error", false);
  if (fields.error()) return std::unexpected(*fields.error());
  auto content = read_result_content(block.value("content", Json()), path + ".content");
  if (!content) return std::unexpected(content.error());
  message.content = std::move(*content);
  if (is_error) message.content.insert(message.content.begin(), {.text = "Error: "});
  if (is_restore_point(block) && !message.content.empty()) message.content.back().is_restore_point = true;
  return message;
}

Result<ToolCall> read_call(const Json& block, const std::string& path) {
  Fields fields(block, path + ".");
  fields.required("id");
  fields.required("name");
  ToolCall call{.id = fields.string("id"), .name = fields.string("name"), .arguments = "{}"};
  if (const Json* input = fields.object("input")) call.arguments = arguments_text(*input);
  if (fields.error()) return std::unexpected(*fields.error());
  return call;
}

// A thought that was not shown is in its signature.
Result<std::string> read_thought(const Json& block, const std::string& path) {
  Fields fields(block, path + ".");
  std::string thought = fields.string("thinking");
  const std::string signature = fields.string("signature");
  if (fields.error()) return std::unexpected(*fields.error());
  if (thought.empty()) thought = unseal_thought(signature).value_or("");
  return thought;
}

// Adds what the blocks of one message say to the messages.
class BlockReader {
 public:
  BlockReader(Role role, std::vector<Message>& messages) : messages_(messages), message_{.role = role} {}

  Result<> read(const Json& block, const std::string& path) {
    if (!block.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
    Fields fields(block, path + ".");
    fields.required("type");
    const std::string type = fields.string("type");
    if (fields.error()) return std::unexpected(*fields.error());
    if (type == "text") return take(read_text_part(block, path, {"text"}));
    if (type == "document") return take(read_document(block, path));
    if (message_.role == Role::assistant) {
      if (type == "thinking") return take(read_thought(block, path));
      if (type == "tool_use") return take(read_call(block, path));
      // Only the server that wrote it can read it.
      if (type == "redacted_thinking") return {};
      return refuse_type(path, type, R"("text", "thinking", "tool_use")");
    }
    if (type == "tool_result" && message_.role == Role::user) return take(read_result(block, path));
    return refuse_type(path, type, R"("text", "document", "tool_result")");
  }

  // The message is whole.
  void end() {
    const bool is_empty =
        message_.content.empty() && message_.calls.empty() && message_.reasoning.empty() && has_results_;
    if (!is_empty) messages_.push_back(std::move(message_));
  }

 private:
  template <class T>
  Result<> take(Result<T> read) {
    if (!read) return std::unexpected(read.error());
    add(std::move(*read));
    return {};
  }

  void add(TextPart part) { message_.content.push_back(std::move(part)); }
  void add(std::vector<TextPart> parts) { std::ranges::move(parts, std::back_inserter(message_.content)); }
  void add(const std::string& thought) { message_.reasoning += thought; }
  void add(ToolCall call) { message_.calls.push_back(std::move(call)); }
  // What the user said before it stays before it.
  void add(Message result) {
    if (!message_.content.empty()) messages_.push_back(std::exchange(message_, {.role = message_.role}));
    messages_.push_back(std::move(result));
    has_results_ = true;
  }

  std::vector<Message>& messages_;
  Message message_;
  bool has_results_ = false;
};

Result<Role> read_role(const Json& message, const std::string& path) {
  Fields fields(message, path + ".");
  fields.required("role");
  const std::string role = fields.string("role");
  if (!fields.error()) {
    if (role == "user") return Role::user;
    if (role == "assistant") return Role::assistant;
    if (role == "system") return Role::system;
    fields.wrong("role", R"(must be "user", "assistant" or "system")");
  }
  return std::unexpected(*fields.error());
}

Result<> add_message(const Json& message, const std::string& path, std::vector<Message>& messages) {
  if (!message.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  const auto role = read_role(message, path);
  if (!role) return std::unexpected(role.error());
  const auto content = message.find("content");
  if (content == message.end()) {
    return fail(Errc::invalid_argument, path + ".content is required", path + ".content");
  }
  if (!content->is_array()) {
    auto text = read_text_parts(*content, path + ".content", {"text"});
    if (!text) return std::unexpected(text.error());
    messages.push_back({.role = *role, .content = std::move(*text)});
    return {};
  }
  BlockReader blocks(*role, messages);
  for (std::size_t i = 0; i < content->size(); ++i) {
    const auto read = blocks.read((*content)[i], std::format("{}.content[{}]", path, i));
    if (!read) return read;
  }
  blocks.end();
  return {};
}

}  // namespace

Result<std::vector<Message>> read_anthropic_history(const Json& system, const Json& messages) {
  std::vector<Message> history;
  auto instructions = read_system(system);
  if (!instructions) return std::unexpected(instructions.error());
  if (!instructions->empty()) {
    history.push_back({.role = Role::system, .content = std::move(*instructions)});
  }
  if (messages.empty()) return fail(Errc::invalid_argument, "messages must not be empty", "messages");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto added = add_message(messages[i], std::format("messages[{}]", i), history);
    if (!added) return std::unexpected(added.error());
  }
  if (auto known = check_results(history, "tool_use_id"); !known) return std::unexpected(known.error());
  name_results(history);
  return history;
}

}  // namespace banyan
