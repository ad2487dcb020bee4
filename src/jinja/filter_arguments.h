/// How filters read their arguments, and the tables that they stand in.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "jinja/filters.h"

namespace banyan::jinja {

inline std::int64_t integer_or(const Value& value, std::int64_t otherwise) {
  return value.is_undefined() ? otherwise : integer_of(value);
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
