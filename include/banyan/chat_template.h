/// Conversations to prompts: the Jinja chat template that the model's file carries, or ChatML
/// where it carries none.
///
/// Immutable once made: any thread.
#pragma once

#include <memory>
#include <string>

#include "banyan/base.h"

namespace banyan {

struct ChatRequest;

class ChatTemplate {
 public:
  /// `source` empty: ChatML. Errors: invalid_argument with the template's line and what is wrong there;
  /// unsupported where short messages already take it past a limit, which it names.
  static Result<std::unique_ptr<ChatTemplate>> create(const std::string& source, const std::string& bos_text,
                                                      const std::string& eos_text);
  ~ChatTemplate();

  /// The prompt. Messages are given to the template in a form that it takes, which is found by trying when it
  /// is made; what it knows nothing of (system messages, tools, calls, results) goes as text into the
  /// messages that it knows. The ids of calls are numbered anew, so that a client's choice of them changes no
  /// prompt. Errors: invalid_argument, naming the field ("messages[1]"), with the template's own message
  /// (raise_exception), or naming the limit that the template is past (steps, nesting, bytes).
  Result<std::string> apply(const ChatRequest& request) const;

  const std::string& source() const;

 private:
  ChatTemplate();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
