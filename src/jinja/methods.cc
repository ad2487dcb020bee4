#include "jinja/methods.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "jinja/number_text.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

using Method = BoundMethod::Body;

const std::string& string_argument(const Value& value, const char* what) {
  if (!value.text()) failed(std::string(what) + " must be a string, not " + std::string(type_name(value)));
  return *value.text();
}

std::int64_t integer_argument(const Value& value, std::int64_t otherwise) {
  return is_given(value) ? integer_of(value) : otherwise;
}

template <bool left, bool right>
Value strip(Runtime& runtime, const Value& self, const Args& args) {
  const Value characters = args.bind("strip", {"chars"})[0];
  return make_text(&runtime.meter,
                   std::string(stripped(runtime.meter, *self.text(), characters, left, right)));
}

Value pieces(Runtime& runtime, const std::vector<std::string_view>& all) {
  std::vector<Value> items;
  for (const std::string_view piece : all) items.push_back(make_text(&runtime.meter, std::string(piece)));
  return make_list(&runtime.meter, std::move(items));
}

void split_at_blanks(std::vector<std::string_view>& found, std::string_view text, std::int64_t most,
                     bool from_right) {
  const auto trim = [&](bool left) {
    Meter free{Limits{.steps = UINT64_MAX}};
    text = stripped(free, text, None{}, left, !left);
  };
  trim(!from_right);
  while (!text.empty()) {
    if (most-- == 0) {
      found.push_back(text);
      break;
    }
    std::size_t begin = 0;
    std::size_t end = text.size();
    if (from_right) {
      begin = text.size();
      while (begin > 0) {
        std::size_t point = begin - 1;
        while (point > 0 && (static_cast<unsigned char>(text[point]) & 0xC0) == 0x80) --point;
        std::size_t at = point;
        if (is_space(next_point(text, at))) break;
        begin = point;
      }
    } else {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t point = at;
        if (!is_space(next_point(text, at))) continue;
        end = point;
        break;
      }
    }
    found.push_back(text.substr(begin, end - begin));
    text = from_right ? text.substr(0, begin) : text.substr(end);
    trim(!from_right);
  }
}

template <bool from_right>
Value split(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("split", {"sep", "maxsplit"});
  std::int64_t most = std::max<std::int64_t>(integer_argument(given[1], -1), -1);
  std::string_view text = *self.text();
  std::vector<std::string_view> found;
  if (!is_given(given[0])) {
    runtime.meter.step(text.size() / 4);
    split_at_blanks(found, text, most, from_right);
  } else {
    const std::string& separator = string_argument(given[0], "a separator");
    if (separator.empty()) failed("empty separator");
    while (most-- != 0) {
      const std::size_t at =
          from_right ? rfind_text(runtime.meter, text, separator) : find_text(runtime.meter, text, separator);
      if (at == std::string_view::npos) break;
      runtime.meter.step();
      if (from_right) {
        found.push_back(text.substr(at + separator.size()));
        text = text.substr(0, at);
      } else {
        found.push_back(text.substr(0, at));
        text.remove_prefix(at + separator.size());
      }
      runtime.meter.room(found.size() * 128);
    }
    found.push_back(text);
  }
  if (from_right) std::ranges::reverse(found);
  return pieces(runtime, found);
}

template <bool from_right>
Value partition(Runtime& runtime, const Value& self, const Args& args) {
  const Value given = args.bind("partition", {"sep"})[0];
  const std::string& separator = string_argument(given, "a separator");
  if (separator.empty()) failed("empty separator");
  const std::string_view text = *self.text();
  const std::size_t at =
      from_right ? rfind_text(runtime.meter, text, separator) : find_text(runtime.meter, text, separator);
  std::vector<std::string_view> parts = {text, "", ""};
  if (at != std::string_view::npos)
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  if (at == std::string_view::npos && from_right) parts = {"", "", text};
  std::vector<Value> items;
  for (const std::string_view part : parts) items.push_back(make_text(&runtime.meter, std::string(part)));
  return make_list(&runtime.meter, std::move(items), Shape::tuple);
}

