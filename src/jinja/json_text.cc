#include <cmath>

#include "jinja/filters.h"
#include "jinja/number_text.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style)
      : out_(runtime.meter), runtime_(runtime), style_(style) {
    if (const std::string* text = style.indent.text()) {
      unit_ = *text;
    } else if (style.indent.is_integer()) {
      if (style.indent.integer() > 1000) failed("tojson() indents by 1000 at most");
      unit_.assign(static_cast<std::size_t>(std::max<std::int64_t>(style.indent.integer(), 0)), ' ');
    }
    lines_ = style.indent.text() || style.indent.is_integer();
  }

  void write(const Value& value) {
    runtime_.meter.step();
    const Nest nest(runtime_.meter);
    if (value.is_none()) return out_.write("null");
    if (const bool* boolean = value.as<bool>()) return out_.write(*boolean ? "true" : "false");
    if (value.is_number()) return out_.write(number(value));
    if (const std::string* text = value.text()) return string(*text);
    if (const List* list = value.list(); list && list->is_sequence()) {
      if (list->items.empty()) return out_.write("[]");
      out_.write("[");
      ++level_;
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        next(i == 0);
        write(list->items[i]);
      }
      return close("]");
    }
    if (const Dict* dict = value.dict()) return object(*dict);
    failed("Object of type " + std::string(type_name(value)) + " is not JSON serializable");
  }

  Value take() { return out_.take(); }

 private:
  static std::string number(const Value& value) {
    if (value.is_integer()) return std::to_string(value.integer());
    const double number = value.number();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return float_repr(number);
  }

  void object(const Dict& dict) {
    if (dict.entries().empty()) return out_.write("{}");
    std::vector<std::pair<Value, Value>> entries(dict.entries().begin(), dict.entries().end());
    if (style_.sorted) {
      std::vector<std::pair<Value, Value>> keyed;
      for (const auto& [key, value] : entries) keyed.emplace_back(key, make_list(nullptr, {key, value}));
      stable_sort(runtime_, keyed, false);
      for (std::size_t i = 0; i < keyed.size(); ++i)
        entries[i] = {keyed[i].second.list()->items[0], keyed[i].second.list()->items[1]};
    }
    out_.write("{");
    ++level_;
    bool first = true;
    for (const auto& [key, value] : entries) {
      next(std::exchange(first, false));
      if (const std::string* text = key.text()) {
        string(*text);
      } else if (key.is_none()) {
        out_.write("\"null\"");
      } else if (const bool* boolean = key.as<bool>()) {
        out_.write(*boolean ? "\"true\"" : "\"false\"");
      } else if (key.is_number()) {
        out_.write("\"" + number(key) + "\"");
      } else {
        failed("keys must be str, int, float, bool or None, not " + std::string(type_name(key)));
      }
      out_.write(style_.behind_key);
      write(value);
    }
    close("}");
  }

  void next(bool first) {
    if (!first) out_.write(style_.between_items);
    line();
  }

  void close(std::string_view bracket) {
    --level_;
    line();
    out_.write(bracket);
  }

  void line() {
    if (!lines_) return;
    out_.write("\n");
    for (int i = 0; i < level_; ++i) out_.write(unit_);
  }

  void string(const std::string& text) {
    std::string piece = "\"";
    for (std::size_t at = 0; at < text.size();) {
      if (piece.size() > 4000) out_.write(std::exchange(piece, {}));
      const std::size_t begin = at;
      const char32_t point = next_point(text, at);
      switch (point) {
        case '"':
          piece += "\\\"";
          break;
        case '\\':
          piece += "\\\\";
          break;
        case '\n':
          piece += "\\n";
          break;
        case '\r':
          piece += "\\r";
          break;
        case '\t':
          piece += "\\t";
          break;
        case '\b':
          piece += "\\b";
          break;
        case '\f':
          piece += "\\f";
          break;
        default:
          if (point < 0x20 || (style_.ascii && point > 0x7E && point < 0x10000)) {
            if (point == 0x7F)
              piece += '\x7F';
            else
              piece += "\\u" + hexadecimal(point, 4);
          } else if (style_.ascii && point >= 0x10000) {
            const char32_t rest = point - 0x10000;
            piece += "\\u" + hexadecimal(0xD800 + (rest >> 10), 4) + "\\u" +
                     hexadecimal(0xDC00 + (rest & 0x3FF), 4);
          } else {
            piece.append(text, begin, at - begin);
          }
      }
    }
    out_.write(piece += '"');
  }

  Writer out_;
  Runtime& runtime_;
  const JsonStyle& style_;
  std::string unit_;
  bool lines_ = false;
  int level_ = 0;
};

}  // namespace

Value to_json(Runtime& runtime, const Value& value, JsonStyle style) {
  JsonWriter writer(runtime, style);
  writer.write(value);
  return writer.take();
}

}  // namespace banyan::jinja
