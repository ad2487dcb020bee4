/// Takes a reply's text apart as it comes: what is said, thoughts and calls.
///
/// One thread at a time. The form outlives it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_event.h"
#include "chat/chat_request.h"
#include "chat/reply/reply_form.h"

namespace banyan {

class ReplyParser {
 public:
  /// `prompt`: the rendered prompt, whose end may be inside a thought. Calls of other functions than the
  /// request's tools are text. `make_id` gives the ids of calls that have none in the text.
  ReplyParser(const ReplyForm& form, const ChatRequest& request, std::string_view prompt,
              std::function<std::string()> make_id);

  /// Takes the next bytes of the reply. What may be the beginning of a marker is held back. What looked like
  /// a call and is none comes as text: nothing is lost.
  std::vector<ChatEvent> add(std::string_view text);
  /// The reply has ended: what was held back.
  std::vector<ChatEvent> end();
};

}  // namespace banyan
