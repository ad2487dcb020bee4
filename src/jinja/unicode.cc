#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

// The length that a first byte announces, 0 if it is none.
std::size_t length_of(unsigned char byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xC2 && byte < 0xE0) return 2;
  if (byte >= 0xE0 && byte < 0xF0) return 3;
  if (byte >= 0xF0 && byte < 0xF5) return 4;
  return 0;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

bool within(char32_t point, char32_t first, char32_t last) { return point >= first && point <= last; }

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::size_t length = length_of(static_cast<unsigned char>(text[at]));
    if (length == 0 || length > text.size() - at) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if (!continues(text[at + i])) return false;
    }
    const char32_t point = next_point(text, at);
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[length] || within(point, 0xD800, 0xDFFF) || point > 0x10FFFF) return false;
    at = begin + length;
  }
  return true;
}

char32_t next_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  const std::size_t length = length_of(first);
  char32_t point = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length && at < text.size(); ++i) {
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3Fu);
  }
  return point;
}

void append_point(std::string& text, char32_t point) {
  const auto byte = [&](char32_t bits) { text += static_cast<char>(bits); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      byte(0xE0 | point >> 12);
    } else {
      byte(0xF0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3F));
    }
    byte(0x80 | (point >> 6 & 0x3F));
  }
  byte(0x80 | (point & 0x3F));
}

std::size_t count_points(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += continues(byte) ? 0 : 1;
  return count;
}

std::size_t byte_of(std::string_view text, std::size_t points) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (continues(text[at])) continue;
    if (points-- == 0) return at;
  }
  return at;
}

bool is_space(char32_t point) {
  return within(point, 9, 13) || within(point, 0x1C, 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || within(point, 0x2000, 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool is_upper(char32_t point) { return to_lower(point) != point; }

bool is_lower(char32_t point) { return to_upper(point) != point || point == 0xDF; }

bool is_letter(char32_t point) {
  if (point < 0x80) return within(point | 0x20, 'a', 'z');
  if (point < 0x370)
    return point == 0xAA || point == 0xB5 || point == 0xBA ||
           (point >= 0xC0 && point != 0xD7 && point != 0xF7);
  return !is_space(point) && !within(point, 0x2010, 0x2BFF) && !within(point, 0x3001, 0x3004) &&
         !within(point, 0x3008, 0x3020) && !within(point, 0xFE00, 0xFE6F) && !within(point, 0xFF01, 0xFF20) &&
         !within(point, 0x1F000, 0x1FAFF);
}

char32_t to_lower(char32_t point) {
  if (within(point, 'A', 'Z')) return point + 32;
  if (point < 0xC0) return point;
  if (within(point, 0xC0, 0xDE) && point != 0xD7) return point + 32;
  if (point == 0x178) return 0xFF;
  if (within(point, 0x100, 0x137) && point != 0x130 && point != 0x131) return point | 1;
  if (within(point, 0x139, 0x148)) return point % 2 == 1 ? point + 1 : point;
  if (within(point, 0x14A, 0x177)) return point | 1;
  if (within(point, 0x179, 0x17E)) return point % 2 == 1 ? point + 1 : point;
  if (within(point, 0x391, 0x3A9) && point != 0x3A2) return point + 32;
  if (within(point, 0x400, 0x40F)) return point + 80;
  if (within(point, 0x410, 0x42F)) return point + 32;
  return point;
}

char32_t to_upper(char32_t point) {
  if (within(point, 'a', 'z')) return point - 32;
  if (point < 0xE0) return point;
  if (within(point, 0xE0, 0xFE) && point != 0xF7) return point - 32;
  if (point == 0xFF) return 0x178;
  if (within(point, 0x100, 0x137) && point != 0x130 && point != 0x131) return point & ~char32_t{1};
  if (within(point, 0x139, 0x148)) return point % 2 == 0 ? point - 1 : point;
  if (within(point, 0x14A, 0x177)) return point & ~char32_t{1};
  if (within(point, 0x179, 0x17E)) return point % 2 == 0 ? point - 1 : point;
  if (point == 0x3C2) return 0x3A3;
  if (within(point, 0x3B1, 0x3C9)) return point - 32;
  if (within(point, 0x430, 0x44F)) return point - 32;
  if (within(point, 0x450, 0x45F)) return point - 80;
  return point;
}

void append_upper(std::string& text, char32_t point, bool title) {
  if (point == 0xDF) {
    text += title ? "Ss" : "SS";
  } else {
    append_point(text, to_upper(point));
  }
}

}  // namespace banyan::jinja
