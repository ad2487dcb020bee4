/// What answers are known by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banyan {

/// The prefix and 24 random hexadecimal digits.
std::string random_id(std::string_view prefix);

/// Since 1970.
std::int64_t unix_seconds();

}  // namespace banyan
