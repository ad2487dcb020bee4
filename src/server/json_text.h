/// Text of JSON before it is parsed.
#pragma once

#include <string>
#include <string_view>

namespace banyan {

/// With every lone surrogate that is written as an escape ("\ud83d", what is left of an emoji that JavaScript
/// cut) replaced by the escape of U+FFFD. All else, also what is no JSON, stays as it is. Linear in the
/// bytes.
std::string replace_lone_surrogates(std::string_view json);

/// Whether there is one.
bool has_lone_surrogate(std::string_view json);

}  // namespace banyan
