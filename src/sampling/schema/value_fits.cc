#include "sampling/schema/value_fits.h"

#include <algorithm>
#include <expected>
#include <format>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "sampling/schema/alternatives.h"
#include "sampling/schema/conditions.h"
#include "sampling/schema/evaluated.h"
#include "sampling/schema/facets.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr int kMaxFitDepth = 500;

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A text that two values share if JSON Schema calls them equal: 1 is 1.0, and an object's order does not
// count.
void append_key(std::string& key, const Json& value) {
  if (value.is_number()) {
    const Decimal number = Decimal::of(value);
    key += std::format("{}{}e{};", number.is_negative ? '-' : '+', number.digits, number.exponent);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    key += std::format("\"{}:", text.size()) + text;
  } else if (value.is_array()) {
    key += '[';
    for (const Json& part : value) append_key(key, part);
    key += ']';
  } else if (value.is_object()) {
    std::vector<std::pair<std::string_view, const Json*>> members;
    for (const auto& [name, part] : value.items()) members.emplace_back(name, &part);
    std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
    key += '{';
    for (const auto& [name, part] : members) {
      key += std::format("{}:", name.size());
      key += name;
      append_key(key, *part);
    }
    key += '}';
  } else {
    key += value.is_null() ? 'n' : value.get<bool>() ? 't' : 'f';
  }
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
  struct Known {
    Facets facets;
    std::vector<std::unordered_set<std::string>> lists;  // of const and enum: the keys of their values
  };

  // `is_plain`: what $ref, allOf, anyOf and oneOf say is said by others.
  Result<bool> one(const Json& value, const Json& schema, int depth, bool is_plain = false) {
    if (schema.is_boolean()) return schema.get<bool>();
    if (depth > kMaxFitDepth) {
      return fail(Errc::invalid_argument, "the schema is too large: its values are nested too deep");
    }
    if (Result<> checked = document_.check_in_place(schema); !checked) {
      return std::unexpected(checked.error());
    }
    if (!is_plain) {
      if (const Result<bool> holds = in_place(value, schema, depth); !holds || !*holds) return holds;
    }
    if (document_.normalized({&schema}).empty()) return true;
    const Result<const Known*> known = known_of(schema);
    if (!known) return std::unexpected(known.error());
    const Facets* const facets = &(*known)->facets;
    if (Result<> charged = document_.charge(16 + value.size() + 8 * schema.size()); !charged) {
      return std::unexpected(charged.error());
    }
    const SchemaType type = type_of(value);
    if (!(facets->types & type)) return false;
    if (!(*known)->lists.empty()) {
      const Result<std::string> key = key_of(value);
      if (!key) return std::unexpected(key.error());
      for (const auto& list : (*known)->lists) {
        if (!list.contains(*key)) return false;
      }
    }
    if (type & kNumber) return facets->number.allow(Decimal::of(value));
    if (type == kBoolean) return value.get<bool>() ? facets->may_be_true : facets->may_be_false;
    if (type == kString) return text_fits(value.get_ref<const std::string&>(), *facets);
    if (type == kArray) return array_fits(value, *facets, depth);
    if (type == kObject) return object_fits(value, *facets, depth);
    return true;
  }

  Result<std::string> key_of(const Json& value) {
    std::string key;
    append_key(key, value);
    if (Result<> charged = document_.charge(32 + 4 * key.size()); !charged) {
      return std::unexpected(charged.error());
    }
    return key;
  }

  Result<const Known*> known_of(const Json& schema) {
    const auto [at, added] = known_.try_emplace(&schema);
    if (!added) return &at->second;
    Result<Facets> facets = facets_of(document_, {&schema}, true);
    if (!facets) return std::unexpected(facets.error());
    at->second.facets = std::move(*facets);
    const auto add_list = [&](std::span<const Json> values) -> Result<> {
      auto& list = at->second.lists.emplace_back();
      for (const Json& value : values) {
        Result<std::string> key = key_of(value);
        if (!key) return std::unexpected(key.error());
        list.insert(std::move(*key));
      }
      return {};
    };
    if (const Json* only = keyword(schema, "const")) {
      if (Result<> added_list = add_list({only, 1}); !added_list) return std::unexpected(added_list.error());
    }
    if (const Json* list = keyword(schema, "enum")) {
      const auto& values = list->get_ref<const Json::array_t&>();
      if (Result<> added_list = add_list(values); !added_list) return std::unexpected(added_list.error());
    }
    return &at->second;
  }

  Result<bool> in_place(const Json& value, const Json& schema, int depth) {
    if (has_unevaluated(schema)) {
      const Result<std::vector<SchemaNodes>> lists = alternatives(document_, {&schema});
      if (!lists) return std::unexpected(lists.error());
      for (const SchemaNodes& list : *lists) {
        const Result<bool> holds = all(value, list, depth + 1, true);
        if (!holds || *holds) return holds;
      }
      return false;
    }
    const Result<SchemaNodes> targets = document_.targets(schema);
    if (!targets) return std::unexpected(targets.error());
    for (const Json* target : *targets) {
      if (const Result<bool> holds = one(value, *target, depth + 1); !holds || !*holds) return holds;
    }
    if (const Json* list = keyword(schema, "allOf")) {
      if (Result<> charged = document_.charge(list->size()); !charged)
        return std::unexpected(charged.error());
      for (const Json& inner : *list) {
        if (const Result<bool> holds = one(value, inner, depth + 1); !holds || !*holds) return holds;
      }
    }
    const Result<std::vector<SchemaChoice>> choices = choices_of(document_, schema, false);
    if (!choices) return std::unexpected(choices.error());
    for (const SchemaChoice& choice : *choices) {
      std::size_t held = 0;
      if (Result<> charged = document_.charge(choice.list->size()); !charged) {
        return std::unexpected(charged.error());
      }
      for (const Json& inner : *choice.list) {
        const Result<bool> holds = one(value, inner, depth + 1);
        if (!holds) return holds;
        held += *holds;
      }
      const bool is_exclusive = choice.is_exclusive && document_.options().is_strict;
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
    if (facets.are_items_unique) {
      std::unordered_set<std::string> keys;
      for (const Json& item : value) {
        Result<std::string> key = key_of(item);
        if (!key) return std::unexpected(key.error());
        if (!keys.insert(std::move(*key)).second) return false;
      }
    }
    for (const auto& [schema, count] : facets.contained) {
      std::size_t held = 0;
      for (const Json& item : value) {
        const Result<bool> holds = one(item, *schema, depth + 1);
        if (!holds) return holds;
        held += *holds;
      }
      if (held < count.least || held > count.most) return false;
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
  std::unordered_map<const Json*, Known> known_;  // schemas that were read
};

}  // namespace

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
