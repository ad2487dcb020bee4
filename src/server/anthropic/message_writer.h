/// A reply as Anthropic's message: named events of its content blocks, or the whole message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/dialect/reply_writer.h"

namespace banyan {

struct MessageOptions {
  std::string model;
  /// Tokens of the prompt up to its last `cache_control`; 0: it has none.
  std::size_t marked = 0;
  bool hides_thoughts = false;
};

class MessageWriter final : public ReplyWriter {
 public:
  explicit MessageWriter(MessageOptions options);

  std::vector<WireEvent> begin(const Timings& timings) override;
  std::vector<WireEvent> wait() override;
  std::vector<WireEvent> add(const ChatEvent& event) override;
  std::vector<WireEvent> end(const ReplyEnd& end) override;
  std::vector<WireEvent> fail(const HttpError& error) override;
  Json body() const override;

 private:
  enum class Block : std::uint8_t { none, text, thinking, call };

  void open(Block block, Json start, std::vector<WireEvent>& events);
  void close(std::vector<WireEvent>& events);
  WireEvent delta(Json delta) const;
  Json usage(const Timings& timings, int generated) const;

  MessageOptions options_;
  Json message_;  ///< without its content
  Json content_ = Json::array();
  Block block_ = Block::none;
  Json written_;           ///< the block that is open
  std::string text_;       ///< of it: text, thought or the call's arguments
  std::size_t index_ = 0;  ///< of it
  bool calls_ = false;     ///< a call is whole
};

}  // namespace banyan
