#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/reply/argument_type.h"
#include "chat/reply/arguments_reader.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"
#include "chat/reply/nested_tags.h"

namespace banyan {
namespace {

void append_escaped(std::string& json, std::string_view text) {
  for (const char c : text) append_json_escaped(json, c);
}

// A value that is perhaps no string.
std::string json_of_value(std::string_view text, ArgumentType type) {
  const nlohmann::json parsed = nlohmann::json::parse(trimmed(text), nullptr, false);
  if (!parsed.is_discarded() && !(type == ArgumentType::either && parsed.is_string())) {
    return std::string(trimmed(text));
  }
  if (type == ArgumentType::json) {
    if (text == "True") return "true";
    if (text == "False") return "false";
    if (text == "None") return "null";
    if (std::string json = json_of_literal(text); !json.empty()) return json;
  }
  std::string json = "\"";
  append_escaped(json, text);
  return json + '"';
}

class Tagged : public ArgumentsReader {
 public:
  Tagged(const CallForm& form, const Tool& tool) : form_(form), tool_(tool) { look_for_tag(); }

  Step take(char c, std::string& json) override {
    if (!begun_) json += '{';
    begun_ = true;
    switch (state_) {
      case State::between:
        return take_tag(c, json);
      case State::key:
        if (until_->take(c, text_) == Step::done) {
          key_ = std::exchange(text_, {});
          if (form_.type_end.empty()) {
            type_ = argument_type(tool_, key_);
            begin_value(json);
          } else {
            state_ = State::type;
            until_.emplace(std::string(trimmed(form_.type_end)));
          }
        }
        return Step::more;
      case State::type:
        if (until_->take(c, text_) == Step::done) {
          type_ = std::exchange(text_, {}) == form_.text_type ? ArgumentType::text : ArgumentType::json;
          begin_value(json);
        }
        return Step::more;
      case State::value:
        take_value(c, json);
        return Step::more;
    }
    std::unreachable();
  }

  std::string rest() override { return std::exchange(tag_, {}); }

  void end(std::string& json) override {
    if (!begun_) json += '{';
    if (state_ != State::value) return;
    text_ += until_->held();
    flush(json, text_.size());
  }

 private:
  enum class State : std::uint8_t { between, key, type, value };

  void look_for_tag() {
    state_ = State::between;
    key_begins_.emplace(trimmed(form_.key_begin));
    call_ends_.emplace(trimmed(form_.end));
    tag_.clear();
  }

  static Step take(std::optional<MarkerMatch>& match, char c) {
    if (!match) return Step::failed;
    const Step step = match->take(c);
    if (step == Step::failed) match.reset();
    return step;
  }

  Step take_tag(char c, std::string& json) {
    tag_ += c;
    if (take(call_ends_, c) == Step::done) {
      json += '}';
      return Step::done;
    }
    if (key_has_begun_ && !call_ends_) {  // the call's end goes on otherwise
      begin_key();
      tag_.clear();
      return take(c, json);
    }
    if (take(key_begins_, c) == Step::done) {
      key_begins_.reset();
      if (!call_ends_) {
        begin_key();
        return Step::more;
      }
      key_has_begun_ = true;
    }
    return key_begins_ || call_ends_ ? Step::more : Step::failed;
  }

  void begin_key() {
    state_ = State::key;
    key_has_begun_ = false;
    text_.clear();
    until_.emplace(std::string(trimmed(form_.key_end)));
  }

  void begin_value(std::string& json) {
    if (!is_first_) json += ", ";
    is_first_ = false;
    json += '"';
    append_escaped(json, key_);
    json += type_ == ArgumentType::text ? "\": \"" : "\": ";
    state_ = State::value;
    may_be_line_break_ = form_.values_on_lines;
    std::string end(trimmed(form_.value_end));
    if (form_.keys_end_values) end += key_ + form_.key_end;
    until_.emplace(std::move(end));
  }

  void take_value(char c, std::string& json) {
    if (std::exchange(may_be_line_break_, false) && c == '\n') return;
    if (until_->take(c, text_) != Step::done) {
      // A line break may be the value's last.
      if (type_ == ArgumentType::text && !text_.empty()) {
        flush(json, text_.size() - (form_.values_on_lines && text_.back() == '\n'));
      }
      return;
    }
    if (form_.values_on_lines && text_.ends_with('\n')) text_.pop_back();
    if (type_ == ArgumentType::text) {
      flush(json, text_.size());
      json += '"';
    } else {
      std::string value = form_.keys_end_values ? json_of_nested_tags(form_, text_) : "";
      json += value.empty() ? json_of_value(text_, type_) : value;
    }
    text_.clear();
    look_for_tag();
  }

  void flush(std::string& json, std::size_t bytes) {
    append_escaped(json, std::string_view(text_).substr(0, bytes));
    text_.erase(0, bytes);
  }

  const CallForm& form_;
  const Tool& tool_;
  State state_ = State::between;
  bool begun_ = false, is_first_ = true, may_be_line_break_ = false;
  std::optional<MarkerMatch> key_begins_, call_ends_;
  bool key_has_begun_ = false;  // unless it is the call's end
  std::string tag_;             // since the last value
  std::optional<TextUntil> until_;
  std::string text_, key_;
  ArgumentType type_ = ArgumentType::either;
};

}  // namespace

std::unique_ptr<ArgumentsReader> tagged_arguments(const CallForm& form, const Tool& tool) {
  return std::make_unique<Tagged>(form, tool);
}

}  // namespace banyan
