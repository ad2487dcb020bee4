/// Takes a reply apart, byte by byte.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/reply/reply_events.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// What a reader is made of. The form and the events outlive it.
struct ReplyReaderParts {
  const ReplyForm& form;
  std::vector<Tool> tools;  ///< that may be called
  std::function<std::string()> make_id;
  ReplyEvents& events;
  bool is_thinking = false;  ///< the prompt ends inside a thought
};

class ReplyReader {
 public:
  virtual ~ReplyReader() = default;
  virtual void take(char c) = 0;
  /// `by_model`: the model itself ended its reply, by a token of which take() has seen nothing.
  virtual void end(bool by_model) = 0;
};

/// Of texts with markers around thoughts and calls.
std::unique_ptr<ReplyReader> read_marked_reply(ReplyReaderParts parts, std::string_view prompt);
/// Of messages with channels.
std::unique_ptr<ReplyReader> read_channels(ReplyReaderParts parts, std::string_view prompt);

}  // namespace banyan
