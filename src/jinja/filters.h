/// jinja2's filters and tests, by name.
#pragma once

#include <string_view>

#include "jinja/objects.h"

namespace banyan::jinja {

using Filter = Value (*)(Runtime&, const Value&, const Args&);
using Test = bool (*)(Runtime&, const Value&, const Args&);

/// Null where there is none of that name.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);

/// json.dumps(value, ...): `indent` undefined or None, a number or a string.
struct JsonStyle {
  Value indent;
  std::string between_items;
  std::string behind_key = ": ";
  bool ascii = false;
  bool sorted = false;
};
Value to_json(Runtime& runtime, const Value& value, JsonStyle style);
/// A sort that does not rely on the order being consistent, and whose comparisons may throw.
void stable_sort(Runtime& runtime, std::vector<std::pair<Value, Value>>& keyed, bool reverse);

}  // namespace banyan::jinja
