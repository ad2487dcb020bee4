#include "sampling/schema/facets.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <unordered_map>
#include <utility>

#include "sampling/schema/negation.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr std::pair<const char*, unsigned> kTypes[] = {
    {"null", kNull},     {"boolean", kBoolean}, {"integer", kInteger}, {"number", kNumber},
    {"string", kString}, {"array", kArray},     {"object", kObject}};

// What a schema without a type is meant for, by its keywords.
constexpr std::pair<const char*, unsigned> kImplied[] = {
    {"properties", kObject},       {"additionalProperties", kObject},
    {"required", kObject},         {"patternProperties", kObject},
    {"minProperties", kObject},    {"maxProperties", kObject},
    {"propertyNames", kObject},    {"items", kArray},
    {"prefixItems", kArray},       {"minItems", kArray},
    {"maxItems", kArray},          {"minLength", kString},
    {"maxLength", kString},        {"pattern", kString},
    {"format", kString},           {"minimum", kNumber},
    {"maximum", kNumber},          {"multipleOf", kNumber},
    {"exclusiveMinimum", kNumber}, {"exclusiveMaximum", kNumber},
    {"contains", kArray},          {"unevaluatedItems", kArray},
    {"dependencies", kObject},     {"unevaluatedProperties", kObject},
    {"dependentSchemas", kObject}, {"dependentRequired", kObject}};

class Reader {
 public:
  Reader(SchemaDocument& document, const SchemaNodes& nodes, bool to_the_letter)
      : document_(document), nodes_(nodes), to_the_letter_(to_the_letter) {}

  Result<Facets> run() {
    for (const Json* node : nodes_) {
      if (node->is_boolean()) {  // true has been left out
        facets_.types = 0;
        return std::move(facets_);
      }
      if (!read(*node)) return std::unexpected(*error_);
    }
    if (!to_the_letter_) read_intentions();
    if (!read_items() || !read_properties()) return std::unexpected(*error_);
    return std::move(facets_);
  }

 private:
  bool wrong(const Json& node, std::string_view name, std::string_view why) {
    error_ = document_.wrong(node, name, why).error();
    return false;
  }
  bool done(const Result<>& result) {
    if (!result) error_ = result.error();
    return result.has_value();
  }

  bool read(const Json& node) {
    if (!done(document_.charge(32 * (1 + node.size())))) return false;
    if (node.contains("$recursiveRef") &&
        !done(document_.leave_out(node, "$recursiveRef", "cannot be kept by a grammar"))) {
      return false;
    }
    return read_type(node) && read_values(node) && read_number(node) && read_string(node) && read_not(node) &&
           read_contained(node) && read_count(node, "minItems", "maxItems", facets_.items) &&
           read_count(node, "minProperties", "maxProperties", facets_.property_count);
  }

  bool read_type(const Json& node) {
    if (!node.contains("type")) return true;
    const std::optional<unsigned> types = types_of(node);
    if (!types) return false;
    facets_.types &= *types;
    has_type_ = has_type_ || !document_.is_added(node);
    return true;
  }

  std::optional<unsigned> types_of(const Json& node) {
    const Json& type = node["type"];
    unsigned types = 0;
    const auto add = [&](const Json& name) {
      for (const auto& [known, bits] : kTypes) {
        if (name == known) {
          types |= bits;
          return true;
        }
      }
      return wrong(node, "type",
                   "must be \"null\", \"boolean\", \"integer\", \"number\", \"string\", \"array\" or "
                   "\"object\", or a list of these");
    };
    if (type.is_array() && !type.empty()) {
      for (const Json& name : type) {
        if (!add(name)) return std::nullopt;
      }
    } else if (!add(type)) {
      return std::nullopt;
    }
    if (const Json* nullable = keyword(node, "nullable"); nullable && *nullable == true) types |= kNull;
    return types;
  }

