// Replies of messages such as <|start|>assistant<|channel|>final<|message|>TEXT<|end|>.
#include <algorithm>
#include <array>
#include <utility>

#include "chat/reply/marker.h"
#include "chat/reply/reply_reader.h"

namespace banyan {
namespace {

using Kind = ChatEvent::Kind;

constexpr std::size_t kMaxHeader = 4096;
constexpr std::string_view kStart = "<|start|>", kChannel = "<|channel|>", kMessage = "<|message|>";
constexpr std::array kBodyEnds = {kStart, kChannel, std::string_view("<|end|>"), std::string_view("<|call|>"),
                                  std::string_view("<|return|>")};
constexpr std::string_view kFunctions = "functions.";

// What stands between `before` and the next blank or marker.
std::string_view word_after(std::string_view header, std::string_view before) {
  const std::size_t found = header.find(before);
  if (found == header.npos) return {};
  const std::string_view rest = header.substr(found + before.size());
  return rest.substr(0, rest.find_first_of(" \n<"));
}

class Channels : public ReplyReader {
 public:
  Channels(ReplyReaderParts parts, std::string_view prompt) : parts_(std::move(parts)) {
    // The last message that the prompt begins.
    const std::size_t start = prompt.rfind(kStart);
    if (start == prompt.npos) return;
    const std::string_view last = prompt.substr(start);
    const std::size_t message = last.find(kMessage);
    header_ = last.substr(0, message);
    prompt_bytes_ = header_.size();
    if (message != last.npos) begin_body();
  }

  void take(char c) override {
    if (in_header_) {
      take_header(c);
    } else {
      take_body(c);
    }
  }

  void end(bool by_model) override {
    if (in_header_) {
      say(Kind::text, std::string_view(header_).substr(std::min(prompt_bytes_, header_.size())));
    } else {
      say_body(held_);
      // "<|call|>" ends the reply, too.
      if (by_model && body_ == Kind::arguments) parts_.events.end_call();
    }
    header_.clear();
    held_.clear();
  }

 private:
  void take_header(char c) {
    header_ += c;
    if (header_.ends_with(kMessage)) {
      header_.resize(header_.size() - kMessage.size());
      begin_body();
    } else if (header_.size() > kMaxHeader || !may_be_header()) {
      // No message: it is said, but for the last byte, with which a marker may begin.
      body_ = Kind::text;
      in_header_ = false;
      const std::string text = std::exchange(header_, {}).substr(std::exchange(prompt_bytes_, 0));
      say(Kind::text, std::string_view(text).substr(0, text.size() - 1));
      take_body(c);
    }
  }

  bool may_be_header() const {
    const std::string_view header = std::string_view(header_).substr(prompt_bytes_);
    if (trimmed(header).empty()) return true;
    const std::string_view begin = trimmed(header);
    return std::ranges::any_of(
        std::array{kStart, kChannel, kMessage, std::string_view("to="), std::string_view("<|constrain|>")},
        [&](std::string_view mark) { return mark.starts_with(begin) || begin.starts_with(mark); });
  }

  void begin_body() {
    const std::string_view recipient = word_after(header_, "to=");
    const std::string_view channel = word_after(header_, kChannel);
    std::string_view name = recipient;
    if (name.starts_with(kFunctions)) name.remove_prefix(kFunctions.size());
    body_ = channel == "analysis" ? Kind::reasoning : Kind::text;
    if (!recipient.empty()) {
      if (std::ranges::contains(parts_.tools, name, &Tool::name)) {
        parts_.events.begin_call(parts_.make_id(), std::string(name));
        body_ = Kind::arguments;
      } else if (header_.size() > prompt_bytes_) {
        // Of a call that no tool takes, nothing is left out.
        body_ = Kind::text;
        say(Kind::text, std::string_view(header_).substr(prompt_bytes_));
        say(Kind::text, kMessage);
      }
    }
    header_.clear();
    prompt_bytes_ = 0;
    in_header_ = false;
  }

  void take_body(char c) {
    held_ += c;
    while (!held_.empty()) {
      const auto begun = [this](std::string_view mark) { return mark.starts_with(held_); };
      const auto mark = std::ranges::find_if(kBodyEnds, begun);
      if (mark == kBodyEnds.end()) {
        say_body(held_.substr(0, 1));
        held_.erase(0, 1);
        continue;
      }
      if (*mark != held_) return;
      end_body();
      header_ = *mark == kStart || *mark == kChannel ? held_ : "";
      held_.clear();
    }
  }

  void end_body() {
    if (body_ == Kind::arguments) parts_.events.end_call();
    in_header_ = true;
  }

  void say_body(std::string_view text) {
    if (body_ == Kind::arguments) {
      parts_.events.add_arguments(text);
    } else {
      say(body_, text);
    }
  }
  void say(Kind kind, std::string_view text) { parts_.events.add(kind, text); }

  ReplyReaderParts parts_;
  bool in_header_ = true;
  std::string header_;
  std::size_t prompt_bytes_ = 0;  // of the header, that are the prompt's
  Kind body_ = Kind::text;
  std::string held_;  // of the body, what may be the beginning of a marker
};

}  // namespace

std::unique_ptr<ReplyReader> read_channels(ReplyReaderParts parts, std::string_view prompt) {
  return std::make_unique<Channels>(std::move(parts), prompt);
}

}  // namespace banyan
