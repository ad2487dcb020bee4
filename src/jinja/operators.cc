#include "jinja/operators.h"

#include <algorithm>
#include <cmath>

#include "jinja/methods.h"
#include "jinja/number_text.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

void refuse_undefined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) failed(undefined_message(*undefined));
}

[[noreturn]] void overflow() { failed("an integer is past the limit of 64 bits"); }

[[noreturn]] void cannot(std::string_view symbol, const Value& left, const Value& right) {
  refuse_undefined(left);
  refuse_undefined(right);
  failed("unsupported operand types for " + std::string(symbol) + ": '" + std::string(type_name(left)) +
         "' and '" + std::string(type_name(right)) + "'");
}

std::string_view symbol(Operator op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<std::size_t>(op)];
}

std::int64_t floor_divide(std::int64_t left, std::int64_t right) {
  if (right == -1) {
    if (left == INT64_MIN) overflow();
    return -left;
  }
  const std::int64_t quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

double floor_modulo(double left, double right) {
  const double rest = std::fmod(left, right);
  if (rest == 0) return std::copysign(0.0, right);
  return (rest < 0) != (right < 0) ? rest + right : rest;
}

Value integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) failed("0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  std::int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1 && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

Value integers(Operator op, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  switch (op) {
    case Operator::add:
      if (__builtin_add_overflow(left, right, &result)) overflow();
      return result;
    case Operator::subtract:
      if (__builtin_sub_overflow(left, right, &result)) overflow();
      return result;
    case Operator::multiply:
      if (__builtin_mul_overflow(left, right, &result)) overflow();
      return result;
    case Operator::power:
      return integer_power(left, right);
    default:
      break;
  }
  if (right == 0) failed("division by zero");
  if (op == Operator::divide) return static_cast<double>(left) / static_cast<double>(right);
  if (op == Operator::floor_divide) return floor_divide(left, right);
  if (right == -1) return std::int64_t{0};
  const std::int64_t rest = left % right;
  return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest;
}

Value floats(Operator op, double left, double right) {
  switch (op) {
    case Operator::add:
      return left + right;
    case Operator::subtract:
      return left - right;
    case Operator::multiply:
      return left * right;
    case Operator::power: {
      if (left == 0 && right < 0) failed("0.0 cannot be raised to a negative power");
      if (left < 0 && right != std::floor(right)) failed("complex numbers are not supported");
      const double result = std::pow(left, right);
      if (std::isinf(result) && std::isfinite(left) && std::isfinite(right)) failed("a float is too large");
      return result;
    }
    default:
      break;
  }
  if (right == 0) failed("float division by zero");
  if (op == Operator::divide) return left / right;
  const double rest = floor_modulo(left, right);
  if (op == Operator::modulo) return rest;
  // As CPython computes it: the nearest whole number to what is left without the rest.
  const double quotient = (left - rest) / right;
  const double floored = std::floor(quotient);
  if (quotient == 0) return std::copysign(0.0, left / right);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value repeat(Runtime& runtime, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (const std::string* text = value.text()) {
    if (!text->empty() && count > (std::size_t{1} << 40) / text->size()) runtime.meter.room(SIZE_MAX / 2);
    runtime.meter.room(count * text->size());
    runtime.meter.work(count * text->size());
    runtime.meter.step(text->empty() ? 0 : count / 16);
    std::string repeated;
    if (text->empty()) return make_text(&runtime.meter, "");
    repeated.reserve(count * text->size());
    for (std::size_t i = 0; i < count; ++i) repeated += *text;
    return make_text(&runtime.meter, std::move(repeated));
  }
  const List& list = *value.list();
  if (!list.items.empty() && count > (std::size_t{1} << 40) / list.items.size())
    runtime.meter.room(SIZE_MAX / 2);
  const std::size_t size = count * list.items.size();
  runtime.meter.room(size * sizeof(Value));
  runtime.meter.step(size);
  std::vector<Value> items;
  items.reserve(size);
  if (size > 0) {
    for (std::size_t i = 0; i < count; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return make_list(&runtime.meter, std::move(items), list.is_tuple() ? Shape::tuple : Shape::list);
}

bool is_repeatable(const Value& value) {
  return value.text() || (value.list() && value.list()->is_sequence());
}

// A place counted from the end if it is negative, and cut to [least, most].
std::int64_t place(const Value& value, std::int64_t size, std::int64_t otherwise, std::int64_t least,
                   std::int64_t most) {
  if (value.is_none()) return otherwise;
  refuse_undefined(value);
  if (!value.is_integer()) failed("slice indices must be integers or None");
  std::int64_t at = value.integer();
  if (at < 0) at += size;
  return std::clamp(at, least, most);
}

std::string_view object_name(const Value& value) {
  return value.is_none() ? std::string_view("None") : type_name(value);
}

Value missing(Runtime& runtime, const Value& value, const Value& key) {
  const std::string of = std::string(object_name(value)) + (value.is_none() ? "" : " object");
  if (const std::string* name = key.text(); name && name->size() < 200) {
    return Value::undefined(&runtime.meter, "'" + of + "' has no attribute '" + *name + "'");
  }
  return Value::undefined(&runtime.meter, "'" + of + "' has no such element");
}

// The item, or null where the value has none of that key.
Value item_or_nothing(Runtime& runtime, const Value& value, const Value& key, bool& found) {
  found = false;
  if (const Dict* dict = value.dict()) {
    if (key.list() || key.dict()) return {};
    const Value* item = dict->find(key);
    found = item != nullptr;
    return item ? *item : Value();
  }
  if (!key.is_integer()) return {};
  std::int64_t at = key.integer();
  const auto* range = value.object_as<Range>();
  if (!value.text() && !range && !(value.list() && value.list()->is_sequence())) return {};
  const std::int64_t size = length(runtime, value);
  if (at < 0) at += size;
  if (at < 0 || at >= size) return {};
  found = true;
  if (range) return range->at(at);
  if (const List* list = value.list()) return list->items[static_cast<std::size_t>(at)];
  const std::string& text = *value.text();
  std::size_t begin = byte_of(text, static_cast<std::size_t>(at));
  std::size_t end = begin;
  next_point(text, end);
  return make_text(&runtime.meter, text.substr(begin, end - begin));
}

}  // namespace

Value operate(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return integers(op, left.integer(), right.integer());
    return floats(op, left.number(), right.number());
  }
  if (op == Operator::add && left.text() && right.text()) {
    const std::size_t size = left.text()->size() + right.text()->size();
    runtime.meter.room(size);
    runtime.meter.work(size);
    std::string sum;
    sum.reserve(size);
    return make_text(&runtime.meter, std::move(sum.append(*left.text()).append(*right.text())));
  }
  const List* list = left.list();
  const List* other = right.list();
  if (op == Operator::add && list && other && list->is_sequence() && other->is_sequence() &&
      list->is_tuple() == other->is_tuple()) {
    runtime.meter.room((list->items.size() + other->items.size()) * sizeof(Value));
    std::vector<Value> items;
    items.reserve(list->items.size() + other->items.size());
    items.insert(items.end(), list->items.begin(), list->items.end());
    items.insert(items.end(), other->items.begin(), other->items.end());
    return make_list(&runtime.meter, std::move(items), list->is_tuple() ? Shape::tuple : Shape::list);
  }
  if (op == Operator::multiply && is_repeatable(left) && right.is_integer())
    return repeat(runtime, left, right.integer());
  if (op == Operator::multiply && is_repeatable(right) && left.is_integer())
    return repeat(runtime, right, left.integer());
  if (op == Operator::modulo && left.text()) return percent_format(runtime, *left.text(), right);
  cannot(symbol(op), left, right);
}

Value negate(const Value& value) {
  refuse_undefined(value);
  if (value.is_integer()) return integers(Operator::subtract, 0, value.integer());
  if (!value.is_number()) failed("bad operand type for unary -: '" + std::string(type_name(value)) + "'");
  return -value.number();
}

Value posate(const Value& value) {
  refuse_undefined(value);
  if (value.is_integer()) return value.integer();
  if (!value.is_number()) failed("bad operand type for unary +: '" + std::string(type_name(value)) + "'");
  return value;
}

bool compare(Runtime& runtime, Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::equal:
      return equal(&runtime.meter, left, right);
    case Comparison::unequal:
      return !equal(&runtime.meter, left, right);
    case Comparison::in:
      return contains(runtime, right, left);
    case Comparison::not_in:
      return !contains(runtime, right, left);
    case Comparison::less:
      return less(runtime.meter, left, right);
    case Comparison::greater:
      return less(runtime.meter, right, left);
    default:
      break;
  }
  if (left.is_number() && right.is_number() && std::isnan(left.number() + right.number())) return false;
  if (comparison == Comparison::less_equal) return !less(runtime.meter, right, left);
  return !less(runtime.meter, left, right);
}

bool contains(Runtime& runtime, const Value& container, const Value& value) {
  if (const std::string* text = container.text()) {
    refuse_undefined(value);
    if (!value.text())
      failed("'in <string>' requires string as left operand, not " + std::string(type_name(value)));
    return find_text(runtime.meter, *text, *value.text()) != std::string_view::npos;
  }
  if (const Dict* dict = container.dict()) return dict->find(value) != nullptr;
  const ListPtr list = elements(runtime, container);
  return std::ranges::any_of(list->items,
                             [&](const Value& item) { return equal(&runtime.meter, item, value); });
}

std::int64_t length(Runtime& runtime, const Value& value) {
  if (const std::string* text = value.text()) {
    runtime.meter.work(text->size());
    return static_cast<std::int64_t>(count_points(*text));
  }
  const List* list = value.list();
  if (list && list->shape != Shape::generator) return static_cast<std::int64_t>(list->items.size());
  if (const Dict* dict = value.dict()) return static_cast<std::int64_t>(dict->entries().size());
  if (const auto* range = value.object_as<Range>()) return range->size();
  if (value.is_undefined()) return 0;
  failed("object of type '" + std::string(type_name(value)) + "' has no len()");
}

Value get_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  refuse_undefined(value);
  Value method = method_of(runtime, value, name);
  if (!method.is_undefined()) return method;
  if (const Dict* dict = value.dict()) {
    if (const Value* item = dict->find(name)) return *item;
  }
  if (method.as<Undefined>()->message) return method;  // it says more than that there is none
  return missing(runtime, value, make_text(nullptr, std::string(name)));
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  refuse_undefined(value);
  bool found = false;
  Value item = item_or_nothing(runtime, value, key, found);
  if (found) return item;
  if (const std::string* name = key.text()) {
    Value method = method_of(runtime, value, *name);
    if (!method.is_undefined() || method.as<Undefined>()->message) return method;
  }
  return missing(runtime, value, key);
}

