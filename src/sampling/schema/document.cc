#include "sampling/schema/document.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <optional>
#include <unordered_set>
#include <utility>

#include "sampling/schema/formats.h"
#include "sampling/schema/pattern_automaton.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using Json = SchemaJson;

// Whether a keyword says something of a value. A schema without any such keyword allows all.
bool is_meaningful(std::string_view name) {
  static const std::unordered_set<std::string_view> kNames{"type",
                                                           "enum",
                                                           "const",
                                                           "properties",
                                                           "required",
                                                           "items",
                                                           "prefixItems",
                                                           "minItems",
                                                           "maxItems",
                                                           "additionalProperties",
                                                           "anyOf",
                                                           "oneOf",
                                                           "allOf",
                                                           "$ref",
                                                           "patternProperties",
                                                           "minimum",
                                                           "maximum",
                                                           "multipleOf",
                                                           "exclusiveMinimum",
                                                           "exclusiveMaximum",
                                                           "minLength",
                                                           "maxLength",
                                                           "pattern",
                                                           "format",
                                                           "nullable",
                                                           "minProperties",
                                                           "maxProperties",
                                                           "not",
                                                           "if",
                                                           "contains",
                                                           "uniqueItems",
                                                           "propertyNames",
                                                           "$dynamicRef",
                                                           "dependentRequired",
                                                           "dependentSchemas",
                                                           "dependencies",
                                                           "$recursiveRef",
                                                           "additionalItems",
                                                           "unevaluatedItems",
                                                           "unevaluatedProperties"};
  return kNames.contains(name);
}

// Whose values are no schemas.
constexpr std::string_view kDataKeywords[] = {"const", "enum", "default", "examples"};
// Whose members are named by whoever wrote the schema.
constexpr std::string_view kKeywordsWithNames[] = {
    "properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"};

std::string unescaped_pointer(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      text += token[++i] == '0' ? '~' : '/';
    } else {
      text += token[i];
    }
  }
  return text;
}

const Json* child(const Json& parent, const std::string& key) {
  if (parent.is_object()) {
    const auto at = parent.find(key);
    return at == parent.end() ? nullptr : &*at;
  }
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (!parent.is_array() || problem != std::errc() || end != key.data() + key.size()) return nullptr;
  return index < parent.size() ? &parent[index] : nullptr;
}

}  // namespace

const Json* keyword(const Json& schema, const char* name) {
  if (!schema.is_object()) return nullptr;
  const auto at = schema.find(name);
  return at == schema.end() ? nullptr : &*at;
}

Result<> SchemaDocument::check() {
  struct Part {
    const Json* value;
    int depth;
    std::uint32_t resource;      // that it is within
    bool is_data = false;        // of a const, an example, ...: what looks like a keyword is none
    bool has_own_names = false;  // as properties and $defs have
  };
  std::vector<Part> todo{{&root_, 0, 0}};
  places_[&root_] = {};
  by_number_.push_back(&root_);
  while (!todo.empty()) {
    const auto [value, depth, outer_resource, is_data, has_own_names] = todo.back();
    todo.pop_back();
    const std::uint32_t resource =
        is_data || has_own_names ? outer_resource : references_.add(*value, outer_resource);
    if (resource != outer_resource) {
      if (Result<> charged = charge(references_.uri(resource).size()); !charged) return charged;
    }
    Place& place = places_.at(value);
    place.resource = resource;
    if (depth > kMaxDepth) {
      return fail(Errc::invalid_argument,
                  std::format("the schema is too large: it is nested deeper than {} levels", kMaxDepth));
    }
    if (value->is_string() && !is_utf8(value->get_ref<const std::string&>())) {
      return fail(Errc::invalid_argument, "the schema has a string that is not UTF-8");
    }
    const auto visit = [&, outer = value, below = depth + 1](const Json& inner, std::string key) {
      const bool is_keyword = outer->is_object() && !is_data && !has_own_names;
      todo.push_back({&inner, below, resource,
                      is_data || (is_keyword && std::ranges::contains(kDataKeywords, key)),
                      is_keyword && std::ranges::contains(kKeywordsWithNames, key)});
      places_[&inner] = {
          .parent = outer, .key = std::move(key), .number = static_cast<std::uint32_t>(places_.size())};
      by_number_.push_back(&inner);
    };
    if (value->size() > kMaxValues || places_.size() + value->size() > kMaxValues) {
      return fail(Errc::invalid_argument,
                  std::format("the schema is too large: it has more than {} values", kMaxValues));
    }
    if (value->is_object()) {
      for (const auto& [key, part] : value->items()) {
        if (!is_utf8(key)) return fail(Errc::invalid_argument, "the schema has a name that is not UTF-8");
        if (is_meaningful(key)) place.allows_anything = false;
        visit(part, key);
      }
    } else if (value->is_array()) {
      for (std::size_t i = 0; i < value->size(); ++i) visit((*value)[i], std::to_string(i));
    }
  }
  return {};
}