Value splitlines(Runtime& runtime, const Value& self, const Args& args) {
  const Value keep = args.bind("splitlines", {"keepends"})[0];
  runtime.meter.step(self.text()->size() / 8);
  return pieces(runtime, split_lines(*self.text(), truthy(keep)));
}

// The part [start, end) of a string that find, count and startswith look at; false where it begins behind the
// end.
bool look_at(Runtime& runtime, std::string_view& text, const Value& start, const Value& end,
             std::int64_t& first) {
  const auto size = static_cast<std::int64_t>(count_points(text));
  runtime.meter.work(text.size());
  first = integer_argument(start, 0);
  std::int64_t last = integer_argument(end, size);
  if (first < 0) first = std::max<std::int64_t>(first + size, 0);
  if (last < 0) last = std::max<std::int64_t>(last + size, 0);
  last = std::min(last, size);
  if (first > last) return false;
  const std::size_t begin = byte_of(text, static_cast<std::size_t>(first));
  text = text.substr(begin, byte_of(text, static_cast<std::size_t>(last)) - begin);
  return true;
}

template <bool at_end>
Value starts_or_ends(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind(at_end ? "endswith" : "startswith", {"prefix", "start", "end"});
  std::string_view text = *self.text();
  std::int64_t first = 0;
  const bool valid = look_at(runtime, text, given[1], given[2], first);
  const auto matches = [&](const Value& part) {
    const std::string& affix = string_argument(part, "the argument of startswith() or endswith()");
    return valid && (at_end ? text.ends_with(affix) : text.starts_with(affix));
  };
  if (const List* list = given[0].list(); list && list->is_tuple()) {
    runtime.meter.step(list->items.size());
    return std::ranges::any_of(list->items, matches);
  }
  return matches(given[0]);
}

template <bool from_right, bool must>
Value find(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("find", {"sub", "start", "end"});
  std::string_view text = *self.text();
  const std::string& wanted = string_argument(given[0], "what is looked for");
  std::int64_t first = 0;
  std::size_t at = std::string_view::npos;
  if (look_at(runtime, text, given[1], given[2], first))
    at = from_right ? rfind_text(runtime.meter, text, wanted) : find_text(runtime.meter, text, wanted);
  if (at == std::string_view::npos) {
    if (must) failed("substring not found");
    return std::int64_t{-1};
  }
  return first + static_cast<std::int64_t>(count_points(text.substr(0, at)));
}

Value count(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("count", {"sub", "start", "end"});
  std::string_view text = *self.text();
  const std::string& wanted = string_argument(given[0], "what is counted");
  std::int64_t first = 0;
  if (!look_at(runtime, text, given[1], given[2], first)) return std::int64_t{0};
  if (wanted.empty()) return static_cast<std::int64_t>(count_points(text)) + 1;
  std::int64_t found = 0;
  for (std::size_t at = find_text(runtime.meter, text, wanted); at != std::string_view::npos;
       at = find_text(runtime.meter, text, wanted, at + wanted.size()))
    ++found;
  return found;
}

Value replace(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("replace", {"old", "new", "count"});
  return make_text(&runtime.meter,
                   replaced(runtime.meter, *self.text(), string_argument(given[0], "what is replaced"),
                            string_argument(given[1], "what replaces it"), integer_argument(given[2], -1)));
}

template <char32_t (*map)(char32_t)>
Value mapped(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("upper() or lower", {});
  runtime.meter.step(self.text()->size() / 8);
  return make_text(&runtime.meter, map_points(*self.text(), map));
}

char32_t swap_case(char32_t point) { return is_upper(point) ? to_lower(point) : to_upper(point); }

Value capitalize(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("capitalize", {});
  runtime.meter.step(self.text()->size() / 8);
  return make_text(&runtime.meter, capitalized(*self.text()));
}

Value title(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("title", {});
  runtime.meter.step(self.text()->size() / 8);
  std::string text;
  bool inside = false;
  for (std::size_t at = 0; at < self.text()->size();) {
    const char32_t point = next_point(*self.text(), at);
    if (inside) {
      append_point(text, to_lower(point));
    } else {
      append_upper(text, point, true);
    }
    inside = is_letter(point);
  }
  return make_text(&runtime.meter, std::move(text));
}

