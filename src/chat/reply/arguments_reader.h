/// Reads the arguments of a call as they come, and makes JSON of them.
#pragma once

#include <memory>
#include <string>

#include "banyan/chat_request.h"
#include "chat/reply/marker.h"
#include "chat/reply/reply_form.h"

namespace banyan {

class ArgumentsReader {
 public:
  virtual ~ArgumentsReader() = default;
  /// Adds what is known now to the JSON text. After `failed`, rest() belongs to no arguments.
  virtual Step take(char c, std::string& json) = 0;
  virtual std::string rest() { return {}; }
  /// The reply has ended within the arguments.
  virtual void end(std::string& json) = 0;
};

/// A JSON object, or a JSON string that holds one, from behind its first byte `open` on. Its bytes stay as
/// they are, but line breaks and the like within strings, which JSON has escaped.
std::unique_ptr<ArgumentsReader> json_arguments(char open);
/// Arguments between tags, and the call's end; their types are those of the tool.
std::unique_ptr<ArgumentsReader> tagged_arguments(const CallForm& form, const Tool& tool);
/// Python's or similar literals, from behind the first bracket on.
std::unique_ptr<ArgumentsReader> literal_arguments(const CallForm& form);

/// A Python value as JSON, "" where it is none.
std::string json_of_literal(std::string_view text);

}  // namespace banyan
