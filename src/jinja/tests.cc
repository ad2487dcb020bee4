#include <algorithm>
#include <cmath>
#include <span>

#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

Value only_argument(const Args& args) { return args.bind("a test", {"value"})[0]; }

template <bool (*holds)(const Value&)>
bool plain(Runtime&, const Value& value, const Args& args) {
  args.bind("a test", {});
  return holds(value);
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_string(const Value& value) { return value.text() != nullptr; }
bool is_number(const Value& value) { return value.is_number(); }
bool is_integer(const Value& value) { return value.as<std::int64_t>() != nullptr; }
bool is_float(const Value& value) { return value.as<double>() != nullptr; }
bool is_boolean(const Value& value) { return value.as<bool>() != nullptr; }
bool is_true(const Value& value) { return value.as<bool>() && *value.as<bool>(); }
bool is_false(const Value& value) { return value.as<bool>() && !*value.as<bool>(); }
bool is_mapping(const Value& value) { return value.dict() != nullptr; }
bool is_callable(const Value& value) {
  return value.is_undefined() || (value.object() && value.object()->callable());
}

bool is_sequence(const Value& value) {
  return value.text() || value.dict() || value.is_undefined() ||
         (value.list() && value.list()->is_sequence()) || value.object_as<Range>();
}

bool is_iterable(const Value& value) { return is_sequence(value) || value.list(); }

template <Comparison comparison>
bool compares(Runtime& runtime, const Value& value, const Args& args) {
  return compare(runtime, comparison, value, only_argument(args));
}

bool same_as(Runtime& runtime, const Value& value, const Args& args) {
  const Value other = only_argument(args);
  if (value.any().index() != other.any().index()) return false;
  if (value.list()) return value.list() == other.list();
  if (value.dict()) return value.dict() == other.dict();
  return equal(&runtime.meter, value, other);
}

std::int64_t modulo(Runtime& runtime, const Value& value, const Value& by) {
  const Value rest = operate(runtime, Operator::modulo, value, by);
  if (!rest.is_number()) return 2;
  return rest.number() == 0 ? 0 : rest.number() == 1 ? 1 : 2;
}

bool is_odd(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("odd", {});
  return modulo(runtime, value, std::int64_t{2}) == 1;
}

bool is_even(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("even", {});
  return modulo(runtime, value, std::int64_t{2}) == 0;
}

bool divisible_by(Runtime& runtime, const Value& value, const Args& args) {
  return modulo(runtime, value, only_argument(args)) == 0;
}

template <bool (*wanted)(char32_t), bool (*other)(char32_t)>
bool one_case(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("a test", {});
  const std::string text = to_string(runtime.meter, value);
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    if (other(point)) return false;
    found = found || wanted(point);
  }
  return found;
}

bool is_filter(Runtime&, const Value& value, const Args& args) {
  args.bind("filter", {});
  return value.text() && find_filter(*value.text());
}

bool is_test(Runtime&, const Value& value, const Args& args) {
  args.bind("test", {});
  return value.text() && find_test(*value.text());
}

struct Named {
  std::string_view name;
  Test test;
};

constexpr Named kTests[] = {
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"none", plain<is_none>},
    {"string", plain<is_string>},
    {"number", plain<is_number>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"boolean", plain<is_boolean>},
    {"true", plain<is_true>},
    {"false", plain<is_false>},
    {"mapping", plain<is_mapping>},
    {"sequence", plain<is_sequence>},
    {"iterable", plain<is_iterable>},
    {"callable", plain<is_callable>},
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", divisible_by},
    {"equalto", compares<Comparison::equal>},
    {"eq", compares<Comparison::equal>},
    {"==", compares<Comparison::equal>},
    {"ne", compares<Comparison::unequal>},
    {"!=", compares<Comparison::unequal>},
    {"lt", compares<Comparison::less>},
    {"lessthan", compares<Comparison::less>},
    {"<", compares<Comparison::less>},
    {"le", compares<Comparison::less_equal>},
    {"<=", compares<Comparison::less_equal>},
    {"gt", compares<Comparison::greater>},
    {"greaterthan", compares<Comparison::greater>},
    {">", compares<Comparison::greater>},
    {"ge", compares<Comparison::greater_equal>},
    {">=", compares<Comparison::greater_equal>},
    {"in", compares<Comparison::in>},
    {"sameas", same_as},
    {"upper", one_case<is_upper, is_lower>},
    {"lower", one_case<is_lower, is_upper>},
    {"filter", is_filter},
    {"test", is_test},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto found = std::ranges::find(kTests, name, &Named::name);
  return found == std::end(kTests) ? nullptr : found->test;
}

}  // namespace banyan::jinja