Value join(Runtime& runtime, const Value& self, const Args& args) {
  const ListPtr list = elements(runtime, args.bind("join", {"iterable"})[0]);
  Writer out(runtime.meter);
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    if (i > 0) out.write(*self.text());
    out.write(string_argument(list->items[i], "an element of join()"));
  }
  return out.take();
}

template <bool prefix>
Value remove_affix(Runtime& runtime, const Value& self, const Args& args) {
  const Value given = args.bind("removeprefix", {"affix"})[0];
  std::string_view text = *self.text();
  const std::string& affix = string_argument(given, "the affix");
  if (prefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!prefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return make_text(&runtime.meter, std::string(text));
}

enum class Side { left, right, center, zeros };

template <Side side>
Value padded(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("ljust", {"width", "fillchar"});
  const std::string fill = side == Side::zeros  ? "0"
                           : is_given(given[1]) ? string_argument(given[1], "a fill character")
                                                : " ";
  if (count_points(fill) != 1) failed("the fill character must be exactly one character long");
  if (!is_given(given[0])) failed("a width is missing");
  std::string text = *self.text();
  const std::int64_t width = std::max<std::int64_t>(integer_argument(given[0], 0), 0);
  const std::int64_t missing = width - static_cast<std::int64_t>(count_points(text));
  if (missing <= 0) return self;
  runtime.meter.room(static_cast<std::size_t>(missing));
  runtime.meter.room(static_cast<std::size_t>(missing) * fill.size());
  runtime.meter.step(static_cast<std::uint64_t>(missing));
  std::int64_t before = side == Side::right || side == Side::zeros ? missing : 0;
  if (side == Side::center) before = missing / 2 + (missing & width & 1);
  std::string left, right;
  for (std::int64_t i = 0; i < missing; ++i) (i < before ? left : right) += fill;
  if (side == Side::zeros && (text.starts_with('-') || text.starts_with('+'))) {
    left.insert(0, 1, text[0]);
    text.erase(0, 1);
  }
  return make_text(&runtime.meter, left + text + right);
}

bool is_digit(char32_t point) { return point >= '0' && point <= '9'; }
bool is_word(char32_t point) { return is_letter(point) || is_digit(point); }

template <bool (*holds)(char32_t)>
Value all_points(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("isalpha() and the like", {});
  const std::string& text = *self.text();
  runtime.meter.step(text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    if (!holds(next_point(text, at))) return false;
  }
  return !text.empty();
}

// Whether there are letters of this case and none of the other.
template <bool (*wanted)(char32_t), bool (*other)(char32_t)>
Value one_case(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("isupper() or islower", {});
  runtime.meter.step(self.text()->size() / 8);
  bool found = false;
  for (std::size_t at = 0; at < self.text()->size();) {
    const char32_t point = next_point(*self.text(), at);
    if (other(point)) return false;
    found = found || wanted(point);
  }
  return found;
}

Value is_title(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("istitle", {});
  runtime.meter.step(self.text()->size() / 8);
  bool inside = false;
  bool found = false;
  for (std::size_t at = 0; at < self.text()->size();) {
    const char32_t point = next_point(*self.text(), at);
    if (is_upper(point) && inside) return false;
    if (is_lower(point) && !inside) return false;
    inside = is_upper(point) || is_lower(point);
    found = found || inside;
  }
  return found;
}

Value format(Runtime& runtime, const Value& self, const Args& args) {
  return brace_format(runtime, *self.text(), args);
}

Value count_in_list(Runtime& runtime, const Value& self, const Args& args) {
  const Value wanted = args.bind("count", {"value"})[0];
  const ListPtr list = elements(runtime, self);
  return static_cast<std::int64_t>(std::ranges::count_if(
      list->items, [&](const Value& item) { return equal(&runtime.meter, item, wanted); }));
}

Value index_in_list(Runtime& runtime, const Value& self, const Args& args) {
  const std::vector<Value> given = args.bind("index", {"value", "start", "stop"});
  const ListPtr list = elements(runtime, self);
  const auto size = static_cast<std::int64_t>(list->items.size());
  std::int64_t first = integer_argument(given[1], 0);
  std::int64_t last = integer_argument(given[2], size);
  if (first < 0) first = std::max<std::int64_t>(first + size, 0);
  if (last < 0) last += size;
  for (std::int64_t i = first; i < std::min(last, size); ++i) {
    if (equal(&runtime.meter, list->items[static_cast<std::size_t>(i)], given[0])) return i;
  }
  failed("the value is not in the list");
}

Value copy(Runtime&, const Value& self, const Args& args) {
  args.bind("copy", {});
  return self;
}

template <Shape shape>
Value view(Runtime& runtime, const Value& self, const Args& args) {
  args.bind("keys() and the like", {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict()->entries()) {
    if (shape == Shape::keys) items.push_back(key);
    if (shape == Shape::values) items.push_back(value);
    if (shape == Shape::items) items.push_back(make_list(&runtime.meter, {key, value}, Shape::tuple));
  }
  return make_list(&runtime.meter, std::move(items), shape);
}

Value get(Runtime&, const Value& self, const Args& args) {
  if (!args.named.empty() || args.positional.empty() || args.positional.size() > 2)
    failed("get() takes a key and a default");
  if (const Value* found = self.dict()->find(args.positional[0])) return *found;
  return args.positional.size() == 2 ? args.positional[1] : Value(None{});
}

Value is_whole(Runtime&, const Value& self, const Args&) {
  return std::isfinite(self.number()) && self.number() == std::trunc(self.number());
}

struct Named {
  std::string_view name;
  Method method;
};

constexpr Named kStringMethods[] = {
    {"strip", strip<true, true>},
    {"lstrip", strip<true, false>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"splitlines", splitlines},
    {"startswith", starts_or_ends<false>},
    {"endswith", starts_or_ends<true>},
    {"find", find<false, false>},
    {"rfind", find<true, false>},
    {"index", find<false, true>},
    {"rindex", find<true, true>},
    {"count", count},
    {"replace", replace},
    {"upper", mapped<to_upper>},
    {"lower", mapped<to_lower>},
    {"casefold", mapped<to_lower>},
    {"swapcase", mapped<swap_case>},
    {"capitalize", capitalize},
    {"title", title},
    {"join", join},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"ljust", padded<Side::left>},
    {"rjust", padded<Side::right>},
    {"center", padded<Side::center>},
    {"zfill", padded<Side::zeros>},
    {"isdigit", all_points<is_digit>},
    {"isdecimal", all_points<is_digit>},
    {"isnumeric", all_points<is_digit>},
    {"isalpha", all_points<is_letter>},
    {"isalnum", all_points<is_word>},
    {"isspace", all_points<is_space>},
    {"isupper", one_case<is_upper, is_lower>},
    {"islower", one_case<is_lower, is_upper>},
    {"istitle", is_title},
    {"format", format},
};

constexpr Named kListMethods[] = {{"index", index_in_list}, {"count", count_in_list}, {"copy", copy}};
constexpr Named kDictMethods[] = {{"get", get},
                                  {"keys", view<Shape::keys>},
                                  {"values", view<Shape::values>},
                                  {"items", view<Shape::items>},
                                  {"copy", copy}};
constexpr Named kFloatMethods[] = {{"is_integer", is_whole}};

constexpr std::string_view kListChanges[] = {"append", "reverse", "insert", "sort",
                                             "extend", "remove",  "clear",  "pop"};
constexpr std::string_view kDictChanges[] = {"clear", "pop", "popitem", "setdefault", "update"};

}  // namespace