  // What is simple; of all else, there are other schemas that say it.
  bool read_not(const Json& node) {
    const Json* negated = keyword(node, "not");
    if (!negated || !is_simple_negation(*negated)) return true;
    if (negated->contains("type")) {
      const std::optional<unsigned> types = types_of(*negated);
      if (types) facets_.types &= ~*types;
      return types.has_value();
    }
    if (const Json* step = keyword(*negated, "multipleOf")) {
      if (!step->is_number() || !(step->get<double>() > 0)) {
        return wrong(*negated, "multipleOf", "must be a number above zero");
      }
      facets_.types &= kNumber;
      facets_.number.no_steps.push_back(Decimal::of(*step));
      return true;
    }
    if (const Json* pattern = keyword(*negated, "pattern")) {
      if (!pattern->is_string()) return wrong(*negated, "pattern", "must be a string");
      facets_.types &= kString;
      Result<const Automaton*> texts = document_.pattern(*negated, "pattern", pattern->get<std::string>());
      if (texts && *texts) texts = document_.outside(*negated, "pattern", **texts);
      return add_texts(texts);
    }
    const Json* list = keyword(*negated, "enum");
    if (list && !list->is_array()) return wrong(*negated, "enum", "must be a list");
    if (!done(document_.charge(32 * negated->size() + (list ? 32 * list->size() : 0)))) return false;
    std::vector<std::string> words;
    const auto leave_out = [&](const Json& value) {
      if (value.is_number()) facets_.number.no_values.push_back(Decimal::of(value));
      if (value.is_null()) facets_.types &= ~unsigned{kNull};
      if (value.is_boolean()) (value.get<bool>() ? facets_.may_be_true : facets_.may_be_false) = false;
      if (value.is_string()) words.push_back(value.get<std::string>());
    };
    if (list) {
      for (const Json& value : *list) leave_out(value);
    } else {
      leave_out((*negated)["const"]);
    }
    return words.empty() || add_texts(document_.outside(*negated, list ? "enum" : "const", words));
  }

  bool add_texts(const Result<const Automaton*>& texts) {
    if (!texts) {
      error_ = texts.error();
      return false;
    }
    if (*texts && std::ranges::find(facets_.texts, *texts) == facets_.texts.end()) {
      facets_.texts.push_back(*texts);
    }
    return true;
  }

  bool read_contained(const Json& node) {
    const Json* schema = keyword(node, "contains");
    if (!schema) return true;
    if (!schema->is_object() && !schema->is_boolean()) return wrong(node, "contains", "must be a schema");
    Facets::Contained contained{schema};
    if (node.contains("minContains")) contained.count.least = 0;
    if (!read_count(node, "minContains", "maxContains", contained.count)) return false;
    const bool says_nothing = contained.count.least == 0 && contained.count.most == Facets::kNoMost;
    if (!says_nothing) facets_.contained.push_back(contained);
    return true;
  }

  bool read_values(const Json& node) {
    std::vector<const Json*> values;
    const Json* list = keyword(node, "enum");
    const Json* one = keyword(node, "const");
    if (!list && !one) return true;
    if (list) {
      if (!list->is_array()) return wrong(node, "enum", "must be a list");
      for (const Json& value : *list) values.push_back(&value);
      // Each value keeps to the first list, if there are two; the caller looks whether it keeps to the
      // others.
      if (!facets_.values || values.size() < facets_.values->size()) facets_.values = std::move(values);
    }
    if (one) facets_.values = std::vector<const Json*>{one};
    has_type_ = has_type_ || !document_.is_added(node);
    return true;
  }

  bool read_number(const Json& node) {
    const auto limit = [&](const char* name, std::optional<NumberLimit>& kept, bool is_least,
                           bool is_exclusive) {
      const Json* value = keyword(node, name);
      if (!value) return true;
      // Draft 4's exclusiveMinimum goes with minimum.
      if (is_exclusive && value->is_boolean()) return true;
      if (!value->is_number()) return wrong(node, name, "must be a number");
      const char* flag = is_least ? "exclusiveMinimum" : "exclusiveMaximum";
      const Json* exclusive = keyword(node, flag);
      const NumberLimit read{Decimal::of(*value), is_exclusive || (exclusive && *exclusive == true)};
      const int order = kept ? compare(read.value, kept->value) * (is_least ? 1 : -1) : 1;
      if (order > 0 || (order == 0 && read.is_exclusive)) kept = read;
      return true;
    };
    NumberLimits& number = facets_.number;
    if (!limit("minimum", number.least, true, false) ||
        !limit("exclusiveMinimum", number.least, true, true) ||
        !limit("maximum", number.most, false, false) ||
        !limit("exclusiveMaximum", number.most, false, true)) {
      return false;
    }
    const Json* step = keyword(node, "multipleOf");
    if (!step) return true;
    if (!step->is_number() || !(step->get<double>() > 0)) {
      return wrong(node, "multipleOf", "must be a number above zero");
    }
    const Decimal read = Decimal::of(*step);
    for (const Decimal& known : number.steps) {
      if (compare(known, read) == 0) return true;
    }
    number.steps.push_back(read);
    return true;
  }

