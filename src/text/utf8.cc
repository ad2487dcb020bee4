#include "text/utf8.h"

#include <algorithm>

namespace banyan {

Utf8Step next_utf8(std::string_view text) {
  using Kind = Utf8Step::Kind;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {Kind::whole, 1};

  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;  // of the second byte
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;   // overlong
    if (first == 0xED) high = 0x9F;  // surrogates
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;   // overlong
    if (first == 0xF4) high = 0x8F;  // beyond U+10FFFF
  } else {
    return {Kind::invalid, 1};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Kind::cut, i};
    if (byte(i) < low || byte(i) > high) return {Kind::invalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Kind::whole, length};
}

namespace {

// The bits of a first byte that are a character's, and how many bytes the character has.
std::pair<char32_t, std::size_t> first_bits(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return {byte, 1};
  if (byte < 0xE0) return {byte & 0x1Fu, 2};
  if (byte < 0xF0) return {byte & 0x0Fu, 3};
  return {byte & 0x07u, 4};
}

}  // namespace

char32_t code_point(std::string_view character) {
  char32_t value = first_bits(character[0]).first;
  for (const char byte : character.substr(1)) value = value << 6 | (static_cast<unsigned char>(byte) & 0x3Fu);
  return value;
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto rest = [&](int shift) { text += static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0 | code_point >> 6);
    rest(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xE0 | code_point >> 12);
    rest(6), rest(0);
  } else {
    text += static_cast<char>(0xF0 | code_point >> 18);
    rest(12), rest(6), rest(0);
  }
}

std::pair<char32_t, char32_t> cut_code_points(std::string_view cut) {
  const std::size_t length = first_bits(cut[0]).second;
  const auto missing = static_cast<unsigned>(6 * (length - cut.size()));
  const char32_t low = code_point(cut) << missing;
  const char32_t high = low | ((char32_t{1} << missing) - 1);
  const char32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;  // fewer bytes do for others
  return {std::max(low, least), std::min<char32_t>(high, 0x10FFFF)};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = next_utf8(text);
    if (step.kind != Utf8Step::Kind::whole) return false;
    text.remove_prefix(step.bytes);
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = next_utf8(text);
    repaired += step.kind == Utf8Step::Kind::whole ? text.substr(0, step.bytes) : kReplacement;
    text.remove_prefix(step.bytes);
  }
  return repaired;
}

}  // namespace banyan
