// The filters of texts and numbers, and those that take any value.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "jinja/filter_arguments.h"
#include "jinja/methods.h"
#include "jinja/number_text.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

// The text of a value, as most filters on strings take it.
std::string text_of(Runtime& runtime, const Value& value) { return to_string(runtime.meter, value); }

Value tojson(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = boolean_or(given[0], false);
  style.indent = given[1];
  if (is_given(style.indent) && !style.indent.is_integer() && !style.indent.text())
    failed("tojson() takes an indent of a number or a string");
  style.between_items = is_given(given[1]) ? "," : ", ";
  if (is_given(given[2])) {
    const ListPtr two = elements(runtime, given[2]);
    if (two->items.size() != 2 || !two->items[0].text() || !two->items[1].text())
      failed("tojson() takes two strings as separators");
    style.between_items = *two->items[0].text();
    style.behind_key = *two->items[1].text();
  }
  style.sorted = boolean_or(given[3], false);
  return to_json(runtime, value, std::move(style));
}

Value trim(Runtime& runtime, const Value& value, const Args& args) {
  const Value characters = args.bind("trim", {"chars"})[0];
  return make_text(&runtime.meter,
                   std::string(stripped(runtime.meter, text_of(runtime, value), characters, true, true)));
}

Value count(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("length", {});
  return length(runtime, value);
}

Value default_value(Runtime&, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("default", {"default_value", "boolean"});
  if (!value.is_undefined() && (!truthy(given[1]) || truthy(value))) return value;
  return given[0].is_undefined() && args.positional.empty() ? make_text(nullptr, "") : given[0];
}

Value string(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("string", {});
  return to_text(runtime.meter, value);
}

Value integer(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("int", {"default", "base"});
  const Value otherwise = given[0].is_undefined() ? Value(std::int64_t{0}) : given[0];
  if (const auto* undefined = value.as<Undefined>()) failed(undefined_message(*undefined));
  if (value.is_integer()) return value.integer();
  double number = 0;
  if (const std::string* text = value.text()) {
    runtime.meter.work(text->size());
    std::int64_t whole = 0;
    if (read_integer(*text, static_cast<int>(std::clamp<std::int64_t>(integer_or(given[1], 10), -1, 99)),
                     whole))
      return whole;
    if (!read_float(*text, number)) return otherwise;
  } else if (value.is_number()) {
    number = value.number();
  } else {
    return otherwise;
  }
  if (!std::isfinite(number)) return otherwise;
  if (std::abs(number) >= 9.2e18) failed("an integer is past the limit of 64 bits");
  return static_cast<std::int64_t>(number);
}

Value floating(Runtime&, const Value& value, const Args& args) {
  const Value given = args.bind("float", {"default"})[0];
  if (const auto* undefined = value.as<Undefined>()) failed(undefined_message(*undefined));
  double number = 0;
  if (value.is_number()) return value.number();
  if (value.text() && read_float(*value.text(), number)) return number;
  return given.is_undefined() ? Value(0.0) : given;
}

// To the nearest even in the last digit, of the number's exact decimal digits, as Python rounds.
double rounded(double number, int digits) {
  if (!std::isfinite(number) || digits > 300) return number;
  if (digits < 0) {
    const double unit = std::pow(10.0, -digits);
    return std::nearbyint(number / unit) * unit;
  }
  char text[1024];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return std::strtod(text, nullptr);
}

