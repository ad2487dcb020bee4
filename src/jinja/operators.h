/// Python's operators.
#pragma once

#include <string>
#include <string_view>

#include "jinja/objects.h"

namespace banyan::jinja {

enum class Operator { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };

Value operate(Runtime& runtime, Operator op, const Value& left, const Value& right);
Value negate(const Value& value);
Value posate(const Value& value);
bool compare(Runtime& runtime, Comparison comparison, const Value& left, const Value& right);
bool contains(Runtime& runtime, const Value& container, const Value& value);
/// The number of elements; fails for what has none.
std::int64_t length(Runtime& runtime, const Value& value);

/// `value.name`, as jinja2 looks: the attribute, or else the item.
Value get_attribute(Runtime& runtime, const Value& value, std::string_view name);
/// `value[key]`: the item, or else the attribute.
Value get_item(Runtime& runtime, const Value& value, const Value& key);
/// `value[start:stop:step]`; undefined or None where nothing was given.
Value get_slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
                const Value& step);
Value call(Runtime& runtime, const Value& callee, const Args& args);

}  // namespace banyan::jinja
