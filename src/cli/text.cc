#include "cli/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <format>
#include <utility>

namespace banyan::cli {
namespace {

/// Reads all of `text`; from_chars takes neither signs like "+1" nor white space nor a locale.
template <class Number>
bool read_all(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? std::format("{} B", bytes) : std::format("{:.1f} {}", value, units[unit]);
}

std::string format_ms(double milliseconds) {
  if (milliseconds >= 10000) return std::format("{:.1f} s", milliseconds / 1000);
  return milliseconds >= 10 ? std::format("{:.0f} ms", milliseconds) : std::format("{:.1f} ms", milliseconds);
}

std::string format_age(std::chrono::seconds age) {
  using namespace std::chrono;
  if (age < minutes(1)) return std::format("{} s", age.count());
  if (age < hours(1)) return std::format("{} min", duration_cast<minutes>(age).count());
  if (age < days(1)) return std::format("{} h", duration_cast<hours>(age).count());
  return std::format("{} d", duration_cast<days>(age).count());
}

std::string format_parameters(std::uint64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return std::format("{:.1f} B", value / 1e9);
  if (value >= 1e6) return std::format("{:.1f} M", value / 1e6);
  return std::format("{:.1f} k", value / 1e3);
}

Result<std::size_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 14> units = {{{"", 1},
                                                                          {"B", 1},
                                                                          {"K", 0x1p10},
                                                                          {"KiB", 0x1p10},
                                                                          {"KB", 1e3},
                                                                          {"M", 0x1p20},
                                                                          {"MiB", 0x1p20},
                                                                          {"MB", 1e6},
                                                                          {"G", 0x1p30},
                                                                          {"GiB", 0x1p30},
                                                                          {"GB", 1e9},
                                                                          {"T", 0x1p40},
                                                                          {"TiB", 0x1p40},
                                                                          {"TB", 1e12}}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  if (read_all(text.substr(0, digits), number)) {
    for (const auto& [unit, factor] : units) {
      const double bytes = number * factor;
      if (unit == text.substr(digits) && bytes >= 1 && bytes < 0x1p63) return static_cast<std::size_t>(bytes);
    }
  }
  return fail(Errc::invalid_argument, std::format("'{}' is not a size such as 512MiB or 8GiB", text));
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  using namespace std::chrono;
  constexpr std::array<std::pair<char, seconds>, 5> units = {
      {{'s', seconds(1)}, {'m', minutes(1)}, {'h', hours(1)}, {'d', days(1)}, {'w', weeks(1)}}};
  constexpr std::int64_t most = 1'000'000;
  for (const auto& [unit, length] : units) {
    if (!text.ends_with(unit)) continue;
    std::int64_t number = 0;
    if (read_all(text.substr(0, text.size() - 1), number) && number >= 0 && number <= most) {
      return number * length;
    }
  }
  return fail(Errc::invalid_argument, std::format("'{}' is not a time such as 12h, 7d or 2w", text));
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  if (!read_all(text, number)) {
    return fail(Errc::invalid_argument, std::format("'{}' is not a whole number, or too large a one", text));
  }
  if (number < least || number > most) {
    return fail(Errc::invalid_argument, std::format("{} is not between {} and {}", text, least, most));
  }
  return number;
}

Result<float> parse_number(std::string_view text, float least, float most) {
  float number = 0;
  if (!read_all(text, number) || !std::isfinite(number)) {
    return fail(Errc::invalid_argument, std::format("'{}' is not a number", text));
  }
  if (number < least || number > most) {
    return fail(Errc::invalid_argument, std::format("{} is not between {} and {}", text, least, most));
  }
  return number;
}

}  // namespace banyan::cli