Value get_slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
                const Value& step) {
  refuse_undefined(value);
  const auto* range = value.object_as<Range>();
  const List* list = value.list();
  if (!value.text() && !range && !(list && list->is_sequence())) {
    return missing(runtime, value, None{});
  }
  if (!step.is_none() && !step.is_integer()) failed("slice indices must be integers or None");
  const std::int64_t by = step.is_none() ? 1 : std::max<std::int64_t>(step.integer(), -INT64_MAX);
  if (by == 0) failed("slice step cannot be zero");
  const std::int64_t size = length(runtime, value);
  const std::int64_t least = by > 0 ? 0 : -1;
  const std::int64_t most = by > 0 ? size : size - 1;
  const std::int64_t first = place(start, size, by > 0 ? 0 : size - 1, least, most);
  const std::int64_t last = place(stop, size, by > 0 ? size : -1, least, most);
  if (range) return ObjectPtr(range->slice(runtime.meter, first, last, by));
  const std::int64_t apart = by > 0 ? last - first : first - last;
  const std::int64_t stride = by > 0 ? by : -by;
  const std::int64_t count = apart <= 0 ? 0 : (apart - 1) / stride + 1;

  if (const std::string* text = value.text()) {
    runtime.meter.work(text->size());
    if (count == 0) return make_text(&runtime.meter, "");
    if (by == 1) {
      const std::size_t begin = byte_of(*text, static_cast<std::size_t>(first));
      const std::size_t bytes =
          byte_of(std::string_view(*text).substr(begin), static_cast<std::size_t>(count));
      runtime.meter.room(bytes);
      return make_text(&runtime.meter, text->substr(begin, bytes));
    }
    runtime.meter.step(text->size());
    runtime.meter.room(text->size() * 5);
    std::u32string points;
    for (std::size_t at = 0; at < text->size();) points += next_point(*text, at);
    std::string cut;
    for (std::int64_t i = 0; i < count; ++i)
      append_point(cut, points[static_cast<std::size_t>(first + i * by)]);
    return make_text(&runtime.meter, std::move(cut));
  }
  runtime.meter.room(static_cast<std::size_t>(count) * sizeof(Value));
  std::vector<Value> items;
  items.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    items.push_back(list->items[static_cast<std::size_t>(first + i * by)]);
  return make_list(&runtime.meter, std::move(items), list->is_tuple() ? Shape::tuple : Shape::list);
}

Value call(Runtime& runtime, const Value& callee, const Args& args) {
  refuse_undefined(callee);
  if (!callee.object()) failed("'" + std::string(type_name(callee)) + "' object is not callable");
  const Nest nest(runtime.meter);
  const ObjectPtr held = *callee.as<ObjectPtr>();
  return held->call(runtime, args);
}

}  // namespace banyan::jinja
