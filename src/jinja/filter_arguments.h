/// How filters read their arguments, and the tables that they stand in.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "jinja/filters.h"

namespace banyan::jinja {

inline bool is_given(const Value& value) { return !value.is_undefined() && !value.is_none(); }

inline std::int64_t integer_or(const Value& value, std::int64_t otherwise) {
  if (value.is_undefined()) return otherwise;
  if (!value.is_integer())
    failed("'" + std::string(type_name(value)) + "' object cannot be interpreted as an integer");
  return value.integer();
}

inline bool boolean_or(const Value& value, bool otherwise) {
  return value.is_undefined() ? otherwise : truthy(value);
}

struct NamedFilter {
  std::string_view name;
  Filter filter;
};

/// The filters of lists and dictionaries.
std::span<const NamedFilter> sequence_filters();

}  // namespace banyan::jinja
