/// Code points of UTF-8. All strings here are valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace banyan::jinja {

bool is_utf8(std::string_view text);
/// The code point at `at`, which moves behind it.
char32_t next_point(std::string_view text, std::size_t& at);
void append_point(std::string& text, char32_t point);
std::size_t count_points(std::string_view text);
/// The byte at which code point number `points` begins, counted from 0; the size where there are fewer.
std::size_t byte_of(std::string_view text, std::size_t points);

bool is_space(char32_t point);
bool is_letter(char32_t point);
bool is_upper(char32_t point);
bool is_lower(char32_t point);
/// Latin, Greek and Cyrillic; other letters stay as they are.
char32_t to_upper(char32_t point);
char32_t to_lower(char32_t point);
/// Appends it in upper case, which may be two letters.
void append_upper(std::string& text, char32_t point, bool title = false);

}  // namespace banyan::jinja
