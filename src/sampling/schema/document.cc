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

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
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
    bool is_within_other;  // a schema with an $id of its own, whose anchors are its own too
  };
  std::vector<Part> todo{{&root_, 0, false}};
  places_[&root_] = {};
  while (!todo.empty()) {
    const auto [value, depth, was_within_other] = todo.back();
    todo.pop_back();
    const Json* id = keyword(*value, "$id");
    const bool is_within_other = was_within_other || (value != &root_ && id && id->is_string());
    Place& place = places_.at(value);
    place.is_within_other = is_within_other;
    if (depth > kMaxDepth) {
      return fail(Errc::invalid_argument,
                  std::format("the schema is too large: it is nested deeper than {} levels", kMaxDepth));
    }
    if (value->is_string() && !is_utf8(value->get_ref<const std::string&>())) {
      return fail(Errc::invalid_argument, "the schema has a string that is not UTF-8");
    }
    if (const Json* anchor = keyword(*value, "$anchor"); anchor && anchor->is_string() && !is_within_other) {
      anchors_.try_emplace(anchor->get<std::string>(), value);
    }
    const auto visit = [&, outer = value, below = depth + 1](const Json& inner, std::string key) {
      places_[&inner] = {
          .parent = outer, .key = std::move(key), .number = static_cast<std::uint32_t>(places_.size())};
      todo.push_back({&inner, below, is_within_other});
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

Result<const Json*> SchemaDocument::target(const Json& schema) {
  if (const auto known = targets_.find(&schema); known != targets_.end()) return known->second;
  const Json* reference = keyword(schema, "$ref");
  if (!reference->is_string()) return wrong(schema, "$ref", "must be a string");
  const auto found = [&](const Json* value) -> Result<const Json*> {
    if (!value) return wrong(schema, "$ref", "refers to nothing in the schema");
    if (!value->is_object() && !value->is_boolean()) return wrong(schema, "$ref", "refers to no schema");
    targets_[&schema] = value;
    return value;
  };
  // A schema with an $id of its own is a document of its own.
  if (places_.at(&schema).is_within_other) {
    return wrong(schema, "$ref", "is within a schema with an $id of its own, which is not supported");
  }
  std::string_view text = reference->get_ref<const std::string&>();
  if (const Json* id = keyword(root_, "$id"); id && id->is_string()) {
    std::string_view name = id->get_ref<const std::string&>();
    if (name.ends_with('#')) name.remove_suffix(1);
    if (!name.empty() && text.starts_with(name) && (text.size() == name.size() || text[name.size()] == '#')) {
      text.remove_prefix(name.size());
    }
  }
  if (text.empty() || text == "#") return found(&root_);
  if (!text.starts_with('#')) {
    return wrong(schema, "$ref", "must refer to a part of the schema itself, as in \"#/$defs/name\"");
  }
  text.remove_prefix(1);
  const std::string decoded = percent_decoded(text);
  if (!decoded.starts_with('/')) {
    const auto anchor = anchors_.find(decoded);
    return found(anchor == anchors_.end() ? nullptr : anchor->second);
  }
  const Json* at = &root_;
  for (std::size_t from = 1; at && from <= decoded.size();) {
    const std::size_t to = std::min(decoded.find('/', from), decoded.size());
    if (Result<> charged = charge(1 + at->size()); !charged) return std::unexpected(charged.error());
    at = child(*at, unescaped_pointer(std::string_view(decoded).substr(from, to - from)));
    from = to + 1;
  }
  if (at && places_.at(at).is_within_other) {
    return wrong(schema, "$ref", "leads into a schema with an $id of its own, which is not supported");
  }
  return found(at);
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
                 std::format("is too deep: $ref, allOf, anyOf and oneOf are more than {} levels within each "
                             "other",
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
  if (keyword(schema, "$ref")) {
    const Result<const Json*> referred = target(schema);
    if (!referred) return std::unexpected(referred.error());
    if (Result<> looked = look(**referred); !looked) return std::unexpected(looked.error());
  }
  for (const char* name : {"allOf", "anyOf", "oneOf"}) {
    const Json* list = keyword(schema, name);
    if (!list) continue;
    if (!list->is_array() || list->empty()) return wrong(schema, name, "must be a list of schemas");
    for (const Json& inner : *list) {
      if (!inner.is_object() && !inner.is_boolean()) return wrong(inner, "", "must be a schema");
      if (Result<> looked = look(inner); !looked) return std::unexpected(looked.error());
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
  const Result<> left_out =
      leave_out(schema, keyword, std::format("cannot be kept: {}", known->second.error().message));
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
  const Result<> left_out = leave_out(schema, "format", std::format("cannot be kept: \"{}\"", format));
  if (!left_out) return std::unexpected(left_out.error());
  return nullptr;
}

}  // namespace banyan
