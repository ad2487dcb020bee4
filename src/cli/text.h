/// Numbers as people read and write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "banyan/base.h"

namespace banyan::cli {

/// "17,912".
std::string grouped(std::uint64_t number);
/// "312 B", "4.6 MiB".
std::string format_bytes(std::uint64_t bytes);
/// "0.8 ms", "412 ms", "3.2 s".
std::string format_ms(double milliseconds);
/// "40 s", "5 min", "3 h", "12 d".
std::string format_age(std::chrono::seconds age);
/// "5.3 M", "8.2 B": a model's parameters.
std::string format_parameters(std::uint64_t count);

/// Bytes from "8GiB", "512M", "1.5G" (powers of 1024) or "8GB" (powers of 1000). Errors:
/// invalid_argument for anything else, and for zero.
Result<std::size_t> parse_size(std::string_view text);
/// A time from "90s", "30m", "12h", "7d" or "2w". Errors: invalid_argument for anything else.
Result<std::chrono::seconds> parse_duration(std::string_view text);
/// A whole number, all of `text`. Errors: invalid_argument, also outside [least, most].
Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most);
/// A finite number, all of `text`. Errors: invalid_argument, also outside [least, most].
Result<float> parse_number(std::string_view text, float least, float most);

}  // namespace banyan::cli
