#include "chat/reply/json_reader.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "chat/reply/arguments_reader.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

bool may_be_outside_strings(char c) {
  return is_blank(c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         std::string_view("[]{},:+-.E").contains(c);
}

class JsonObject : public ArgumentsReader {
 public:
  Step take(char c, std::string& json) override {
    if (!begun_) json += '{';
    begun_ = true;
    if (!in_string_) {
      json += c;
      in_string_ = c == '"';
      if (c == '{' || c == '[') ++depth_;
      return (c == '}' || c == ']') && --depth_ == 0 ? Step::done : Step::more;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      append_json_escaped(json, c);
      escaped_ = false;
      return Step::more;
    }
    json += c;
    in_string_ = c != '"' || escaped_;
    escaped_ = c == '\\' && !escaped_;
    return Step::more;
  }
  bool end(bool, std::string& json) override {
    if (!begun_) json += '{';
    return false;
  }

 private:
  std::size_t depth_ = 1;
  bool begun_ = false, in_string_ = false, escaped_ = false;
};

// What the string holds is known when it ends.
class JsonInString : public ArgumentsReader {
 public:
  Step take(char c, std::string& json) override {
    text_ += c;
    const bool ends = c == '"' && !escaped_;
    escaped_ = c == '\\' && !escaped_;
    if (!ends) return Step::more;
    const auto parsed = nlohmann::json::parse(text_, nullptr, false);
    json += parsed.is_string() ? parsed.get_ref<const std::string&>() : text_;
    return Step::done;
  }
  bool end(bool, std::string& json) override {
    json += text_;
    return false;
  }

 private:
  std::string text_ = "\"";
  bool escaped_ = false;
};

}  // namespace

JsonSpan::Step JsonSpan::take(char c) {
  if (in_string_) {
    in_string_ = c != '"' || escaped_;
    escaped_ = c == '\\' && !escaped_;
    return in_string_ || depth_ > 0 ? Step::more : Step::done;
  }
  if (!begun_ && is_blank(c)) return Step::more;
  if (begun_ && depth_ == 0 && (c == ',' || c == '}' || c == ']' || is_blank(c))) return Step::past;
  if (c == '"' ? begun_ && depth_ == 0 : !may_be_outside_strings(c)) return Step::failed;
  in_string_ = c == '"';
  if (c == '{' || c == '[') {
    if (begun_ && depth_ == 0) return Step::failed;
    ++depth_;
  }
  if (c == '}' || c == ']') {
    if (depth_ == 0) return Step::failed;
    if (--depth_ == 0) return Step::done;
  }
  begun_ = true;
  return Step::more;
}

void append_json_escaped(std::string& json, char c) {
  switch (c) {
    case '"':
      json += "\\\"";
      return;
    case '\\':
      json += "\\\\";
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      if (static_cast<unsigned char>(c) >= 0x20) {
        json += c;
        return;
      }
      constexpr std::string_view kDigits = "0123456789abcdef";
      json += "\\u00";
      json += kDigits[static_cast<unsigned char>(c) >> 4];
      json += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

std::unique_ptr<ArgumentsReader> json_arguments(char open) {
  if (open == '"') return std::make_unique<JsonInString>();
  return std::make_unique<JsonObject>();
}

}  // namespace banyan
