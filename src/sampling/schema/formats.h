/// The formats of strings, as patterns.
#pragma once

#include <string_view>

namespace banyan {

/// A pattern for all of a text; empty for a format that is not known.
std::string_view format_pattern(std::string_view format);
/// Whether JSON Schema names the format. Others are notes to people.
bool is_standard_format(std::string_view format);

}  // namespace banyan
