#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/reply/arguments_reader.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"
#include "chat/reply/nested_tags.h"
#include "chat/reply/tool_schema.h"

namespace banyan {
namespace {

constexpr std::string_view kCdata = "<![CDATA[", kCdataEnd = "]]>";

void append_escaped(std::string& json, std::string_view text) {
  for (const char c : text) append_json_escaped(json, c);
}

// A value of one of these types, which is perhaps no string. What is JSON of another type is a string, unless
// there are none.
std::string json_of_value(std::string_view text, unsigned types) {
  const bool may_be_text = types & kTextType;
  const nlohmann::json parsed = nlohmann::json::parse(trimmed(text), nullptr, false);
  if (!parsed.is_discarded() && (!may_be_text || (!parsed.is_string() && (types & json_type_of(parsed))))) {
    return std::string(trimmed(text));
  }
  if (!may_be_text) {
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
  Tagged(const CallForm& form, const Tool& tool) : form_(form), schema_(tool.parameters) { look_for_tag(); }

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
            types_ = schema_.types(schema_.schemas_of(key_));
            begin_value(json);
          } else {
            state_ = State::type;
            until_.emplace(std::string(trimmed(form_.type_end)));
          }
        }
        return Step::more;
      case State::type:
        if (until_->take(c, text_) == Step::done) {
          types_ = std::exchange(text_, {}) == form_.text_type ? kTextType : kAnyJsonType & ~kTextType;
          begin_value(json);
        }
        return Step::more;
      case State::value:
        take_value(c, json);
        return Step::more;
      case State::behind_cdata:  // blanks, if anything
        if (until_->take(c, text_) == Step::done) look_for_tag();
        return Step::more;
    }
    std::unreachable();
  }

  std::string rest() override { return std::exchange(tag_, {}); }

  bool end(bool by_model, std::string& json) override {
    if (!begun_) json += '{';
    if (state_ == State::value) {
      text_ += opening_;
      text_ += until_->held();
      if (is_text()) {
        flush(json, text_.size());
      } else {
        json += text_;
      }
    }
    // Many models leave the last marker, or some of it, to the token that ends their reply.
    if (!by_model || state_ != State::between || !call_ends_ || key_has_begun_) return false;
    json += '}';
    return true;
  }

 private:
  enum class State : std::uint8_t { between, key, type, value, behind_cdata };

  bool is_text() const { return types_ == kTextType; }

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
    json += is_text() ? "\": \"" : "\": ";
    state_ = State::value;
    may_be_line_break_ = form_.values_on_lines;
    may_be_cdata_ = form_.has_cdata;
    until_.emplace(value_end());
  }

  std::string value_end() const {
    std::string end(trimmed(form_.value_end));
    if (form_.keys_end_values) end += key_ + form_.key_end;
    return end;
  }

  void take_value(char c, std::string& json) {
    if (std::exchange(may_be_line_break_, false) && c == '\n') return;
    if (!may_be_cdata_) return take_plain_value(c, json);
    opening_ += c;
    if (opening_ == kCdata) {
      if (!is_text()) json += '"';
      types_ = kTextType;
      is_cdata_ = true;
      until_.emplace(std::string(kCdataEnd));
    } else if (kCdata.starts_with(opening_)) {
      return;
    }
    may_be_cdata_ = false;
    const std::string begun = std::exchange(opening_, {});
    if (begun == kCdata) return;
    for (const char one : begun) take_plain_value(one, json);
  }

  void take_plain_value(char c, std::string& json) {
    if (until_->take(c, text_) != Step::done) {
      // A line break may be the value's last.
      if (is_text() && !text_.empty()) {
        flush(json, text_.size() - (form_.values_on_lines && !is_cdata_ && text_.back() == '\n'));
      }
      return;
    }
    if (std::exchange(is_cdata_, false)) {
      flush(json, text_.size());
      json += '"';
      state_ = State::behind_cdata;
      until_.emplace(value_end());
      return;
    }
    if (form_.values_on_lines && text_.ends_with('\n')) text_.pop_back();
    if (is_text()) {
      flush(json, text_.size());
      json += '"';
    } else {
      const bool is_tag = form_.keys_end_values && trimmed(text_).starts_with(trimmed(form_.key_begin));
      std::string value = is_tag ? json_of_nested_tags(form_, text_, schema_, schema_.schemas_of(key_)) : "";
      json += value.empty() ? json_of_value(text_, types_) : value;
    }
    text_.clear();
    look_for_tag();
  }

  void flush(std::string& json, std::size_t bytes) {
    append_escaped(json, std::string_view(text_).substr(0, bytes));
    text_.erase(0, bytes);
  }

  const CallForm& form_;
  ToolSchema schema_;
  State state_ = State::between;
  bool begun_ = false, is_first_ = true, may_be_line_break_ = false;
  bool may_be_cdata_ = false, is_cdata_ = false;  // the value
  std::string opening_;                           // of a value, what may be the beginning of <![CDATA[
  std::optional<MarkerMatch> key_begins_, call_ends_;
  bool key_has_begun_ = false;  // unless it is the call's end
  std::string tag_;             // since the last value
  std::optional<TextUntil> until_;
  std::string text_, key_;
  unsigned types_ = kAnyJsonType;  // of the value
};

}  // namespace

std::unique_ptr<ArgumentsReader> tagged_arguments(const CallForm& form, const Tool& tool) {
  return std::make_unique<Tagged>(form, tool);
}

}  // namespace banyan
