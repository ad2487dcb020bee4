/// Takes a reply's text apart as it comes: what is said, thoughts and calls.
///
/// A call begins once its markers, the name of a tool and the opening of the arguments are there; what only
/// looked like one is text. After that it stays a call: where its arguments break off, or turn out not to be
/// arguments, they end as they are, without call_end, and what follows is text. Blanks beside markers and at
/// both ends of a thought are dropped. Takes linear time, and the events, joined where they go on with one
/// another, do not depend on how the text is cut.
///
/// One thread at a time. The form outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/chat_event.h"
#include "chat/reply/reply_events.h"
#include "chat/reply/reply_form.h"
#include "chat/reply/reply_reader.h"

namespace banyan {

class ReplyParser {
 public:
  /// `prompt`: the rendered prompt, whose end may be inside a thought. Calls of other functions than the
  /// request's tools are text. `make_id` gives the ids of calls that have none in the text.
  ReplyParser(const ReplyForm& form, const ChatRequest& request, std::string_view prompt,
              std::function<std::string()> make_id);

  /// Takes the next bytes of the reply, with the text of control tokens. What may be the beginning of a
  /// marker is held back.
  std::vector<ChatEvent> add(std::string_view text);
  /// The reply has ended: what was held back. `by_model`: by a token of the model's, whose text was not
  /// added, and not because of a limit.
  std::vector<ChatEvent> end(bool by_model = false);

 private:
  std::unique_ptr<ReplyEvents> events_;
  std::unique_ptr<ReplyReader> reader_;
};

}  // namespace banyan
