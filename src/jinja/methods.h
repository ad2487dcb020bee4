/// The methods of strings, lists, tuples and dictionaries.
#pragma once

#include <string_view>

#include "jinja/objects.h"

namespace banyan::jinja {

/// `value.name`, bound to the value; undefined where there is none, with a message where the sandbox forbids
/// it.
Value builtin_method(Runtime& runtime, const Value& value, std::string_view name);

/// Python's str.strip(): `characters` undefined or None means white space.
std::string_view stripped(Meter& meter, std::string_view text, const Value& characters, bool left,
                          bool right);
/// The first place of `wanted` from `begin` on, or npos, in time that grows with their sizes' sum alone.
std::size_t find_text(Meter& meter, std::string_view text, std::string_view wanted, std::size_t begin = 0);
/// The last place.
std::size_t rfind_text(Meter& meter, std::string_view text, std::string_view wanted);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);
std::string capitalized(std::string_view text);
std::string map_points(std::string_view text, char32_t (*map)(char32_t));
std::string replaced(Meter& meter, std::string_view text, std::string_view old, std::string_view with,
                     std::int64_t count);

}  // namespace banyan::jinja
