/// A conversation and what is asked for its next reply, as every dialect of the server means it.
///
/// Plain values: any thread that has one to itself.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace banyan {

/// Keeps the order of fields, which chat templates see.
using Json = nlohmann::ordered_json;

enum class Role : std::uint8_t { system, user, assistant, tool };

struct TextPart {
  std::string text = {};
  bool is_restore_point = false;  ///< the client means to resume at its end
};

/// A call of a function, as a model wrote it.
struct ToolCall {
  std::string id = {};
  std::string name = {};
  std::string arguments = {};  ///< JSON text, as it was written: perhaps empty or broken
};

struct Message {
  Role role = Role::user;
  std::vector<TextPart> content = {};  ///< none and one empty text mean the same
  std::string reasoning = {};          ///< of an assistant, "" for none
  std::vector<ToolCall> calls = {};    ///< of an assistant
  std::string call_id = {};            ///< of a tool: the call that this is the result of
  std::string name = {};               ///< of a tool: the function; of others: who speaks, "" for none
};

/// A function that the model may call.
struct Tool {
  std::string name = {};
  std::string description = {};  ///< "" for none
  Json parameters = nullptr;     ///< a JSON Schema of its arguments, or null
  bool is_strict = false;        ///< what of the schema cannot be kept is an error
};

struct ToolChoice {
  enum class Mode : std::uint8_t { automatic, none, required };
  Mode mode = Mode::automatic;
  std::vector<std::string> allowed = {};  ///< the functions that may be called; empty: all
};

struct ReasoningOptions {
  std::optional<bool> enabled = {};  ///< none: as the template does by itself
  std::string effort = {};           ///< "low", "medium", ..., or "" for none given
  int budget = -1;                   ///< most tokens of the thought; -1: no limit
};

/// The form that a reply's text must have.
struct ReplySchema {
  Json schema = nullptr;  ///< a JSON Schema
  bool is_strict = true;
};

struct ChatRequest {
  std::vector<Message> messages = {};
  std::vector<Tool> tools = {};
  ToolChoice tool_choice = {};
  bool parallel_calls = true;
  ReasoningOptions reasoning = {};
  std::optional<ReplySchema> schema = {};
  bool opens_reply = true;      ///< the prompt ends with the opening of the assistant's reply
  bool continues_last = false;  ///< the last message is the assistant's, and the reply goes on from it
  bool tools_first = false;  ///< the prompt has the tools before the system's text, if the template allows it
  Json variables = nullptr;  ///< more variables for the template, an object or null
};

}  // namespace banyan
