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
  /// Adds what is known now to the JSON text.
  virtual Step take(char c, std::string& json) = 0;
  /// After `failed`: the last bytes that were taken and belong to no arguments, the one given among them.
  virtual std::string rest() { return {}; }
  /// The reply has ended within the arguments, `by_model` as in ReplyReader. Whether they are whole: all that
  /// was missing is what the model's end stands for.
  virtual bool end(bool by_model, std::string& json) = 0;
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