Value builtin_method(Runtime& runtime, const Value& value, std::string_view name) {
  const auto bind = [&](std::span<const Named> methods, int depth) -> Value {
    const auto method = std::ranges::find(methods, name, &Named::name);
    if (method == methods.end()) return {};
    return ObjectPtr(std::make_shared<BoundMethod>(runtime, value, method->method, depth + 1));
  };
  const auto forbidden = [&](std::span<const std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  const auto unsafe = [&] {
    return Value::undefined(&runtime.meter, "access to attribute '" + std::string(name) + "' of '" +
                                                std::string(type_name(value)) +
                                                "' object is unsafe: a template may not change values");
  };
  if (value.text()) return bind(kStringMethods, 1);
  if (const List* list = value.list()) {
    if (list->shape == Shape::group && name == "grouper") return list->items[0];
    if (list->shape == Shape::group && name == "list") return list->items[1];
    if (list->shape == Shape::list && forbidden(kListChanges)) return unsafe();
    return list->is_sequence() ? bind(std::span(kListMethods).first(list->is_tuple() ? 2 : 3), list->depth)
                               : Value();
  }
  if (const Dict* dict = value.dict())
    return forbidden(kDictChanges) ? unsafe() : bind(kDictMethods, dict->depth());
  if (value.object_as<Range>()) return bind(std::span(kListMethods).first(2), 1);
  if (value.as<double>()) return bind(kFloatMethods, 1);
  return {};
}

std::string_view stripped(Meter& meter, std::string_view text, const Value& characters, bool left,
                          bool right) {
  std::u32string set;
  const bool blanks = !is_given(characters);
  if (!blanks) {
    const std::string& given = string_argument(characters, "what is stripped");
    if (given.size() > 10'000) failed("strip() takes 10000 bytes of characters at most");
    for (std::size_t at = 0; at < given.size();) set += next_point(given, at);
  }
  const auto goes = [&](char32_t point) { return blanks ? is_space(point) : set.contains(point); };
  const std::uint64_t cost = 1 + set.size() / 16;
  while (left && !text.empty()) {
    std::size_t at = 0;
    if (!goes(next_point(text, at))) break;
    meter.step(cost);
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    std::size_t at = last;
    if (!goes(next_point(text, at))) break;
    meter.step(cost);
    text = text.substr(0, last);
  }
  return text;
}

std::size_t find_text(Meter& meter, std::string_view text, std::string_view wanted, std::size_t begin) {
  if (begin > text.size() || wanted.size() > text.size() - begin) return std::string_view::npos;
  const void* found = memmem(text.data() + begin, text.size() - begin, wanted.data(), wanted.size());
  const std::size_t at = found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
                               : std::string_view::npos;
  meter.step();
  meter.work(std::min(at, text.size()) - begin + wanted.size());
  return at;
}

std::size_t rfind_text(Meter& meter, std::string_view text, std::string_view wanted) {
  if (wanted.size() < 16) {
    const std::size_t at = text.rfind(wanted);
    meter.step();
    meter.work(text.size() - std::min(at, text.size()));
    return at;
  }
  // Backwards, where a long one could be compared nearly whole at every place.
  meter.room(text.size() + wanted.size());
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string mirrored_wanted(wanted.rbegin(), wanted.rend());
  meter.work(text.size());
  const std::size_t at = find_text(meter, mirrored, mirrored_wanted);
  return at == std::string_view::npos ? at : text.size() - at - wanted.size();
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at;
    const char32_t point = next_point(text, at);
    const bool ends = (point >= 10 && point <= 13) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
                      point == 0x2028 || point == 0x2029;
    if (!ends) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string capitalized(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool first = at == 0;
    const char32_t point = next_point(text, at);
    if (first) {
      append_upper(result, point, true);
    } else {
      append_point(result, to_lower(point));
    }
  }
  return result;
}

std::string map_points(std::string_view text, char32_t (*map)(char32_t)) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    if (point == 0xDF && map != to_lower) {
      append_upper(result, point);
    } else {
      append_point(result, map(point));
    }
  }
  return result;
}

std::string replaced(Meter& meter, std::string_view text, std::string_view old, std::string_view with,
                     std::int64_t count) {
  Writer out(meter);
  std::size_t begin = 0;
  count = std::max<std::int64_t>(count, -1);  // so that counting down cannot overflow
  if (old.empty()) {
    // Between all characters, before the first and behind the last.
    for (std::size_t at = 0; count != 0; --count) {
      out.write(with);
      meter.step();
      if (at >= text.size()) break;
      begin = at;
      next_point(text, at);
      out.write(text.substr(begin, at - begin));
      begin = at;
    }
  } else {
    while (count-- != 0) {
      const std::size_t at = find_text(meter, text, old, begin);
      if (at == std::string_view::npos) break;
      meter.step();
      out.write(text.substr(begin, at - begin));
      out.write(with);
      begin = at + old.size();
    }
  }
  out.write(text.substr(begin));
  return out.take_text();
}

}  // namespace banyan::jinja
