#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/reply/arguments_reader.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

constexpr std::size_t kMaxDepth = 64;

// A number or a word as JSON.
std::string json_of_word(std::string_view word) {
  if (word == "True") return "true";
  if (word == "False") return "false";
  if (word == "None") return "null";
  if (nlohmann::json::accept(word)) return std::string(word);
  std::string text = "\"";
  for (const char c : word) append_json_escaped(text, c);
  return text + '"';
}

// Values nested in brackets. In those of `open`, names stand before values; lists have none.
class Literals : public ArgumentsReader {
 public:
  Literals(std::string quote, char open, char close, char assign)
      : open_(open), close_(close), assign_(assign), quote_(std::move(quote)) {
    if (!quote_.empty()) quoted_.emplace(quote_);
  }

  Step take(char c, std::string& json) override {
    if (brackets_.empty()) enter(open_, json);
    switch (state_) {
      case State::quoted:
        return take_quoted(c, json);
      case State::string:
        return take_string(c, json);
      case State::closing:
        if (is_blank(c)) {
          blanks_ += c;
          return Step::more;
        }
        if (!may_follow_value(c)) return go_on_in_string(c, json);
        end_string(json);
        return take_outside(c, json);
      case State::word:
        if (!may_follow_value(c)) {
          word_ += c;
          return quote_begins(json);
        }
        end_word(json);
        return take_outside(c, json);
      case State::outside:
        return take_outside(c, json);
    }
    std::unreachable();
  }

  std::string rest() override { return std::exchange(rest_, {}); }

  bool end(bool, std::string& json) override {
    if (brackets_.empty()) enter(open_, json);
    if (state_ == State::word && expects_value_) json += word_;
    if (state_ == State::quoted) {
      for (const char c : quoted_->held()) append_json_escaped(json, c);
    }
    if (state_ == State::closing) end_string(json);
    return false;
  }

 private:
  enum class State : std::uint8_t {
    outside,  // of names, strings, numbers
    word,     // in a name or number, or in the beginning of quote_
    string,   // between Python's quotes
    closing,  // after what may have been the string's last quote
    quoted,   // between quote_
  };

  bool is_list() const { return brackets_.back() == ']'; }
  bool may_follow_value(char c) const {
    return c == ',' || c == brackets_.back() || (!expects_value_ && (c == ':' || c == assign_));
  }

  void enter(char bracket, std::string& json) {
    const bool list = bracket == '[';
    brackets_ += list ? ']' : bracket == '{' ? '}' : close_;
    json += list ? '[' : '{';
    expects_value_ = list;
    is_first_ = true;
  }

  void begin_item(std::string& json) {
    if (is_list() || !expects_value_) {
      if (!is_first_) json += ", ";
      is_first_ = false;
    }
  }

  Step take_outside(char c, std::string& json) {
    state_ = State::outside;
    if (is_blank(c)) return Step::more;
    if (c == brackets_.back()) {
      json += c == ']' ? ']' : '}';
      brackets_.pop_back();
      if (brackets_.empty()) return Step::done;
      is_first_ = false;
      has_value_ = true;
      expects_value_ = is_list();
      return Step::more;
    }
    if (c == ',') {
      has_value_ = false;
      expects_value_ = is_list();
      return Step::more;
    }
    if (!expects_value_ && has_name_ && (c == ':' || c == assign_)) {
      json += ": ";
      has_name_ = false;
      expects_value_ = true;
      return Step::more;
    }
    if (has_value_ || has_name_) return fail(c);
    if (c == '[' || c == '{') {
      if (!expects_value_ || brackets_.size() == kMaxDepth) return fail(c);
      begin_item(json);
      enter(c, json);
      return Step::more;
    }
    if (c == '\'' || c == '"') {
      begin_item(json);
      json += '"';
      mark_ = c;
      state_ = State::string;
      return Step::more;
    }
    if (c == ')' || c == ']' || c == '}' || c == ':' || c == '=') return fail(c);
    begin_item(json);
    state_ = State::word;
    word_ = c;
    return quote_begins(json);
  }

  Step quote_begins(std::string& json) {
    if (quote_.empty() || word_ != quote_) return Step::more;
    json += '"';
    word_.clear();
    state_ = State::quoted;
    return Step::more;
  }

  Step take_quoted(char c, std::string& json) {
    std::string text;
    const Step step = quoted_->take(c, text);
    for (const char one : text) append_json_escaped(json, one);
    if (step != Step::done) return Step::more;
    quoted_.emplace(quote_);
    end_string(json);
    return Step::more;
  }

  Step take_string(char c, std::string& json) {
    if (escaped_) {
      escaped_ = false;
      append_unescaped(c, json);
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == mark_) {
      state_ = State::closing;
      blanks_.clear();
    } else {
      append_json_escaped(json, c);
    }
    return Step::more;
  }

  static void append_unescaped(char c, std::string& json) {
    switch (c) {
      case 'n':
        return append_json_escaped(json, '\n');
      case 't':
        return append_json_escaped(json, '\t');
      case 'r':
        return append_json_escaped(json, '\r');
      case '\'':
      case '"':
      case '\\':
        return append_json_escaped(json, c);
      default:  // some write backslashes as they are
        append_json_escaped(json, '\\');
        append_json_escaped(json, c);
    }
  }

  // Some write quotes within strings as they are.
  Step go_on_in_string(char c, std::string& json) {
    append_json_escaped(json, mark_);
    for (const char blank : blanks_) append_json_escaped(json, blank);
    state_ = State::string;
    return take_string(c, json);
  }

  void end_string(std::string& json) {
    json += '"';
    end_item();
  }

  void end_word(std::string& json) {
    const std::string_view word = trimmed(word_);
    if (expects_value_) {
      json += json_of_word(word);
    } else {
      json += '"';
      for (const char c : word) append_json_escaped(json, c);
      json += '"';
    }
    end_item();
  }

  void end_item() {
    state_ = State::outside;
    (expects_value_ ? has_value_ : has_name_) = true;
  }

  Step fail(char c) {
    rest_ = c;
    return Step::failed;
  }

  char open_, close_, assign_;
  std::string quote_;
  std::optional<TextUntil> quoted_;
  State state_ = State::outside;
  std::string brackets_;  // that are to be closed
  bool is_first_ = true, expects_value_ = false, has_value_ = false, has_name_ = false;
  char mark_ = '"';
  bool escaped_ = false;
  std::string blanks_, word_, rest_;
};

}  // namespace

std::unique_ptr<ArgumentsReader> literal_arguments(const CallForm& form) {
  return std::make_unique<Literals>(form.quote, form.open, form.close, form.assign);
}

std::string json_of_literal(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return "";
  Literals literals("", text.front(), text.front() == '{' ? '}' : ']', ':');
  std::string json;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const Step step = literals.take(text[i], json);
    if (step == Step::failed) return "";
    if (step == Step::done) return i + 1 == text.size() && nlohmann::json::accept(json) ? json : "";
  }
  return "";
}

}  // namespace banyan
