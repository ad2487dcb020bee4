// The filters of lists and dictionaries.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "jinja/filter_arguments.h"
#include "jinja/filters.h"
#include "jinja/methods.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

Value lowered(Runtime& runtime, const Value& value) {
  if (!value.text()) return value;
  runtime.meter.step(value.text()->size() / 8);
  return make_text(&runtime.meter, map_points(*value.text(), to_lower));
}

/// What jinja2 calls an attribute: "a.b.0", a number, or nothing.
class Path {
 public:
  explicit Path(Runtime& runtime, const Value& attribute) {
    if (!is_given(attribute)) return;
    if (const std::string* text = attribute.text()) {
      for (std::size_t at = 0; at <= text->size();) {
        const std::size_t dot = std::min(text->find('.', at), text->size());
        const std::string part = text->substr(at, dot - at);
        const bool digits =
            !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string::npos;
        keys_.push_back(digits ? Value(static_cast<std::int64_t>(std::atoll(part.c_str())))
                               : make_text(&runtime.meter, part));
        runtime.meter.step();
        at = dot + 1;
      }
    } else {
      keys_.push_back(attribute);
    }
  }

  Value of(Runtime& runtime, Value value, const Value& otherwise = {}) const {
    for (const Value& key : keys_) {
      runtime.meter.step();
      value = get_item(runtime, value, key);
      if (value.is_undefined() && is_given(otherwise)) value = otherwise;
    }
    return value;
  }

 private:
  std::vector<Value> keys_;
};

using Keyed = std::vector<std::pair<Value, Value>>;

Value listed(Runtime& runtime, std::vector<Value> items, Shape shape = Shape::list) {
  return make_list(&runtime.meter, std::move(items), shape);
}

// Each element with what it is ordered by.
Keyed keyed(Runtime& runtime, const Value& value, const Value& attribute, bool case_sensitive) {
  std::vector<Path> paths;
  if (const std::string* text = attribute.text(); text && text->contains(',')) {
    for (std::size_t at = 0; at <= text->size();) {
      const std::size_t comma = std::min(text->find(',', at), text->size());
      paths.emplace_back(runtime, make_text(&runtime.meter, text->substr(at, comma - at)));
      at = comma + 1;
    }
  } else {
    paths.emplace_back(runtime, attribute);
  }
  Keyed all;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    std::vector<Value> keys;
    for (const Path& path : paths) {
      Value key = path.of(runtime, item);
      keys.push_back(case_sensitive ? std::move(key) : lowered(runtime, key));
    }
    runtime.meter.step();
    all.emplace_back(keys.size() == 1 ? keys[0] : listed(runtime, keys), item);
  }
  return all;
}

std::vector<Value> values_of(const Keyed& all) {
  std::vector<Value> values;
  values.reserve(all.size());
  for (const auto& [key, value] : all) values.push_back(value);
  return values;
}

Value join(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("join", {"d", "attribute"});
  const std::string between = to_string(runtime.meter, given[0]);
  const Path path(runtime, given[1]);
  Writer out(runtime.meter);
  bool first = true;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    if (!std::exchange(first, false)) out.write(between);
    write_str(out, path.of(runtime, item));
    runtime.meter.step();
  }
  return out.take();
}

std::string_view name_of(const Value& value, const char* what) {
  if (!value.text()) failed(std::string("the name of a ") + what + " is missing");
  return *value.text();
}

// map, select and their like look at nothing where there is nothing: none, which has no elements, is no
// error.
Value map(Runtime& runtime, const Value& value, const Args& args) {
  std::vector<Value> items;
  if (!truthy(value)) return listed(runtime, std::move(items), Shape::generator);
  if (args.positional.empty()) {
    const std::vector<Value> given = args.bind("map", {"", "attribute", "default"});
    if (!is_given(given[1])) failed("map requires a filter argument");
    const Path path(runtime, given[1]);
    const ListPtr all_items = elements(runtime, value);
    for (const Value& item : all_items->items) items.push_back(path.of(runtime, item, given[2]));
  } else {
    const std::string_view name = name_of(args.positional[0], "filter");
    const Filter filter = find_filter(name);
    if (!filter) failed("No filter named '" + std::string(name) + "'.");
    Args rest = args;
    rest.positional.erase(rest.positional.begin());
    const Nest nest(runtime.meter);
    const ListPtr all_items = elements(runtime, value);
    for (const Value& item : all_items->items) {
      runtime.meter.step();
      items.push_back(filter(runtime, item, rest));
    }
  }
  return listed(runtime, std::move(items), Shape::generator);
}

