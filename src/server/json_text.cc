#include "server/json_text.h"

#include <charconv>
#include <cstddef>
#include <optional>

namespace banyan {
namespace {

constexpr std::size_t kEscape = 6;  // bytes of "\ud83d"

// The code unit of the escape "\uXXXX" at `at`, if there is one.
std::optional<unsigned> code_unit(std::string_view json, std::size_t at) {
  if (json.substr(at, 2) != "\\u" || json.size() - at < kEscape) return std::nullopt;
  unsigned unit = 0;
  const char* end = json.data() + at + kEscape;
  const auto [stop, problem] = std::from_chars(end - 4, end, unit, 16);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return unit;
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

// The offset of the first lone surrogate at or after `at`, which must not be inside an escape.
std::size_t find_lone(std::string_view json, std::size_t at) {
  while ((at = json.find('\\', at)) != std::string_view::npos) {
    const auto unit = code_unit(json, at);
    if (!unit) {
      at += 2;  // another escape, a backslash's own among them
      continue;
    }
    if (is_low(*unit)) return at;
    if (is_high(*unit)) {
      const auto next = at + kEscape < json.size() ? code_unit(json, at + kEscape) : std::nullopt;
      if (!next || !is_low(*next)) return at;
      at += kEscape;
    }
    at += kEscape;
  }
  return at;
}

}  // namespace

bool has_lone_surrogate(std::string_view json) { return find_lone(json, 0) != std::string_view::npos; }

std::string replace_lone_surrogates(std::string_view json) {
  std::string repaired(json);
  for (std::size_t at = 0; (at = find_lone(json, at)) != std::string_view::npos; at += kEscape) {
    repaired.replace(at, kEscape, "\\ufffd");
  }
  return repaired;
}

}  // namespace banyan
