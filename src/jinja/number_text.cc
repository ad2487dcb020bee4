#include "jinja/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

// Far more than a template needs; a width or a precision costs memory.
constexpr std::int64_t kMaxWidth = 10'000;
constexpr std::int64_t kMaxPrecision = 400;

/// "[[fill]align][sign][#][0][width][,][.precision][type]", and what a "%" format says in other words.
struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = '-';
  bool alternate = false;
  bool zeros = false;
  std::int64_t width = 0;
  char group = 0;
  std::int64_t precision = -1;
  char type = 0;
};

std::int64_t read_number(std::string_view text, std::size_t& at, std::int64_t most) {
  std::int64_t number = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    number = number * 10 + (text[at++] - '0');
    if (number > most) failed("a format is past the limit of " + std::to_string(most) + " characters");
  }
  return number;
}

Spec read_spec(std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  constexpr std::string_view kAligns = "<>=^";
  if (!text.empty()) {
    std::size_t second = 0;
    next_point(text, second);
    if (second < text.size() && kAligns.contains(text[second])) {
      spec.fill = text.substr(0, second);
      spec.align = text[second];
      at = second + 1;
    } else if (kAligns.contains(text[0])) {
      spec.align = text[at++];
    }
  }
  const auto take = [&](std::string_view any) {
    return at < text.size() && any.contains(text[at]) ? text[at++] : '\0';
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != 0;
  spec.zeros = take("0") != 0;
  spec.width = read_number(text, at, kMaxWidth);
  spec.group = take(",_");
  if (take(".")) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9') failed("Format specifier missing precision");
    spec.precision = read_number(text, at, kMaxPrecision);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) failed("Invalid format specifier");
  return spec;
}

std::string pad(const Spec& spec, const std::string& sign, const std::string& body, char align) {
  const auto size = static_cast<std::int64_t>(sign.size() + count_points(body));
  const std::int64_t missing = std::max<std::int64_t>(spec.width - size, 0);
  const auto fill = [&](std::int64_t count) {
    std::string text;
    for (std::int64_t i = 0; i < count; ++i) text += spec.fill;
    return text;
  };
  switch (align) {
    case '<':
      return sign + body + fill(missing);
    case '^':
      return fill(missing / 2) + sign + body + fill(missing - missing / 2);
    case '=':
      return sign + fill(missing) + body;
    default:
      return fill(missing) + sign + body;
  }
}

std::string grouped(std::string digits, char group) {
  if (!group) return digits;
  const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (std::size_t at = whole; at > 3;) {
    at -= 3;
    digits.insert(at, 1, group);
  }
  return digits;
}

std::string to_base(std::uint64_t number, unsigned base) {
  std::array<char, 65> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, static_cast<int>(base));
  return {digits.data(), end.ptr};
}