std::string SchemaDocument::path(const Json& part) const {
  std::string path;
  for (const Json* at = &part;;) {
    const auto place = places_.find(at);
    if (place == places_.end() || !place->second.parent) return path;
    path = path.empty() ? place->second.key : place->second.key + '/' + path;
    at = place->second.parent;
  }
}

std::unexpected<Error> SchemaDocument::wrong(const Json& schema, std::string_view keyword,
                                             std::string_view why) const {
  std::string where = path(schema);
  if (!where.empty() && !keyword.empty()) where += '/';
  where += keyword;
  constexpr std::size_t kMaxNamed = 200;  // of a client's text in an error
  if (where.size() > kMaxNamed) where = repair_utf8("..." + where.substr(where.size() - kMaxNamed));
  return fail(Errc::invalid_argument, where.empty() ? std::format("the schema {}", why)
                                                    : std::format("the schema's {} {}", where, why));
}

Result<> SchemaDocument::leave_out(const Json& schema, std::string_view keyword, std::string_view why) const {
  if (!options_.is_strict) return {};
  return wrong(schema, keyword, why);
}

Result<> SchemaDocument::charge(std::size_t work) {
  work_ += work;
  if (work_ <= kMaxWork) return {};
  return fail(Errc::invalid_argument, "the schema is too large: to make a grammar of it takes too long");
}

Result<SchemaNodes> SchemaDocument::targets(const Json& schema) {
  if (const auto known = targets_.find(&schema); known != targets_.end()) return known->second;
  SchemaNodes all;
  for (const char* name : {"$ref", "$dynamicRef"}) {
    if (!keyword(schema, name)) continue;
    const Result<const Json*> found = target(schema, name);
    if (!found) return std::unexpected(found.error());
    all.push_back(*found);
  }
  return targets_[&schema] = std::move(all);
}

Result<const Json*> SchemaDocument::target(const Json& schema, const char* name) {
  const Json& reference = *keyword(schema, name);
  const Place& place = places_.at(&schema);
  if (place.is_added && reference.is_number()) return by_number_[reference.get<std::size_t>()];
  if (!reference.is_string()) return wrong(schema, name, "must be a string");
  const std::string& text = reference.get_ref<const std::string&>();
  const bool is_dynamic = name[1] == 'd';
  const std::size_t work = references_.uri(place.resource).size() + text.size();
  if (Result<> charged = charge(is_dynamic ? 2 * work + 2 * references_.size() : work); !charged) {
    return std::unexpected(charged.error());
  }
  const auto found =
      is_dynamic ? references_.find_dynamic(place.resource, text) : references_.find(place.resource, text);
  if (!found && is_dynamic && references_.find(place.resource, text)) {
    return wrong(schema, name, "cannot be kept: it means one or the other, by the way that leads there");
  }
  if (!found && !text.starts_with('#')) {
    return wrong(schema, name, "must refer to a part of the schema itself, as in \"#/$defs/name\"");
  }
  const Json* at = found ? found->from : nullptr;
  for (std::size_t from = 1; at && from <= found->fragment.size();) {
    const std::size_t to = std::min(found->fragment.find('/', from), found->fragment.size());
    if (Result<> charged = charge(1 + at->size()); !charged) return std::unexpected(charged.error());
    at = child(*at, unescaped_pointer(std::string_view(found->fragment).substr(from, to - from)));
    from = to + 1;
  }
  if (!at) return wrong(schema, name, "refers to nothing in the schema");
  if (!at->is_object() && !at->is_boolean()) return wrong(schema, name, "refers to no schema");
  return at;
}

