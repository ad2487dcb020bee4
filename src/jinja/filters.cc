#include "jinja/filters.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "jinja/methods.h"
#include "jinja/number_text.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

bool is_given(const Value& value) { return !value.is_undefined() && !value.is_none(); }

std::int64_t integer_or(const Value& value, std::int64_t otherwise) {
  if (value.is_undefined()) return otherwise;
  if (!value.is_integer())
    failed("'" + std::string(type_name(value)) + "' object cannot be interpreted as an integer");
  return value.integer();
}

bool boolean_or(const Value& value, bool otherwise) {
  return value.is_undefined() ? otherwise : truthy(value);
}

// The text of a value, as most filters on strings take it.
std::string text_of(Runtime& runtime, const Value& value) { return to_string(runtime.meter, value); }

Value lowered(Runtime& runtime, const Value& value) {
  if (!value.text()) return value;
  runtime.meter.step(value.text()->size() / 8);
  return make_text(&runtime.meter, map_points(*value.text(), to_lower));
}

/// What jinja2 calls an attribute: "a.b.0", a number, or nothing.
class Path {
 public:
  explicit Path(Runtime& runtime, const Value& attribute) {
    if (!is_given(attribute)) return;
    if (const std::string* text = attribute.text()) {
      for (std::size_t at = 0; at <= text->size();) {
        const std::size_t dot = std::min(text->find('.', at), text->size());
        const std::string part = text->substr(at, dot - at);
        const bool digits =
            !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string::npos;
        keys_.push_back(digits ? Value(static_cast<std::int64_t>(std::atoll(part.c_str())))
                               : make_text(&runtime.meter, part));
        runtime.meter.step();
        at = dot + 1;
      }
    } else {
      keys_.push_back(attribute);
    }
  }

  Value of(Runtime& runtime, Value value, const Value& otherwise = {}) const {
    for (const Value& key : keys_) {
      runtime.meter.step();
      value = get_item(runtime, value, key);
      if (value.is_undefined() && is_given(otherwise)) value = otherwise;
    }
    return value;
  }

 private:
  std::vector<Value> keys_;
};

using Keyed = std::vector<std::pair<Value, Value>>;

Value listed(Runtime& runtime, std::vector<Value> items, Shape shape = Shape::list) {
  return make_list(&runtime.meter, std::move(items), shape);
}

// Each element with what it is ordered by.
Keyed keyed(Runtime& runtime, const Value& value, const Value& attribute, bool case_sensitive) {
  std::vector<Path> paths;
  if (const std::string* text = attribute.text(); text && text->contains(',')) {
    for (std::size_t at = 0; at <= text->size();) {
      const std::size_t comma = std::min(text->find(',', at), text->size());
      paths.emplace_back(runtime, make_text(&runtime.meter, text->substr(at, comma - at)));
      at = comma + 1;
    }
  } else {
    paths.emplace_back(runtime, attribute);
  }
  Keyed all;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    std::vector<Value> keys;
    for (const Path& path : paths) {
      Value key = path.of(runtime, item);
      keys.push_back(case_sensitive ? std::move(key) : lowered(runtime, key));
    }
    runtime.meter.step();
    all.emplace_back(keys.size() == 1 ? keys[0] : listed(runtime, keys), item);
  }
  return all;
}

std::vector<Value> values_of(const Keyed& all) {
  std::vector<Value> values;
  values.reserve(all.size());
  for (const auto& [key, value] : all) values.push_back(value);
  return values;
}

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

Value join(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("join", {"d", "attribute"});
  const std::string between = text_of(runtime, given[0]);
  const Path path(runtime, given[1]);
  Writer out(runtime.meter);
  bool first = true;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    if (!std::exchange(first, false)) out.write(between);
    write_str(out, path.of(runtime, item));
    runtime.meter.step();
  }
  return out.take();
}

std::string_view name_of(const Value& value, const char* what) {
  if (!value.text()) failed(std::string("the name of a ") + what + " is missing");
  return *value.text();
}

Value map(Runtime& runtime, const Value& value, const Args& args) {
  std::vector<Value> items;
  if (args.positional.empty()) {
    const std::vector<Value> given = args.bind("map", {"", "attribute", "default"});
    if (!is_given(given[1])) failed("map requires a filter argument");
    const Path path(runtime, given[1]);
    const ListPtr all_items = elements(runtime, value);
    for (const Value& item : all_items->items) items.push_back(path.of(runtime, item, given[2]));
  } else {
    const std::string_view name = name_of(args.positional[0], "filter");
    const Filter filter = find_filter(name);
    if (!filter) failed("No filter named '" + std::string(name) + "'.");
    Args rest = args;
    rest.positional.erase(rest.positional.begin());
    const Nest nest(runtime.meter);
    const ListPtr all_items = elements(runtime, value);
    for (const Value& item : all_items->items) {
      runtime.meter.step();
      items.push_back(filter(runtime, item, rest));
    }
  }
  return listed(runtime, std::move(items), Shape::generator);
}