std::string uppercase(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

std::string sign_of(const Spec& spec, bool negative) {
  return negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string fixed(double number, char type, int precision, bool alternate) {
  const std::string format = std::string("%") + (alternate ? "#" : "") + ".*" + type;
  std::array<char, 1024> text;
  const int size = std::snprintf(text.data(), text.size(), format.c_str(), precision, number);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string format_integer(Spec spec, std::int64_t number) {
  const auto size = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  std::string digits;
  std::string prefix;
  switch (spec.type) {
    case 'x':
      digits = to_base(size, 16);
      prefix = "0x";
      break;
    case 'X':
      digits = uppercase(to_base(size, 16));
      prefix = "0X";
      break;
    case 'o':
      digits = to_base(size, 8);
      prefix = "0o";
      break;
    case 'b':
      digits = to_base(size, 2);
      prefix = "0b";
      break;
    default:
      digits = grouped(to_base(size, 10), spec.group);
  }
  if (!spec.alternate) prefix.clear();
  if (spec.zeros && !spec.align) spec.fill = "0";
  const char align = spec.align ? spec.align : spec.zeros ? '=' : '>';
  return pad(spec, sign_of(spec, number < 0) + prefix, digits, align);
}

std::string format_float(Spec spec, double number) {
  const bool negative = std::signbit(number) && !std::isnan(number);
  const double size = std::abs(number);
  std::string digits;
  const bool percent = spec.type == '%';
  if (!std::isfinite(number)) {
    digits = std::isnan(number) ? "nan" : "inf";
  } else if (spec.type == 0 && spec.precision < 0) {
    digits = float_repr(size);
  } else if (spec.type == 0) {
    // Like "g", with a digit behind the point.
    digits = fixed(size, 'g', static_cast<int>(std::max<std::int64_t>(spec.precision, 1)), false);
    if (!digits.contains('.') && !digits.contains('e')) digits += ".0";
  } else {
    const char type = percent ? 'f' : spec.type;
    digits = fixed(percent ? size * 100 : size, type,
                   static_cast<int>(spec.precision < 0 ? 6 : spec.precision), spec.alternate);
  }
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') digits = uppercase(digits);
  if (percent) digits += '%';
  if (spec.zeros && !spec.align) spec.fill = "0";
  return pad(spec, sign_of(spec, negative), grouped(digits, spec.group),
             spec.align   ? spec.align
             : spec.zeros ? '='
                          : '>');
}

std::string format_text(const Spec& spec, std::string_view text) {
  if (spec.group) failed("Cannot specify ',' with 's'.");
  if (spec.precision >= 0) text = text.substr(0, byte_of(text, static_cast<std::size_t>(spec.precision)));
  if (spec.align == '=') failed("'=' alignment not allowed in string format specifier");
  return pad(spec, "", std::string(text), spec.align ? spec.align : '<');
}

// The character of a code point. Python would keep a surrogate, which UTF-8 cannot.
std::string character(std::int64_t point) {
  if (point < 0 || point > 0x10FFFF) failed("%c arg not in range(0x110000)");
  if (point >= 0xD800 && point <= 0xDFFF) failed("a surrogate is no character");
  std::string text;
  append_point(text, static_cast<char32_t>(point));
  return text;
}

// format(value, spec).
std::string format_value(Runtime& runtime, const Value& value, std::string_view text) {
  if (text.empty()) return to_string(runtime.meter, value);
  const Spec spec = read_spec(text);
  constexpr std::string_view kIntegers = "dxXobcn";
  constexpr std::string_view kFloats = "eEfFgG%";
  const auto unknown = [&] {
    failed(std::string("Unknown format code '") + spec.type + "' for object of type '" +
           std::string(type_name(value)) + "'");
  };
  if (value.text()) {
    if (spec.type && spec.type != 's') unknown();
    if (spec.sign != '-') failed("Sign not allowed in string format specifier");
    return format_text(spec, *value.text());
  }
  if (value.as<bool>() && !spec.type) return format_integer(spec, value.integer());
  if (value.is_integer() && (!spec.type || kIntegers.contains(spec.type))) {
    if (spec.precision >= 0) failed("Precision not allowed in integer format specifier");
    if (spec.type != 'c') return format_integer(spec, value.integer());
    return format_text(spec, character(value.integer()));
  }
  if (value.is_number() && (!spec.type || kFloats.contains(spec.type)))
    return format_float(spec, value.number());
  if (value.is_number()) unknown();
  failed("unsupported format string passed to " + std::string(type_name(value)) + ".__format__");
}

}  // namespace

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
  const std::string_view text(buffer.data(), end.ptr);
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(text);
  std::string digits;
  for (const char letter : text.substr(0, e)) {
    if (letter != '.' && letter != '-') digits += letter;
  }
  const std::string sign = std::signbit(number) ? "-" : "";
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string hexadecimal(std::uint64_t number, int digits) {
  std::string text = to_base(number, 16);
  if (text.size() < static_cast<std::size_t>(digits))
    text.insert(0, static_cast<std::size_t>(digits) - text.size(), '0');
  return text;
}

namespace {

// Without the blanks around, and the underscores between digits; false where these are wrong.
bool plain_number(std::string_view text, std::string& plain) {
  while (!text.empty() && std::string_view(" \t\n\v\f\r").contains(text.front())) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\n\v\f\r").contains(text.back())) text.remove_suffix(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || !std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
               !std::isalnum(static_cast<unsigned char>(text[i + 1]))) {
      return false;
    }
  }
  return !plain.empty();
}

}  // namespace

bool read_integer(std::string_view text, int base, std::int64_t& number) {
  std::string plain;
  if (!plain_number(text, plain)) return false;
  const bool negative = plain[0] == '-';
  std::string_view digits = plain;
  if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
  if (digits.size() > 2 && digits[0] == '0') {
    const int lower = digits[1] | 0x20;
    const int named = lower == 'x' ? 16 : lower == 'o' ? 8 : lower == 'b' ? 2 : 0;
    if (named && (base == named || base == 0)) {
      digits.remove_prefix(2);
      base = named;
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36) return false;
  std::uint64_t size = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), size, base);
  if (digits.empty() || read.ptr != digits.data() + digits.size()) return false;
  if (read.ec == std::errc::result_out_of_range || size > INT64_MAX)
    failed("an integer is past the limit of 64 bits");
  if (read.ec != std::errc()) return false;
  number = negative ? -static_cast<std::int64_t>(size) : static_cast<std::int64_t>(size);
  return true;
}