template <bool selects, bool by_attribute>
Value select(Runtime& runtime, const Value& value, const Args& args) {
  if (!truthy(value)) return listed(runtime, {}, Shape::generator);
  Args rest = args;
  Path path(runtime, {});
  if (by_attribute) {
    if (rest.positional.empty()) failed("Missing parameter for attribute name");
    path = Path(runtime, rest.positional[0]);
    rest.positional.erase(rest.positional.begin());
  }
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const std::string_view name = name_of(rest.positional[0], "test");
    test = find_test(name);
    if (!test) failed("No test named '" + std::string(name) + "'.");
    rest.positional.erase(rest.positional.begin());
  }
  std::vector<Value> items;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    runtime.meter.step();
    const Value looked_at = path.of(runtime, item);
    if ((test ? test(runtime, looked_at, rest) : truthy(looked_at)) == selects) items.push_back(item);
  }
  return listed(runtime, std::move(items), Shape::generator);
}

Value list(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("list", {});
  if (value.list() && value.list()->shape == Shape::list) return value;
  return listed(runtime, elements(runtime, value)->items);
}

Value first(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("first", {});
  if (const std::string* text = value.text(); text && !text->empty()) {
    std::size_t at = 0;
    next_point(*text, at);
    return make_text(&runtime.meter, text->substr(0, at));
  }
  const ListPtr all = elements(runtime, value);
  return all->items.empty() ? Value::undefined(&runtime.meter, "No first item, sequence was empty.")
                            : all->items.front();
}

Value last(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("last", {});
  if (value.list() && value.list()->shape == Shape::generator) failed("'generator' object is not reversible");
  const ListPtr all = elements(runtime, value);
  return all->items.empty() ? Value::undefined(&runtime.meter, "No last item, sequence was empty.")
                            : all->items.back();
}

Value sort(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("sort", {"reverse", "case_sensitive", "attribute"});
  Keyed all = keyed(runtime, value, given[2], boolean_or(given[1], false));
  // As lists of one they are asked for their equality first, and what is undefined needs no order.
  for (auto& [key, item] : all) key = listed(runtime, {key});
  stable_sort(runtime, all, boolean_or(given[0], false));
  return listed(runtime, values_of(all));
}

Value dictsort(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("dictsort", {"case_sensitive", "by", "reverse"});
  const std::string by = given[1].text() ? *given[1].text() : "key";
  if (by != "key" && by != "value") failed("You can only sort by either \"key\" or \"value\"");
  if (!value.dict()) failed("dictsort takes a dictionary");
  Keyed all;
  for (const auto& [key, item] : value.dict()->entries()) {
    const Value& order = by == "key" ? key : item;
    all.emplace_back(boolean_or(given[0], false) ? order : lowered(runtime, order),
                     listed(runtime, {key, item}, Shape::tuple));
  }
  stable_sort(runtime, all, boolean_or(given[2], false));
  return listed(runtime, values_of(all));
}

Value unique(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("unique", {"case_sensitive", "attribute"});
  const auto seen = std::make_shared<Dict>(&runtime.meter);
  std::vector<Value> items;
  for (const auto& [key, item] : keyed(runtime, value, given[1], boolean_or(given[0], false))) {
    if (seen->find(key)) continue;
    seen->set(key, true);
    items.push_back(item);
  }
  return listed(runtime, std::move(items), Shape::generator);
}

template <bool greatest>
Value extreme(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("min", {"case_sensitive", "attribute"});
  const Keyed all = keyed(runtime, value, given[1], boolean_or(given[0], false));
  if (all.empty()) return Value::undefined(&runtime.meter, "No aggregated item, sequence was empty.");
  const auto* best = &all[0];
  for (const auto& each : std::span(all).subspan(1)) {
    if (greatest ? less(runtime.meter, best->first, each.first)
                 : less(runtime.meter, each.first, best->first))
      best = &each;
  }
  return best->second;
}

Value sum(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("sum", {"attribute", "start"});
  const Path path(runtime, given[0]);
  Value total = given[1].is_undefined() ? Value(std::int64_t{0}) : given[1];
  if (total.text()) failed("sum() can't sum strings");
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    runtime.meter.step();
    total = operate(runtime, Operator::add, total, path.of(runtime, item));
  }
  return total;
}

