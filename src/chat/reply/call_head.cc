#include "chat/reply/call_head.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace banyan {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_id_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("_-.:").contains(c);
}

}  // namespace

CallHead::CallHead(const CallForm& form, const std::vector<Tool>& tools, std::vector<std::string_view> before)
    : form_(&form), tools_(&tools), markers_(std::move(before)) {
  std::ranges::reverse(markers_);
  after_markers();
}

Step CallHead::after_markers() {
  if (!markers_.empty()) {
    match_.emplace(trimmed(markers_.back()));
    markers_.pop_back();
  } else if (form_->arguments == CallForm::Arguments::members) {
    state_ = State::object;
  } else {
    state_ = form_->name_begin.empty() ? State::name : State::id_in_front;
  }
  return Step::more;
}

Step CallHead::take(char c) { return ++bytes_ > kMaxBytes ? Step::failed : take_byte(c); }

Step CallHead::take_byte(char c) {
  switch (state_) {
    case State::markers: {
      const Step step = match_->take(c);
      return step == Step::done ? after_markers() : step;
    }
    case State::id_in_front:
      return take_id_in_front(c);
    case State::after_id: {
      const Step step = match_->take(c);
      if (step == Step::done) state_ = State::name;
      return step == Step::done ? Step::more : step;
    }
    case State::name:
      return take_name(c);
    case State::after_name: {
      const Step step = match_->take(c);
      if (step != Step::done) return step;
      if (form_->word == CallForm::Word::none) return take_opening();
      state_ = State::word;
      return Step::more;
    }
    case State::word:
      return take_word(c);
    case State::after_word: {
      const Step step = match_->take(c);
      return step == Step::done ? take_opening() : step;
    }
    case State::opening: {
      if (is_blank(c)) return Step::more;
      const char expected = form_->arguments == CallForm::Arguments::json ? '{' : form_->open;
      if (c != expected) return Step::failed;
      open_ = c;
      return Step::done;
    }
    case State::object:
      if (is_blank(c)) return Step::more;
      if (c != '{') return Step::failed;
      state_ = State::key;
      text_.clear();
      span_ = {};
      return Step::more;
    case State::key:
      return take_key(c);
    case State::colon:
      if (is_blank(c)) return Step::more;
      if (c != ':') return Step::failed;
      state_ = State::value;
      text_.clear();
      span_ = {};
      return Step::more;
    case State::value:
      return take_value(c);
    case State::comma:
      if (is_blank(c)) return Step::more;
      return end_member(c);
  }
  std::unreachable();
}

// Where the marker behind the name is whole.
Step CallHead::take_opening() {
  if (form_->arguments == CallForm::Arguments::tagged) return Step::done;
  state_ = State::opening;
  return Step::more;
}

Step CallHead::take_id_in_front(char c) {
  if (is_id_byte(c)) {
    text_ += c;
    return Step::more;
  }
  id_ = std::exchange(text_, {});
  state_ = State::after_id;
  match_.emplace(trimmed(form_->name_begin));
  return take_byte(c);
}

// The longest name of a tool that the text goes on with.
Step CallHead::take_name(char c) {
  if (text_.empty() && is_blank(c)) return Step::more;
  text_ += c;
  const auto begins = [this](const Tool& tool) { return tool.name.starts_with(text_); };
  if (std::ranges::any_of(*tools_, begins)) return Step::more;
  text_.pop_back();
  if (!set_tool(text_)) return Step::failed;
  text_.clear();
  if (trimmed(form_->name_end).empty()) {
    if (form_->arguments == CallForm::Arguments::tagged) {
      // What follows must end the name.
      const bool ends =
          is_blank(c) || trimmed(form_->key_begin).starts_with(c) || trimmed(form_->end).starts_with(c);
      rest_ = c;
      return ends ? Step::done : Step::failed;
    }
    state_ = State::opening;
  } else {
    state_ = State::after_name;
    match_.emplace(trimmed(form_->name_end));
  }
  return take_byte(c);
}

Step CallHead::take_word(char c) {
  if (form_->word == CallForm::Word::number ? is_digit(c) : is_id_byte(c)) {
    text_ += c;
    return Step::more;
  }
  if (form_->word == CallForm::Word::id) id_ = text_;
  if (!form_->id_begin.empty()) id_ = form_->id_begin + tool_->name + ":" + text_;
  state_ = State::after_word;
  match_.emplace(trimmed(form_->word_end));
  return take_byte(c);
}

Step CallHead::take_key(char c) {
  if (text_.empty() && is_blank(c)) return Step::more;
  if (text_.empty() && c != '"') return c == '}' ? end_members() : Step::failed;
  text_ += c;
  const JsonSpan::Step step = span_.take(c);
  if (step == JsonSpan::Step::failed) return Step::failed;
  if (step != JsonSpan::Step::done) return Step::more;
  key_ = text_.substr(1, text_.size() - 2);
  // Where nothing marks a call, other JSON should not be held back for long.
  const bool is_bare = form_->begin.empty() && form_->section_begin.empty();
  if (is_bare && !tool_ && key_ != form_->name_key && key_ != form_->id_key && key_ != "type")
    return Step::failed;
  state_ = State::colon;
  return Step::more;
}

Step CallHead::take_value(char c) {
  const bool is_arguments = key_ == form_->arguments_key || key_ == "arguments" || key_ == "parameters";
  if (is_arguments && tool_ && text_.empty() && (c == '{' || c == '"')) {
    open_ = c;
    return Step::done;
  }
  const JsonSpan::Step step = span_.take(c);
  if (step == JsonSpan::Step::failed) return Step::failed;
  if (step != JsonSpan::Step::past && !(text_.empty() && is_blank(c))) text_ += c;
  if (step == JsonSpan::Step::more) return Step::more;
  if (is_arguments) {
    if (text_ == "null") text_ = "{}";
    if (text_.front() == '"') {
      const auto parsed = nlohmann::json::parse(text_, nullptr, false);
      if (parsed.is_string()) text_ = parsed.get<std::string>();
    }
    arguments_ = text_;
  } else if (text_.front() == '"') {
    const std::string_view word = std::string_view(text_).substr(1, text_.size() - 2);
    if ((key_ == form_->name_key || key_ == "name") && !set_tool(word)) return Step::failed;
    // An id of digits alone counts the calls of one reply: in the next, another call has it.
    if (!form_->id_key.empty() && key_ == form_->id_key && !std::ranges::all_of(word, is_digit)) id_ = word;
  }
  state_ = State::comma;
  return step == JsonSpan::Step::past ? take_byte(c) : Step::more;
}

Step CallHead::end_member(char c) {
  if (c == '}') return end_members();
  if (c != ',') return Step::failed;
  state_ = State::key;
  text_.clear();
  span_ = {};
  return Step::more;
}

// The object is whole.
Step CallHead::end_members() {
  if (!tool_) return Step::failed;
  if (!arguments_) arguments_ = "{}";
  return Step::done;
}

bool CallHead::set_tool(std::string_view name) {
  const auto found = std::ranges::find(*tools_, name, &Tool::name);
  tool_ = found == tools_->end() ? nullptr : &*found;
  return tool_ != nullptr;
}

}  // namespace banyan
