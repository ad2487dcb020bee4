/// Conversations to prompts: the Jinja chat template that the model's file carries, or ChatML
/// where it carries none.
///
/// Immutable once made: any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "banyan/base.h"

namespace banyan {

class ChatTemplate {
 public:
  /// `source` empty: ChatML. Errors: invalid_argument with the template's line and what is wrong there;
  /// unsupported where short messages already take it past a limit, which it names.
  static Result<std::unique_ptr<ChatTemplate>> create(const std::string& source, const std::string& bos_text,
                                                      const std::string& eos_text);
  ~ChatTemplate();

  /// The prompt for `messages`, OpenAI's array of {role, content, ...} (content a string or an array of
  /// text parts), with `tools` (OpenAI's array, or null) and, if asked, the opening of the
  /// assistant's reply. `extra` (an object or null) is handed to the template as variables.
  /// A template that knows no system messages, tools, calls or results gets them as text in the messages that
  /// it knows.
  /// Errors: invalid_argument, naming the field ("messages[1].content"), with the template's own message
  /// (raise_exception), or naming the limit that the template is past (steps, nesting, bytes).
  Result<std::string> apply(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                            bool add_generation_prompt, const nlohmann::ordered_json& extra) const;
  Result<std::string> apply(const nlohmann::ordered_json& messages) const;

  const std::string& source() const;

 private:
  ChatTemplate();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