  bool read_string(const Json& node) {
    if (!read_count(node, "minLength", "maxLength", facets_.length)) return false;
    for (const char* name : {"pattern", "format"}) {
      const Json* value = keyword(node, name);
      if (!value) continue;
      if (!value->is_string()) return wrong(node, name, "must be a string");
      const std::string text = value->get<std::string>();
      const Result<const Automaton*> texts = std::string_view(name) == "pattern"
                                                 ? document_.pattern(node, name, text)
                                                 : document_.format(node, text);
      if (!add_texts(texts)) return false;
    }
    return true;
  }

  bool read_count(const Json& node, const char* least, const char* most, Facets::Count& count) {
    const auto read = [&](const char* name, auto keep) {
      const Json* value = keyword(node, name);
      if (!value) return true;
      const double number = value->is_number() ? value->get<double>() : -1;
      if (number < 0 || number != std::trunc(number)) return wrong(node, name, "must be a whole number");
      keep(static_cast<std::uint64_t>(std::min(number, 1e15)));
      return true;
    };
    return read(least, [&](std::uint64_t value) { count.least = std::max(count.least, value); }) &&
           read(most, [&](std::uint64_t value) { count.most = std::min(count.most, value); });
  }

  void read_intentions() {
    if (!has_type_) {
      unsigned implied = 0;
      for (const Json* node : nodes_) {
        if (document_.is_added(*node)) continue;
        for (const auto& [name, types] : kImplied) {
          if (node->contains(name)) implied |= types;
        }
        if (const Json* nullable = keyword(*node, "nullable");
            nullable && *nullable == true && implied != 0) {
          implied |= kNull;
        }
      }
      if (implied != 0) facets_.types &= implied;
    }
    bool has_names = false, has_rule = false;
    for (const Json* node : nodes_) {
      if (document_.is_added(*node)) continue;
      has_names = has_names || node->contains("properties") || node->contains("patternProperties");
      has_rule =
          has_rule || node->contains("additionalProperties") || node->contains("unevaluatedProperties");
    }
    if (has_names && !has_rule) facets_.is_open = false;
  }

  // Draft 7's list of items is prefixItems, and its additionalItems are items.
  bool read_items() {
    struct Lists {
      const Json* prefix;
      const Json* rest;
    };
    std::vector<Lists> lists;
    std::size_t longest = 0;
    bool is_tuple = false;
    for (const Json* node : nodes_) {
      const Json* prefix = keyword(*node, "prefixItems");
      const Json* rest = keyword(*node, "items");
      if (rest && rest->is_array()) {
        prefix = rest;
        rest = keyword(*node, "additionalItems");
      }
      if (prefix && !prefix->is_array()) return wrong(*node, "prefixItems", "must be a list of schemas");
      if (rest && !rest->is_object() && !rest->is_boolean()) return wrong(*node, "items", "must be a schema");
      if (prefix) longest = std::max(longest, prefix->size());
      if (prefix && !rest && !node->contains("minItems") && !node->contains("unevaluatedItems"))
        is_tuple = true;
      lists.push_back({prefix, rest});
      if (const Json* unique = keyword(*node, "uniqueItems"); unique && *unique == true) {
        facets_.are_items_unique = true;
      }
    }
    for (std::size_t i = 0; i < longest; ++i) {
      SchemaNodes nodes;
      for (const Lists& list : lists) {
        if (list.prefix && i < list.prefix->size()) {
          nodes.push_back(&(*list.prefix)[i]);
        } else if (list.rest) {
          nodes.push_back(list.rest);
        }
      }
      if (!done(document_.charge(1 + lists.size()))) return false;
      facets_.prefix.push_back(document_.normalized(std::move(nodes)));
    }
    for (const Lists& list : lists) {
      if (list.rest) facets_.rest_of_items.push_back(list.rest);
    }
    facets_.rest_of_items = document_.normalized(std::move(facets_.rest_of_items));
    if (is_tuple && !to_the_letter_ && facets_.items.least <= longest) {
      facets_.items.least =
          std::max<std::uint64_t>(facets_.items.least, std::min(longest, facets_.items.most));
      facets_.items.most = std::min<std::uint64_t>(facets_.items.most, longest);
    }
    return true;
  }

