#include "sampling/schema/value_fits.h"

#include <algorithm>
#include <expected>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "sampling/schema/facets.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr int kMaxDepth = 500;

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Validator {
 public:
  explicit Validator(SchemaDocument& document) : document_(document) {}

  Result<bool> all(const Json& value, const SchemaNodes& nodes, int depth, bool are_plain = false) {
    for (const Json* node : nodes) {
      const Result<bool> holds = one(value, *node, depth, are_plain);
      if (!holds || !*holds) return holds;
    }
    return true;
  }

 private:
  // `is_plain`: what $ref, allOf, anyOf and oneOf say is said by others.
  Result<bool> one(const Json& value, const Json& schema, int depth, bool is_plain = false) {
    if (schema.is_boolean()) return schema.get<bool>();
    if (depth > kMaxDepth) {
      return fail(Errc::invalid_argument, "the schema is too large: its values are nested too deep");
    }
    if (Result<> checked = document_.check_in_place(schema); !checked) {
      return std::unexpected(checked.error());
    }
    if (!is_plain) {
      if (const Result<bool> holds = in_place(value, schema, depth); !holds || !*holds) return holds;
    }
    if (document_.normalized({&schema}).empty()) return true;
    auto known = facets_.find(&schema);
    if (known == facets_.end()) {
      Result<Facets> read = facets_of(document_, {&schema}, true);
      if (!read) return std::unexpected(read.error());
      known = facets_.emplace(&schema, std::move(*read)).first;
    }
    const Facets* const facets = &known->second;
    if (Result<> charged = document_.charge(16 + value.size()); !charged) {
      return std::unexpected(charged.error());
    }
    const SchemaType type = type_of(value);
    if (!(facets->types & type)) return false;
    if (facets->values) {
      // enum and const of one schema are both asked for.
      const Json* list = keyword(schema, "enum");
      const Json* only = keyword(schema, "const");
      if (only && !are_equal_values(*only, value)) return false;
      if (list && !is_one_of(value, *list)) {
        if (Result<> charged = document_.charge(list->size()); !charged) {
          return std::unexpected(charged.error());
        }
        if (std::ranges::none_of(*list, [&](const Json& v) { return are_equal_values(v, value); })) {
          return false;
        }
      }
    }
    if (type & kNumber) return facets->number.allow(Decimal::of(value));
    if (type == kString) return text_fits(value.get_ref<const std::string&>(), *facets);
    if (type == kArray) return array_fits(value, *facets, depth);
    if (type == kObject) return object_fits(value, *facets, depth);
    return true;
  }

  // The very value of the list, which most that are asked for are.
  static bool is_one_of(const Json& value, const Json& list) {
    return !list.empty() && std::less_equal<const Json*>()(&list.front(), &value) &&
           std::less_equal<const Json*>()(&value, &list.back());
  }

  Result<bool> in_place(const Json& value, const Json& schema, int depth) {
    if (keyword(schema, "$ref")) {
      const Result<const Json*> target = document_.target(schema);
      if (!target) return std::unexpected(target.error());
      if (const Result<bool> holds = one(value, **target, depth + 1); !holds || !*holds) return holds;
    }
    if (const Json* list = keyword(schema, "allOf")) {
      for (const Json& inner : *list) {
        if (const Result<bool> holds = one(value, inner, depth + 1); !holds || !*holds) return holds;
      }
    }
    for (const char* name : {"anyOf", "oneOf"}) {
      const Json* list = keyword(schema, name);
      if (!list) continue;
      std::size_t held = 0;
      for (const Json& inner : *list) {
        const Result<bool> holds = one(value, inner, depth + 1);
        if (!holds) return holds;
        held += *holds;
      }
      const bool is_exclusive = name[0] == 'o' && document_.options().is_strict;
      if (held == 0 || (is_exclusive && held > 1)) return false;
    }
    return true;
  }

  Result<bool> text_fits(const std::string& text, const Facets& facets) {
    const std::uint64_t length = characters(text);
    if (length < facets.length.least || length > facets.length.most) return false;
    if (Result<> charged = document_.charge(text.size() * facets.texts.size()); !charged) {
      return std::unexpected(charged.error());
    }
    return std::ranges::all_of(facets.texts, [&](const Automaton* texts) { return texts->accepts(text); });
  }

  Result<bool> array_fits(const Json& value, const Facets& facets, int depth) {
    if (value.size() < facets.items.least || value.size() > facets.items.most) return false;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const SchemaNodes& nodes = i < facets.prefix.size() ? facets.prefix[i] : facets.rest_of_items;
      if (const Result<bool> holds = all(value[i], nodes, depth + 1); !holds || !*holds) return holds;
    }
    return true;
  }

  Result<bool> object_fits(const Json& value, const Facets& facets, int depth) {
    if (value.size() < facets.property_count.least || value.size() > facets.property_count.most) return false;
    for (const Facets::Property& property : facets.properties) {
      if (Result<> charged = document_.charge(1 + value.size()); !charged) {
        return std::unexpected(charged.error());
      }
      if (property.is_required && !value.contains(property.name)) return false;
    }
    for (const auto& [name, part] : value.items()) {
      if (const Result<bool> holds = all(Json(name), facets.names, depth + 1); !holds || !*holds)
        return holds;
      const auto named = std::ranges::find(facets.properties, name, &Facets::Property::name);
      if (Result<> charged = document_.charge(1 + facets.properties.size()); !charged) {
        return std::unexpected(charged.error());
      }
      if (named != facets.properties.end()) {
        if (const Result<bool> holds = all(part, named->nodes, depth + 1); !holds || !*holds) return holds;
        continue;
      }
      const std::optional<SchemaNodes> nodes = facets.other_property(name);
      if (!nodes) return false;
      if (const Result<bool> holds = all(part, *nodes, depth + 1); !holds || !*holds) return holds;
    }
    return true;
  }

  SchemaDocument& document_;
  std::unordered_map<const Json*, Facets> facets_;
};

}  // namespace

bool are_equal_values(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return compare(Decimal::of(a), Decimal::of(b)) == 0;
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array()) return std::ranges::equal(a, b, are_equal_values);
  if (!a.is_object()) return a == b;
  for (const auto& [name, part] : a.items()) {
    const auto other = b.find(name);
    if (other == b.end() || !are_equal_values(part, *other)) return false;
  }
  return true;
}

Result<std::vector<const Json*>> values_that_fit(SchemaDocument& document,
                                                 const std::vector<const Json*>& values,
                                                 const SchemaNodes& nodes, bool are_plain) {
  Validator validator(document);
  std::vector<const Json*> fitting;
  for (const Json* value : values) {
    const Result<bool> fits = validator.all(*value, nodes, 0, are_plain);
    if (!fits) return std::unexpected(fits.error());
    if (*fits) fitting.push_back(value);
  }
  return fitting;
}

}  // namespace banyan
