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
/// "2026-01-31T12:00:00Z". `seconds`: since 1970.
std::string iso_time(std::int64_t seconds);

}  // namespace banyan