  bool read_properties() {
    std::unordered_map<std::string, std::size_t> numbers;
    std::vector<std::vector<std::size_t>> named(nodes_.size());  // by each schema
    const auto number_of = [&](const std::string& name) {
      const auto [at, added] = numbers.try_emplace(name, facets_.properties.size());
      if (added) facets_.properties.push_back({.name = name, .nodes = {}, .is_required = false});
      return at->second;
    };
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Json& node = *nodes_[i];
      if (const Json* properties = keyword(node, "properties")) {
        if (!properties->is_object()) return wrong(node, "properties", "must be an object of schemas");
        if (!done(document_.charge(64 * properties->size()))) return false;
        for (const auto& [name, schema] : properties->items()) {
          const std::size_t number = number_of(name);
          facets_.properties[number].nodes.push_back(&schema);
          named[i].push_back(number);
        }
      }
      if (!read_others(node)) return false;
      if (const Json* names = keyword(node, "propertyNames")) {
        if (!names->is_object() && !names->is_boolean()) {
          return wrong(node, "propertyNames", "must be a schema");
        }
        facets_.names.push_back(names);
      }
    }
    facets_.names = document_.normalized(std::move(facets_.names));
    for (const Json* node : nodes_) {
      const Json* required = keyword(*node, "required");
      if (!required || required->is_boolean()) continue;  // draft 3 has it as a flag of a property
      if (!required->is_array()) return wrong(*node, "required", "must be a list of names");
      if (!done(document_.charge(32 * required->size()))) return false;
      for (const Json& name : *required) {
        if (!name.is_string()) return wrong(*node, "required", "must be a list of names");
        facets_.properties[number_of(name.get<std::string>())].is_required = true;
      }
    }
    // What a schema says of names that others have.
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Facets::Others& others = facets_.others[i];
      if (others.patterns.empty() && !others.rest) continue;
      std::vector<bool> is_named(facets_.properties.size());
      for (const std::size_t number : named[i]) is_named[number] = true;
      for (std::size_t number = 0; number < facets_.properties.size(); ++number) {
        Facets::Property& property = facets_.properties[number];
        bool is_matched = false;
        for (const auto& [names, schema] : others.patterns) {
          if (!names->accepts(property.name)) continue;
          is_matched = true;
          property.nodes.push_back(schema);
        }
        if (!is_matched && !is_named[number] && others.rest) property.nodes.push_back(others.rest);
        if (!done(document_.charge(1 + property.name.size() * others.patterns.size()))) return false;
      }
    }
    for (Facets::Property& property : facets_.properties) {
      property.nodes = document_.normalized(std::move(property.nodes));
    }
    return true;
  }

  bool read_others(const Json& node) {
    Facets::Others& others = facets_.others.emplace_back();
    if (const Json* patterns = keyword(node, "patternProperties")) {
      if (!patterns->is_object()) return wrong(node, "patternProperties", "must be an object of schemas");
      for (const auto& [pattern, schema] : patterns->items()) {
        const Result<const Automaton*> names = document_.pattern(*patterns, pattern, pattern);
        if (!names) {
          error_ = names.error();
          return false;
        }
        if (*names) others.patterns.push_back({*names, &schema});
      }
    }
    if (const Json* rest = keyword(node, "additionalProperties")) {
      if (!rest->is_object() && !rest->is_boolean()) {
        return wrong(node, "additionalProperties", "must be a schema, true or false");
      }
      others.rest = rest;
    }
    return true;
  }

  SchemaDocument& document_;
  const SchemaNodes& nodes_;
  bool to_the_letter_;
  Facets facets_;
  bool has_type_ = false;
  std::optional<Error> error_;
};

}  // namespace

std::optional<SchemaNodes> Facets::other_property(const std::string& name) const {
  SchemaNodes nodes;
  bool is_matched = false;
  for (const Others& other : others) {
    bool is_matched_here = false;
    for (const auto& [matched_names, schema] : other.patterns) {
      if (!matched_names->accepts(name)) continue;
      is_matched_here = true;
      nodes.push_back(schema);
    }
    is_matched = is_matched || is_matched_here;
    if (!is_matched_here && other.rest) nodes.push_back(other.rest);
  }
  if (!is_matched && !is_open) return std::nullopt;
  if (std::ranges::any_of(nodes, [](const Json* n) { return n->is_boolean() && !n->get<bool>(); })) {
    return std::nullopt;
  }
  return nodes;
}

Result<Facets> facets_of(SchemaDocument& document, const SchemaNodes& nodes, bool to_the_letter) {
  return Reader(document, nodes, to_the_letter).run();
}

SchemaType type_of(const Json& value) {
  if (value.is_null()) return kNull;
  if (value.is_boolean()) return kBoolean;
  if (value.is_number()) return Decimal::of(value).is_integer() ? kInteger : kFraction;
  if (value.is_string()) return kString;
  return value.is_array() ? kArray : kObject;
}

}  // namespace banyan
