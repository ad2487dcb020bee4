#include "server/dialect/written_answer.h"

#include <iterator>
#include <utility>

namespace banyan {

WrittenAnswer::WrittenAnswer(const ReplyForm& reply_form, const ChatRequest& request, std::string_view prompt,
                             bool streams, const StreamForm& form, std::unique_ptr<ReplyWriter> writer)
    : ChatAnswer(reply_form, request, prompt, 1, streams), form_(form), writer_(std::move(writer)) {}

std::vector<WireEvent> WrittenAnswer::breaking_off(const HttpError& error) { return writer_->fail(error); }

std::vector<WireEvent> WrittenAnswer::tell(std::size_t index, const std::vector<ChatEvent>& events,
                                           const Delta& delta) {
  std::vector<WireEvent> told;
  const auto add = [&](std::vector<WireEvent> more) {
    told.insert(told.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  if (writer_->wants_tokens()) {
    for (const GeneratedToken& token : delta.tokens) tokens_.push_back(token.token);
  }
  if (!std::exchange(begun_, true)) {
    add(writer_->begin(delta.timings));
  } else if (is_progress(delta)) {
    add(writer_->wait());
  }
  for (const ChatEvent& event : events) add(writer_->add(event));
  if (delta.finish != Finish::none) {
    add(writer_->end({.finish = delta.finish,
                      .stop_word = delta.stop_word,
                      .timings = delta.timings,
                      .reasoning_tokens = reasoning_tokens(index),
                      .tokens = std::move(tokens_)}));
  }
  return told;
}

}  // namespace banyan