Value groupby(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("groupby", {"attribute", "default", "case_sensitive"});
  const Path path(runtime, given[0]);
  const bool case_sensitive = boolean_or(given[2], false);
  Keyed all;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    const Value key = path.of(runtime, item, given[1]);
    all.emplace_back(case_sensitive ? key : lowered(runtime, key), item);
  }
  stable_sort(runtime, all, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < all.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    for (; end < all.size() && equal(&runtime.meter, all[end].first, all[begin].first); ++end)
      members.push_back(all[end].second);
    if (end == begin) members.push_back(all[end++].second);  // NaN
    const Value grouper = path.of(runtime, members[0], given[1]);
    groups.push_back(listed(runtime, {grouper, listed(runtime, std::move(members))}, Shape::group));
    begin = end;
  }
  return listed(runtime, std::move(groups));
}

Value batch(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("batch", {"linecount", "fill_with"});
  const std::int64_t size = integer_or(given[0], 0);
  std::vector<Value> batches;
  std::vector<Value> row;
  const ListPtr all_items = elements(runtime, value);
  for (const Value& item : all_items->items) {
    if (static_cast<std::int64_t>(row.size()) == size)
      batches.push_back(listed(runtime, std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (is_given(given[1]) && size > static_cast<std::int64_t>(row.size())) {
      runtime.meter.room(static_cast<std::size_t>(std::min<std::int64_t>(size, INT64_MAX / 64)) *
                         sizeof(Value));
      row.resize(static_cast<std::size_t>(size), given[1]);
    }
    batches.push_back(listed(runtime, std::move(row)));
  }
  return listed(runtime, std::move(batches), Shape::generator);
}

Value slice(Runtime& runtime, const Value& value, const Args& args) {
  const std::vector<Value> given = args.bind("slice", {"slices", "fill_with"});
  const std::int64_t slices = integer_or(given[0], 0);
  if (slices == 0) failed("integer division or modulo by zero");
  const ListPtr all = elements(runtime, value);
  const auto size = static_cast<std::int64_t>(all->items.size());
  runtime.meter.range(static_cast<std::uint64_t>(std::max<std::int64_t>(slices, 0)));
  std::vector<Value> made;
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    const std::int64_t start = offset + i * (size / slices);
    if (i < size % slices) ++offset;
    const std::int64_t end = offset + (i + 1) * (size / slices);
    std::vector<Value> part(all->items.begin() + start, all->items.begin() + end);
    if (is_given(given[1]) && i >= size % slices) part.push_back(given[1]);
    made.push_back(listed(runtime, std::move(part)));
  }
  return listed(runtime, std::move(made), Shape::generator);
}

Value reverse(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("reverse", {});
  if (value.text()) return get_slice(runtime, value, None{}, None{}, std::int64_t{-1});
  std::vector<Value> items = elements(runtime, value)->items;
  std::ranges::reverse(items);
  return listed(runtime, std::move(items), Shape::generator);
}

Value items(Runtime& runtime, const Value& value, const Args& args) {
  args.bind("items", {});
  if (value.is_undefined()) return listed(runtime, {}, Shape::generator);
  if (!value.dict()) failed("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto& [key, item] : value.dict()->entries())
    pairs.push_back(listed(runtime, {key, item}, Shape::tuple));
  return listed(runtime, std::move(pairs), Shape::generator);
}

constexpr NamedFilter kSequenceFilters[] = {
    {"join", join},
    {"map", map},
    {"select", select<true, false>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<false, true>},
    {"list", list},
    {"first", first},
    {"last", last},
    {"sort", sort},
    {"dictsort", dictsort},
    {"unique", unique},
    {"min", extreme<false>},
    {"max", extreme<true>},
    {"sum", sum},
    {"groupby", groupby},
    {"batch", batch},
    {"slice", slice},
    {"reverse", reverse},
    {"items", items},
};

}  // namespace

std::span<const NamedFilter> sequence_filters() { return kSequenceFilters; }

void stable_sort(Runtime& runtime, Keyed& all, bool reverse) {
  const auto before = [&](const Value& left, const Value& right) {
    return reverse ? less(runtime.meter, right, left) : less(runtime.meter, left, right);
  };
  // Python compares also where there is nothing to order by: two values that cannot be compared are an error.
  Keyed merged(all.size());
  for (std::size_t width = 1; width < all.size(); width *= 2) {
    for (std::size_t begin = 0; begin < all.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, all.size());
      const std::size_t end = std::min(begin + 2 * width, all.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t to = begin; to < end; ++to) {
        const bool takes_right = left == middle || (right < end && before(all[right].first, all[left].first));
        merged[to] = std::move(all[takes_right ? right++ : left++]);
      }
    }
    std::swap(all, merged);
  }
}

}  // namespace banyan::jinja