bool read_float(std::string_view text, double& number) {
  std::string plain;
  if (!plain_number(text, plain)) return false;
  std::string_view digits = plain;
  const bool negative = digits[0] == '-';
  if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+' || digits.contains('(')) return false;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ptr != digits.data() + digits.size()) return false;
  if (read.ec == std::errc::result_out_of_range) number = std::strtod(std::string(digits).c_str(), nullptr);
  if (negative) number = -number;
  return true;
}

Value percent_format(Runtime& runtime, const std::string& format, const Value& value) {
  Writer out(runtime.meter);
  const List* list = value.list() && value.list()->is_tuple() ? value.list() : nullptr;
  std::size_t used = 0;
  bool named = false;
  const auto next = [&]() -> Value {
    if (list ? used >= list->items.size() : used > 0) failed("not enough arguments for format string");
    ++used;
    return list ? list->items[used - 1] : value;
  };
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t percent = std::min(format.find('%', at), format.size());
    out.write(std::string_view(format).substr(at, percent - at));
    at = percent + 1;
    if (percent == format.size()) break;
    runtime.meter.step();
    Value given;
    bool has_name = false;
    if (at < format.size() && format[at] == '(') {
      const std::size_t close = format.find(')', at);
      if (close == std::string::npos) failed("incomplete format key");
      if (!value.dict()) failed("format requires a mapping");
      const std::string key = format.substr(at + 1, close - at - 1);
      const Value* found = value.dict()->find(key);
      if (!found) failed("the format names a key that is missing");
      given = *found;
      has_name = named = true;
      at = close + 1;
    }
    Spec spec;
    bool left = false;
    for (; at < format.size() && std::string_view("#0- +").contains(format[at]); ++at) {
      if (format[at] == '-') left = true;
      if (format[at] == '0') spec.zeros = true;
      if (format[at] == '#') spec.alternate = true;
      if (format[at] == '+' || (format[at] == ' ' && spec.sign != '+')) spec.sign = format[at];
    }
    const auto number = [&](std::int64_t most) {
      if (at >= format.size() || format[at] != '*') return read_number(format, at, most);
      ++at;
      const Value star = next();
      if (!star.is_integer()) failed("* wants int");
      if (star.integer() < 0 || star.integer() > most) failed("a format is past its limit");
      return star.integer();
    };
    spec.width = number(kMaxWidth);
    if (at < format.size() && format[at] == '.') {
      ++at;
      spec.precision = number(kMaxPrecision);
    }
    while (at < format.size() && std::string_view("hlL").contains(format[at])) ++at;
    if (at >= format.size()) failed("incomplete format");
    spec.type = format[at++];
    if (spec.type == '%') {
      out.write("%");
      continue;
    }
    if (!has_name) given = next();
    if (left) spec.align = '<';
    constexpr std::string_view kIntegers = "diuxXo";
    constexpr std::string_view kFloats = "eEfFgG";
    if (spec.type == 's' || spec.type == 'r') {
      Writer text(runtime.meter);
      spec.type == 's' ? write_str(text, given) : write_repr(text, given);
      spec.align = left ? '<' : '>';
      out.write(format_text(spec, text.text()));
    } else if (spec.type == 'c') {
      std::string point;
      if (given.is_integer()) point = character(given.integer());
      if (given.text() && count_points(*given.text()) == 1) point = *given.text();
      if (point.empty()) failed("%c requires int or char");
      spec.align = left ? '<' : '>';
      out.write(format_text(spec, point));
    } else if (kIntegers.contains(spec.type)) {
      const bool decimal = std::string_view("diu").contains(spec.type);
      if (!given.is_number() || (given.as<double>() && !decimal))
        failed(std::string("%") + spec.type + " format: a number is required");
      if (given.as<double>() && !(std::abs(given.number()) < 9e18))
        failed("an integer is past the limit of 64 bits");
      if (decimal) spec.type = 'd';
      const std::int64_t whole =
          given.is_integer() ? given.integer() : static_cast<std::int64_t>(given.number());
      Spec inner = spec;  // a precision is the least number of digits
      if (spec.precision >= 0) {
        inner.width = spec.precision + (whole < 0 || spec.sign != '-' ? 1 : 0);
        inner.zeros = true;
        inner.align = 0;
        spec.align = left ? '<' : '>';
        out.write(format_text(Spec{.align = spec.align, .width = spec.width}, format_integer(inner, whole)));
      } else {
        out.write(format_integer(inner, whole));
      }
    } else if (kFloats.contains(spec.type)) {
      if (!given.is_number()) failed("must be real number, not " + std::string(type_name(given)));
      out.write(format_float(spec, given.number()));
    } else {
      failed(std::string("unsupported format character '") + spec.type + "'");
    }
  }
  const bool all =
      named || (list ? used == list->items.size() : used == 1 || value.dict() || (value.list() && !list));
  if (!all) failed("not all arguments converted during string formatting");
  return out.take();
}

