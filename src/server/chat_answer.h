/// An answer whose replies are read: what is said, thoughts and calls.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/chat_event.h"
#include "chat/reply/reply_parser.h"
#include "server/answer.h"

namespace banyan {

class ChatAnswer : public Answer {
 public:
  /// The engine's request has special_text. `prompt`: the rendered prompt. The form outlives this.
  ChatAnswer(const ReplyForm& form, const ChatRequest& request, std::string_view prompt, int choices,
             bool streams);

  int reasoning_tokens() const override;

 protected:
  /// Tokens of a reply's thoughts.
  int reasoning_tokens(std::size_t index) const { return readers_[index].reasoning_tokens; }

  /// Takes what happens in choice `index` with a delta, whether it streams or not. choices() already knows of
  /// it. Returns what a stream sends for it.
  virtual std::vector<WireEvent> tell(std::size_t index, const std::vector<ChatEvent>& events,
                                      const Delta& delta) = 0;

 private:
  struct Reader {
    ReplyParser parser;
    int reasoning_tokens = 0;
    int held_tokens = 0;  ///< behind them, of the thought if that goes on
    bool is_thinking = false;
    bool is_calling = false;
  };

  std::vector<WireEvent> take(std::size_t index, const Delta& delta) final;

  std::vector<Reader> readers_;
};

}  // namespace banyan