Result<const Json*> SchemaDocument::added(const Json& schema, const std::string& keyword,
                                          const std::string& name, const MakeSchemas& make) {
  if (const auto known = added_.find({&schema, name}); known != added_.end()) return known->second;
  Result<Json> list = make();
  if (!list) return std::unexpected(list.error());
  const Result<const Json*> whole = add(schema, keyword, std::move(*list));
  if (whole) added_[{&schema, name}] = *whole;
  return whole;
}

Json SchemaDocument::reference_to(const Json& schema) const {
  if (schema.is_boolean()) return schema;
  Json reference = Json::object();
  reference["$ref"] = places_.at(&schema).number;
  return reference;
}

// Their parts are all where the keyword is, as errors say it.
Result<const Json*> SchemaDocument::add(const Json& schema, const std::string& keyword, Json list) {
  const Place& from = places_.at(&schema);
  Place place = from;
  if (!from.is_added && !keyword.empty()) place = {.parent = &schema, .key = keyword};
  place.resource = from.resource;
  place.is_added = true;
  std::vector<const Json*> todo{&lists_.emplace_back(std::move(list))};
  const Json* const whole = todo.back();
  while (!todo.empty()) {
    const Json& value = *todo.back();
    todo.pop_back();
    if (Result<> charged = charge(64 + value.size()); !charged) return std::unexpected(charged.error());
    place.number = static_cast<std::uint32_t>(by_number_.size());
    place.allows_anything = true;
    if (value.is_object()) {
      for (const auto& [key, part] : value.items()) {
        if (is_meaningful(key)) place.allows_anything = false;
        todo.push_back(&part);
      }
    } else if (value.is_array()) {
      for (const Json& part : value) todo.push_back(&part);
    }
    by_number_.push_back(&value);
    places_[&value] = place;
  }
  return whole;
}

Result<> SchemaDocument::check_in_place(const Json& schema) {
  const Result<int> found = height(schema, 0);
  if (!found) return std::unexpected(found.error());
  return {};
}

// The schemas within each other that hold of one value, counted.
Result<int> SchemaDocument::height(const Json& schema, int depth) {
  if (!schema.is_object()) return 1;
  const auto [known, added] = heights_.try_emplace(&schema, 0);
  if (!added && known->second == 0) {
    return wrong(schema, "", "refers to itself without end, before anything of a value is read");
  }
  if (!added) return known->second;
  const auto too_deep = [&] {
    return wrong(schema, "",
                 std::format("is too deep: $ref, allOf, anyOf and the like are more than {} levels within "
                             "each other",
                             kMaxInPlace));
  };
  if (depth > kMaxInPlace) return too_deep();
  int highest = 0;
  const auto look = [&](const Json& inner) -> Result<> {
    const Result<int> found = height(inner, depth + 1);
    if (!found) return std::unexpected(found.error());
    highest = std::max(highest, *found);
    return {};
  };
  const auto look_at_part = [&](const Json& inner) -> Result<> {
    if (!inner.is_object() && !inner.is_boolean()) return wrong(inner, "", "must be a schema");
    return look(inner);
  };
  const Result<SchemaNodes> referred = targets(schema);
  if (!referred) return std::unexpected(referred.error());
  for (const Json* target : *referred) {
    if (Result<> looked = look(*target); !looked) return std::unexpected(looked.error());
  }
  for (const char* name : {"allOf", "anyOf", "oneOf"}) {
    const Json* list = keyword(schema, name);
    if (!list) continue;
    if (!list->is_array() || list->empty()) return wrong(schema, name, "must be a list of schemas");
    for (const Json& inner : *list) {
      if (Result<> looked = look_at_part(inner); !looked) return std::unexpected(looked.error());
    }
  }
  for (const char* name : {"not", "if", "then", "else"}) {
    const Json* inner = keyword(schema, name);
    if (!inner) continue;
    if (Result<> looked = look_at_part(*inner); !looked) return std::unexpected(looked.error());
  }
  for (const char* name : {"dependentSchemas", "dependencies"}) {
    const Json* parts = keyword(schema, name);
    if (!parts) continue;
    if (!parts->is_object()) return wrong(schema, name, "must be an object of schemas");
    for (const auto& [property, inner] : parts->items()) {
      if (inner.is_array() && std::string_view(name) == "dependencies") continue;
      if (Result<> looked = look_at_part(inner); !looked) return std::unexpected(looked.error());
    }
  }
  if (highest + 1 > kMaxInPlace) return too_deep();
  heights_[&schema] = highest + 1;
  return highest + 1;
}