Value round(Runtime&, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("round", {"precision", "method"});
  const std::int64_t digits = integer_or(given[0], 0);
  const std::string method = given[1].text() ? *given[1].text() : "common";
  if (const auto* undefined = value.as<Undefined>()) failed(undefined_message(*undefined));
  if (method != "common" && method != "ceil" && method != "floor")
    failed("method must be common, ceil or floor");
  if (!value.is_number())
    failed("type " + std::string(type_name(value)) + " doesn't define __round__ method");
  if (digits > 300 || digits < -18) failed("round() takes a precision from -18 to 300");
  if (method == "common") {
    if (!value.is_integer()) return rounded(value.number(), static_cast<int>(digits));
    if (digits >= 0) return value.integer();
    std::int64_t unit = 1;
    for (std::int64_t i = 0; i < -digits; ++i) unit *= 10;
    const std::int64_t number = value.integer();
    std::int64_t quotient = number / unit;  // rounded down
    std::int64_t rest = number % unit;
    if (rest < 0) {
      --quotient;
      rest += unit;
    }
    const bool up = rest > unit - rest || (rest == unit - rest && quotient % 2 != 0);
    std::int64_t result = 0;
    if (__builtin_add_overflow(number, up ? unit - rest : -rest, &result))
      failed("an integer is past the limit of 64 bits");
    return result;
  }
  const double unit = std::pow(10.0, static_cast<double>(digits));
  const double scaled = value.number() * unit;
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit;
}

Value absolute(Runtime&, const Value& value, const Args& args) {
  args.bind("abs", {});
  if (value.is_integer()) return value.integer() < 0 ? negate(value) : Value(value.integer());
  if (!value.is_number()) failed("bad operand type for abs(): '" + std::string(type_name(value)) + "'");
  return std::abs(value.number());
}

Value indent(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("indent", {"width", "first", "blank"});
  std::string by;
  if (given[0].text()) {
    by = *given[0].text();
  } else {
    const std::int64_t width = integer_or(given[0], 4);
    if (width > 10'000) failed("indent() takes a width of 10000 at most");
    by.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
  }
  if (!value.text()) failed("indent takes a string");
  const std::string text = *value.text() + "\n";
  const bool blank = boolean_or(given[2], false);
  runtime.meter.step(text.size() / 8);
  Writer out(runtime.meter);
  if (boolean_or(given[1], false)) out.write(by);
  bool first_line = true;
  for (const std::string_view line : split_lines(text)) {
    if (!std::exchange(first_line, false)) {
      out.write("\n");
      if (blank || !line.empty()) out.write(by);
    }
    out.write(line);
  }
  return out.take();
}

Value replace(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("replace", {"old", "new", "count"});
  const std::int64_t most = is_given(given[2]) ? integer_or(given[2], -1) : -1;
  return make_text(&runtime.meter, replaced(runtime.meter, text_of(runtime, value),
                                            text_of(runtime, given[0]), text_of(runtime, given[1]), most));
}

template <char32_t (*change)(char32_t)>
Value mapped(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("upper or lower", {});
  const std::string text = text_of(runtime, value);
  runtime.meter.step(text.size() / 8);
  return make_text(&runtime.meter, map_points(text, change));
}

Value capitalize(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("capitalize", {});
  const std::string text = text_of(runtime, value);
  runtime.meter.step(text.size() / 8);
  return make_text(&runtime.meter, capitalized(text));
}

Value title(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("title", {});
  const std::string text = text_of(runtime, value);
  runtime.meter.step(text.size() / 8);
  std::string result;
  bool starts = true;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    const bool divides =
        is_space(point) || (point < 0x80 && std::string_view("-({[<").contains(static_cast<char>(point)));
    if (starts && !divides) {
      append_upper(result, point);
    } else {
      append_point(result, to_lower(point));
    }
    starts = divides;
  }
  return make_text(&runtime.meter, std::move(result));
}

Value escape(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("escape", {});
  Writer out(runtime.meter);
  std::string piece;
  for (const char letter : text_of(runtime, value)) {
    switch (letter) {
      case '&':
        piece += "&amp;";
        break;
      case '<':
        piece += "&lt;";
        break;
      case '>':
        piece += "&gt;";
        break;
      case '"':
        piece += "&#34;";
        break;
      case '\'':
        piece += "&#39;";
        break;
      default:
        piece += letter;
    }
    if (piece.size() > 4000) out.write(std::exchange(piece, {}));
  }
  out.write(piece);
  return out.take();
}

