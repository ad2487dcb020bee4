/// An answer of one reply that a dialect's writer tells.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/chat_answer.h"
#include "server/dialect/reply_writer.h"

namespace banyan {

class WrittenAnswer final : public ChatAnswer {
 public:
  /// As ChatAnswer.
  WrittenAnswer(const ReplyForm& reply_form, const ChatRequest& request, std::string_view prompt,
                bool streams, const StreamForm& form, std::unique_ptr<ReplyWriter> writer);

  const StreamForm& form() const override { return form_; }
  std::vector<WireEvent> breaking_off(const HttpError& error) override;
  Json body() const override { return writer_->body(); }

 private:
  std::vector<WireEvent> tell(std::size_t index, const std::vector<ChatEvent>& events,
                              const Delta& delta) override;

  const StreamForm& form_;
  std::unique_ptr<ReplyWriter> writer_;
  bool begun_ = false;
  std::vector<Token> tokens_;
};

}  // namespace banyan