SchemaNodes SchemaDocument::normalized(SchemaNodes nodes) const {
  std::erase_if(nodes, [this](const Json* node) {
    if (node->is_boolean()) return node->get<bool>();
    return node->is_object() && places_.at(node).allows_anything;
  });
  std::unordered_set<const Json*> seen;
  std::erase_if(nodes, [&](const Json* node) { return !seen.insert(node).second; });
  return nodes;
}

std::vector<std::uint32_t> SchemaDocument::key(const SchemaNodes& nodes) const {
  std::vector<std::uint32_t> numbers;
  for (const Json* node : nodes) numbers.push_back(places_.at(node).number);
  std::ranges::sort(numbers);
  return numbers;
}

Result<const Automaton*> SchemaDocument::automaton(const Json& schema, std::string_view keyword,
                                                   const std::string& pattern) {
  auto known = automata_.find(pattern);
  if (known == automata_.end()) {
    Result<Automaton> made = Automaton{};
    if (const Result<Pattern> parsed = parse_pattern(pattern); !parsed) {
      made = std::unexpected(parsed.error());
    } else {
      std::size_t work = 512;
      if (std::optional<Automaton> found = find_pattern(*parsed, work)) {
        made = std::move(*found);
      } else {
        made = fail(Errc::unsupported,
                    std::format("its automaton has more than {} states", Automaton::kMaxStates));
      }
      if (Result<> charged = charge(work); !charged) return std::unexpected(charged.error());
    }
    known = automata_.emplace(pattern, std::move(made)).first;
  }
  if (known->second) return &*known->second;
  return no_automaton(schema, keyword, known->second.error().message);
}

Result<const Automaton*> SchemaDocument::no_automaton(const Json& schema, std::string_view keyword,
                                                      std::string_view why) const {
  const Result<> left_out = leave_out(schema, keyword, std::format("cannot be kept: {}", why));
  if (!left_out) return std::unexpected(left_out.error());
  return nullptr;
}

Result<const Automaton*> SchemaDocument::pattern(const Json& schema, std::string_view keyword,
                                                 const std::string& pattern) {
  return automaton(schema, keyword, pattern);
}

Result<const Automaton*> SchemaDocument::format(const Json& schema, const std::string& format) {
  if (const std::string_view pattern = format_pattern(format); !pattern.empty()) {
    return automaton(schema, "format", std::string(pattern));
  }
  if (!is_standard_format(format)) return nullptr;
  return no_automaton(schema, "format", std::format("\"{}\"", format));
}

Result<const Automaton*> SchemaDocument::outside(const Json& schema, std::string_view keyword,
                                                 const std::vector<std::string>& words) {
  const auto known = words_.find(&schema);
  if (known != words_.end()) return outside(schema, keyword, known->second);
  std::size_t work = 64;
  for (const std::string& word : words) work += 8 * word.size();
  if (Result<> charged = charge(work); !charged) return std::unexpected(charged.error());
  std::optional<Automaton> made = of_words(words);
  if (!made) return no_automaton(schema, keyword, "its texts are too many");
  return outside(schema, keyword, words_[&schema] = std::move(*made));
}

Result<const Automaton*> SchemaDocument::outside(const Json& schema, std::string_view keyword,
                                                 const Automaton& texts) {
  const auto [at, added] = outside_.try_emplace(&texts);
  if (added) {
    if (Result<> charged = charge(32 * texts.weight()); !charged) return std::unexpected(charged.error());
    at->second = complement(texts);
  }
  if (at->second) return &*at->second;
  return no_automaton(schema, keyword,
                      std::format("its automaton has more than {} states", Automaton::kMaxStates));
}

}  // namespace banyan