Value brace_format(Runtime& runtime, const std::string& format, const Args& args) {
  Writer out(runtime.meter);
  std::size_t automatic = 0;
  // The value that "0.name[key]" stands for.
  const auto find = [&](std::string_view field) -> Value {
    const std::size_t end = std::min(field.find_first_of(".["), field.size());
    const std::string_view first = field.substr(0, end);
    Value value;
    if (first.empty() || first.find_first_not_of("0123456789") == std::string_view::npos) {
      std::size_t at = 0;
      const std::size_t number =
          first.empty() ? automatic++ : static_cast<std::size_t>(read_number(first, at, kMaxWidth));
      if (number >= args.positional.size())
        failed("Replacement index out of range for positional args tuple");
      value = args.positional[number];
    } else {
      const auto named =
          std::ranges::find(args.named, first, [](const auto& arg) { return std::string_view(arg.first); });
      if (named == args.named.end()) failed("format() misses the argument '" + std::string(first) + "'");
      value = named->second;
    }
    for (std::size_t at = end; at < field.size();) {
      runtime.meter.step();
      if (field[at] == '.') {
        const std::size_t stop = std::min(field.find_first_of(".[", at + 1), field.size());
        value = method_of(runtime, value, field.substr(at + 1, stop - at - 1));
        if (value.is_undefined()) failed("format() finds no such attribute");
        at = stop;
      } else {
        const std::size_t close = field.find(']', at);
        if (field[at] != '[' || close == std::string_view::npos) failed("Missing ']' in format string");
        const std::string_view key = field.substr(at + 1, close - at - 1);
        std::size_t digits = 0;
        const bool index = !key.empty() && key.find_first_not_of("0123456789") == std::string_view::npos;
        value = get_item(
            runtime, value,
            index ? Value(read_number(key, digits, INT32_MAX)) : make_text(nullptr, std::string(key)));
        if (value.is_undefined()) failed("format() finds no such element");
        at = close + 1;
      }
    }
    return value;
  };
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t brace = std::min(format.find_first_of("{}", at), format.size());
    out.write(std::string_view(format).substr(at, brace - at));
    at = brace;
    if (at == format.size()) break;
    runtime.meter.step();
    if (at + 1 < format.size() && format[at + 1] == format[at]) {
      out.write(std::string_view(format).substr(at, 1));
      at += 2;
      continue;
    }
    const std::size_t close = format.find('}', at);
    if (format[at] == '}') failed("Single '}' encountered in format string");
    if (close == std::string::npos) failed("expected '}' before end of string");
    const std::string_view field = std::string_view(format).substr(at + 1, close - at - 1);
    if (field.contains('{')) failed("fields within a format specifier are not supported");
    at = close + 1;
    const std::size_t name_end = std::min(field.find_first_of(":!"), field.size());
    Value value = find(field.substr(0, name_end));
    std::string_view rest = field.substr(name_end);
    if (rest.starts_with('!')) {
      if (rest.starts_with("!r")) {
        Writer text(runtime.meter);
        write_repr(text, value);
        value = text.take();
      } else if (rest.starts_with("!s")) {
        value = to_text(runtime.meter, value);
      } else {
        failed("Unknown conversion specifier in a format");
      }
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') failed("expected ':' after conversion specifier");
    }
    if (!rest.empty()) rest.remove_prefix(1);
    out.write(format_value(runtime, value, rest));
  }
  return out.take();
}

}  // namespace banyan::jinja