Value truncate(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("truncate", {"length", "killwords", "end", "leeway"});
  const std::int64_t most = integer_or(given[0], 255);
  const std::string end = given[2].text() ? *given[2].text() : "...";
  const std::int64_t leeway = is_given(given[3]) ? integer_or(given[3], 5) : 5;
  const auto end_size = static_cast<std::int64_t>(count_points(end));
  if (most < end_size) failed("truncate() takes a length that its end fits in");
  if (leeway < 0) failed("truncate() takes a leeway of 0 or more");
  const std::string text = text_of(runtime, value);
  if (static_cast<std::int64_t>(count_points(text)) - leeway <= most) return make_text(&runtime.meter, text);
  std::string cut = text.substr(0, byte_of(text, static_cast<std::size_t>(most - end_size)));
  if (!boolean_or(given[1], false)) cut = cut.substr(0, std::min(cut.rfind(' '), cut.size()));
  return make_text(&runtime.meter, cut + end);
}

Value wordcount(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("wordcount", {});
  const std::string text = text_of(runtime, value);
  runtime.meter.step(text.size() / 8);
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    const bool word = is_letter(point) || point == '_' || (point >= '0' && point <= '9');
    if (word && !inside) ++words;
    inside = word;
  }
  return words;
}

Value format(Runtime& runtime, const Value& value, const Args& args) {
  if (!args.named.empty() && !args.positional.empty())
    failed("can't handle positional and keyword arguments at the same time");
  const std::string text = text_of(runtime, value);
  if (args.named.empty())
    return percent_format(runtime, text, make_list(&runtime.meter, args.positional, Shape::tuple));
  const auto names = std::make_shared<Dict>(&runtime.meter);
  for (const auto& [name, argument] : args.named) names->set(make_text(&runtime.meter, name), argument);
  return percent_format(runtime, text, DictPtr(names));
}

Value attribute(Runtime& runtime, const Value& value, const Args& args) {
  const Value name = args.bind("attr", {"name"})[0];
  if (!name.text()) failed("attr takes a name");
  Value found = method_of(runtime, value, *name.text());
  if (found.is_undefined())
    return Value::undefined(&runtime.meter, "there is no attribute '" + name.text()->substr(0, 200) + "'");
  return found;
}

Value center(Runtime& runtime, const Value& value, const Args& args) {
  const Value width = args.bind("center", {"width"})[0];
  const Value text = to_text(runtime.meter, value);
  Args width_alone;
  width_alone.positional.push_back(width.is_undefined() ? Value(std::int64_t{80}) : width);
  return call(runtime, method_of(runtime, text, "center"), width_alone);
}

Value refused_random(Runtime&, const Value&, const Args&) {
  failed("the filter 'random' is not supported: the same messages are to give the same prompt");
}

constexpr NamedFilter kFilters[] = {
    {"tojson", tojson},
    {"trim", trim},
    {"length", count},
    {"count", count},
    {"default", default_value},
    {"d", default_value},
    {"string", string},
    {"safe", string},
    {"int", integer},
    {"float", floating},
    {"round", round},
    {"abs", absolute},
    {"indent", indent},
    {"replace", replace},
    {"upper", mapped<to_upper>},
    {"lower", mapped<to_lower>},
    {"capitalize", capitalize},
    {"title", title},
    {"escape", escape},
    {"e", escape},
    {"truncate", truncate},
    {"wordcount", wordcount},
    {"format", format},
    {"attr", attribute},
    {"center", center},
    {"random", refused_random},
};

}  // namespace

Filter find_filter(std::string_view name) {
  for (const std::span<const NamedFilter> table :
       {std::span<const NamedFilter>(kFilters), sequence_filters()}) {
    const auto found = std::ranges::find(table, name, &NamedFilter::name);
    if (found != table.end()) return found->filter;
  }
  return nullptr;
}

}  // namespace banyan::jinja
