/// Numbers as Python writes them, and its two ways to format: "%5.2f" % x and "{:>5}".format(x).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jinja/value.h"

namespace banyan::jinja {

std::string float_repr(double number);
std::string hexadecimal(std::uint64_t number, int digits);
/// An int or a float from the text, as Python's int() and float() read it. False where they refuse it.
bool read_integer(std::string_view text, int base, std::int64_t& number);
bool read_float(std::string_view text, double& number);

/// `format % value`.
Value percent_format(Runtime& runtime, const std::string& format, const Value& value);
/// `format.format(...)`.
Value brace_format(Runtime& runtime, const std::string& format, const Args& args);

}  // namespace banyan::jinja