template <bool selects, bool by_attribute>
Value select(Runtime& runtime, const Value& value, const Args& args) {
  Args rest = args;
  Path path(runtime, {});
  if (by_attribute) {
    if (rest.positional.empty()) failed("Missing parameter for attribute name");
    path = Path(runtime, rest.positional[0]);
    rest.positional.erase(rest.positional.begin());
  }
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const std::string_view name = name_of(rest.positional[0], "test");
    test = find_test(name);
    if (!test) failed("No test named '" + std::string(name) + "'.");
    rest.positional.erase(rest.positional.begin());
  }
  std::vector<Value> items;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    runtime.meter.step();
    const Value looked_at = path.of(runtime, item);
    if ((test ? test(runtime, looked_at, rest) : truthy(looked_at)) == selects) items.push_back(item);
  }
  return listed(runtime, std::move(items), Shape::generator);
}

Value list(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("list", {});
  if (value.list() && value.list()->shape == Shape::list) return value;
  return listed(runtime, elements(runtime, value)->items);
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
  if (!std::isfinite(number)) {
    if (std::isnan(number) || value.text()) return otherwise;
    return otherwise;
  }
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
    std::int64_t rest = number % unit;
    if (rest < 0) rest += unit;
    const std::int64_t down = number - rest;
    const bool up = rest > unit - rest || (rest == unit - rest && down / unit % 2 != 0);
    std::int64_t result = down;
    if (up && __builtin_add_overflow(down, unit, &result)) failed("an integer is past the limit of 64 bits");
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

Value first(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("first", {});
  if (const std::string* text = value.text(); text && !text->empty()) {
    std::size_t at = 0;
    next_point(*text, at);
    return make_text(&runtime.meter, text->substr(0, at));
  }
  const ListPtr all = elements(runtime, value);
  return all->items.empty() ? Value::undefined(&runtime.meter, "No first item, sequence was empty.")
                            : all->items.front();
}

Value last(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("last", {});
  if (value.list() && value.list()->shape == Shape::generator) failed("'generator' object is not reversible");
  const ListPtr all = elements(runtime, value);
  return all->items.empty() ? Value::undefined(&runtime.meter, "No last item, sequence was empty.")
                            : all->items.back();
}

Value sort(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("sort", {"reverse", "case_sensitive", "attribute"});
  Keyed all = keyed(runtime, value, given[2], boolean_or(given[1], false));
  // As lists of one they are asked for their equality first, and what is undefined needs no order.
  for (auto& [key, item] : all) key = listed(runtime, {key});
  stable_sort(runtime, all, boolean_or(given[0], false));
  return listed(runtime, values_of(all));
}

Value dictsort(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("dictsort", {"case_sensitive", "by", "reverse"});
  const std::string by = given[1].text() ? *given[1].text() : "key";
  if (by != "key" && by != "value") failed("You can only sort by either \"key\" or \"value\"");
  if (!value.dict()) failed("dictsort takes a dictionary");
  Keyed all;
  for (const auto& [key, item] : value.dict()->entries()) {
    const Value& order = by == "key" ? key : item;
    all.emplace_back(boolean_or(given[0], false) ? order : lowered(runtime, order),
                     listed(runtime, {key, item}, Shape::tuple));
  }
  stable_sort(runtime, all, boolean_or(given[2], false));
  return listed(runtime, values_of(all));
}

Value unique(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("unique", {"case_sensitive", "attribute"});
  const auto seen = std::make_shared<Dict>(&runtime.meter);
  std::vector<Value> items;
  for (const auto& [key, item] : keyed(runtime, value, given[1], boolean_or(given[0], false))) {
    if (seen->find(key)) continue;
    seen->set(key, true);
    items.push_back(item);
  }
  return listed(runtime, std::move(items), Shape::generator);
}

template <bool greatest>
Value extreme(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("min", {"case_sensitive", "attribute"});
  const Keyed all = keyed(runtime, value, given[1], boolean_or(given[0], false));
  if (all.empty()) return Value::undefined(&runtime.meter, "No aggregated item, sequence was empty.");
  const auto* best = &all[0];
  for (const auto& each : std::span(all).subspan(1)) {
    if (greatest ? less(runtime.meter, best->first, each.first)
                 : less(runtime.meter, each.first, best->first))
      best = &each;
  }
  return best->second;
}

Value sum(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("sum", {"attribute", "start"});
  const Path path(runtime, given[0]);
  Value total = given[1].is_undefined() ? Value(std::int64_t{0}) : given[1];
  if (total.text()) failed("sum() can't sum strings");
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    runtime.meter.step();
    total = operate(runtime, Operator::add, total, path.of(runtime, item));
  }
  return total;
}

Value groupby(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("groupby", {"attribute", "default", "case_sensitive"});
  const Path path(runtime, given[0]);
  const bool case_sensitive = boolean_or(given[2], false);
  Keyed all;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    const Value key = path.of(runtime, item, given[1]);
    all.emplace_back(case_sensitive ? key : lowered(runtime, key), item);
  }
  stable_sort(runtime, all, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < all.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    for (; end < all.size() && equal(&runtime.meter, all[end].first, all[begin].first); ++end)
      members.push_back(all[end].second);
    if (end == begin) members.push_back(all[end++].second);  // NaN
    const Value grouper = path.of(runtime, members[0], given[1]);
    groups.push_back(listed(runtime, {grouper, listed(runtime, std::move(members))}, Shape::group));
    begin = end;
  }
  return listed(runtime, std::move(groups));
}

Value batch(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("batch", {"linecount", "fill_with"});
  const std::int64_t size = integer_or(given[0], 0);
  std::vector<Value> batches;
  std::vector<Value> row;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    if (static_cast<std::int64_t>(row.size()) == size)
      batches.push_back(listed(runtime, std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (is_given(given[1]) && size > static_cast<std::int64_t>(row.size())) {
      runtime.meter.room(static_cast<std::size_t>(std::min<std::int64_t>(size, INT64_MAX / 64)) *
                         sizeof(Value));
      row.resize(static_cast<std::size_t>(size), given[1]);
    }
    batches.push_back(listed(runtime, std::move(row)));
  }
  return listed(runtime, std::move(batches), Shape::generator);
}

Value slice(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("slice", {"slices", "fill_with"});
  const std::int64_t slices = integer_or(given[0], 0);
  if (slices == 0) failed("integer division or modulo by zero");
  const ListPtr all = elements(runtime, value);
  const auto size = static_cast<std::int64_t>(all->items.size());
  runtime.meter.range(static_cast<std::uint64_t>(std::max<std::int64_t>(slices, 0)));
  std::vector<Value> made;
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    const std::int64_t start = offset + i * (size / slices);
    if (i < size % slices) ++offset;
    const std::int64_t end = offset + (i + 1) * (size / slices);
    std::vector<Value> part(all->items.begin() + start, all->items.begin() + end);
    if (is_given(given[1]) && i >= size % slices) part.push_back(given[1]);
    made.push_back(listed(runtime, std::move(part)));
  }
  return listed(runtime, std::move(made), Shape::generator);
}

Value reverse(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("reverse", {});
  if (value.text()) return get_slice(runtime, value, None{}, None{}, std::int64_t{-1});
  std::vector<Value> items = elements(runtime, value)->items;
  std::ranges::reverse(items);
  return listed(runtime, std::move(items), Shape::generator);
}

Value items(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("items", {});
  if (value.is_undefined()) return listed(runtime, {}, Shape::generator);
  if (!value.dict()) failed("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto& [key, item] : value.dict()->entries())
    pairs.push_back(listed(runtime, {key, item}, Shape::tuple));
  return listed(runtime, std::move(pairs), Shape::generator);
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
    return percent_format(runtime, text, listed(runtime, args.positional, Shape::tuple));
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

struct Named {
  std::string_view name;
  Filter filter;
};

constexpr Named kFilters[] = {
    {"tojson", tojson},
    {"trim", trim},
    {"length", count},
    {"count", count},
    {"default", default_value},
    {"d", default_value},
    {"join", join},
    {"map", map},
    {"select", select<true, false>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<false, true>},
    {"list", list},
    {"string", string},
    {"safe", string},
    {"int", integer},
    {"float", floating},
    {"round", round},
    {"abs", absolute},
    {"first", first},
    {"last", last},
    {"sort", sort},
    {"dictsort", dictsort},
    {"unique", unique},
    {"min", extreme<false>},
    {"max", extreme<true>},
    {"sum", sum},
    {"groupby", groupby},
    {"batch", batch},
    {"slice", slice},
    {"reverse", reverse},
    {"items", items},
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
  const auto found = std::ranges::find(kFilters, name, &Named::name);
  return found == std::end(kFilters) ? nullptr : found->filter;
}

void stable_sort(Runtime& runtime, Keyed& all, bool reverse) {
  const auto before = [&](const Value& left, const Value& right) {
    return reverse ? less(runtime.meter, right, left) : less(runtime.meter, left, right);
  };
  // Python compares also where there is nothing to order by: two values that cannot be compared are an error.
  Keyed merged(all.size());
  for (std::size_t width = 1; width < all.size(); width *= 2) {
    for (std::size_t begin = 0; begin < all.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, all.size());
      const std::size_t end = std::min(begin + 2 * width, all.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t to = begin; to < end; ++to) {
        const bool takes_right = left == middle || (right < end && before(all[right].first, all[left].first));
        merged[to] = std::move(all[takes_right ? right++ : left++]);
      }
    }
    std::swap(all, merged);
  }
}

}  // namespace banyan::jinja
