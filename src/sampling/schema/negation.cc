#include "sampling/schema/negation.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "sampling/schema/formats.h"

namespace banyan {
namespace {

using Json = SchemaJson;

// De Morgan's way: where all keywords must hold, one that does not is enough.
class Negation {
 public:
  Negation(SchemaDocument& document, const Json& negated) : document_(document), negated_(negated) {}

  Result<Json> run() {
    if (negated_.is_boolean()) return Json::array({!negated_.get<bool>()});
    for (const auto& [name, value] : negated_.items()) {
      if (Result<> charged = document_.charge(32); !charged) return std::unexpected(charged.error());
      if (Result<> read = keyword(name, value); !read) return std::unexpected(read.error());
    }
    if (ways_.empty()) ways_.push_back(false);
    return std::move(ways_);
  }

 private:
  Result<> keyword(const std::string& name, const Json& value) {
    if (name == "type") return only({{"not", {{"type", value}, {"nullable", is_nullable()}}}});
    if (name == "enum" && !value.is_array()) return document_.wrong(negated_, name, "must be a list");
    if (name == "prefixItems" && !value.is_array()) {
      return document_.wrong(negated_, name, "must be a list of schemas");
    }
    if (name == "enum" || name == "const") return values(name, value);
    if (name == "multipleOf" || name == "pattern") return only({{"not", {{name, value}}}});
    if (name == "format") {
      return is_standard_format(value.is_string() ? value.get<std::string>() : "") ? unknown(name)
                                                                                   : Result<>();
    }
    if (const Result<bool> limit = limits(name, value); !limit || *limit) {
      return limit ? Result<>() : std::unexpected(limit.error());
    }
    if (name == "required" && value.is_array()) {
      for (const Json& property : value) {
        if (property.is_string()) add(object_with({}, property));
      }
      return {};
    }
    if (name == "properties" && value.is_object()) {
      for (const auto& [property, schema] : value.items()) {
        Json way = object_with(property, {});
        way["properties"][property] = no(schema);
        add(std::move(way));
      }
      return {};
    }
    if (name == "prefixItems" || name == "items" || name == "contains") return items(name, value);
    if (name == "additionalItems") {
      const Json* prefix = banyan::keyword(negated_, "items");
      return prefix && prefix->is_array() ? rest_of_items(value, prefix->size()) : Result<>();
    }
    if (name == "uniqueItems") return value == true ? unknown(name) : Result<>();
    if (name == "allOf") {
      for (const Json& schema : value) add(no(schema));
      return {};
    }
    if (name == "anyOf") return only(none(value));
    if (name == "oneOf") {
      add(none(value));
      for (std::size_t i = 0; i < value.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) add(both_of(yes(value[k]), yes(value[i])));
      }
      return document_.charge(64 * value.size() * value.size());
    }
    if (name == "$ref" || name == "$dynamicRef") {
      const Result<SchemaNodes> targets = document_.targets(negated_);
      if (!targets) return std::unexpected(targets.error());
      for (const Json* target : *targets) add(no(*target));
      return {};
    }
    if (name == "not") return only(yes(value));
    if (name == "if") {
      if (const Json* then = banyan::keyword(negated_, "then")) add(both_of(yes(value), no(*then)));
      if (const Json* otherwise = banyan::keyword(negated_, "else")) add(both_of(no(value), no(*otherwise)));
      return {};
    }
    if (name == "dependentRequired" || name == "dependentSchemas" || name == "dependencies") {
      for (const auto& [property, wanted] : value.items()) {
        if (!wanted.is_array() && name == "dependentRequired") {
          return document_.wrong(value, property, "must be a list of names");
        }
        if (!wanted.is_array()) {
          add(both_of(object_with(property, {}), no(wanted)));
          continue;
        }
        for (const Json& other : wanted) add(object_with(property, other));
      }
      return {};
    }
    for (const char* other : {"patternProperties", "additionalProperties", "propertyNames", "$recursiveRef",
                              "unevaluatedProperties", "unevaluatedItems"}) {
      if (name == other && !(value.is_boolean() && value.get<bool>()) && !value.empty()) return unknown(name);
    }
    return {};
  }

  Result<bool> limits(const std::string& name, const Json& value) {
    const auto has = [&](const char* flag) {
      const Json* exclusive = banyan::keyword(negated_, flag);
      return exclusive && *exclusive == true;
    };
    // Of numbers, and draft 4's flags.
    constexpr std::pair<const char*, const char*> kOpposites[] = {{"minimum", "exclusiveMaximum"},
                                                                  {"exclusiveMinimum", "maximum"},
                                                                  {"maximum", "exclusiveMinimum"},
                                                                  {"exclusiveMaximum", "minimum"}};
    for (const auto& [limit, opposite] : kOpposites) {
      if (name != limit) continue;
      if (value.is_boolean()) return true;
      const char* other = name == "minimum" && has("exclusiveMinimum")   ? "maximum"
                          : name == "maximum" && has("exclusiveMaximum") ? "minimum"
                                                                         : opposite;
      add({{"type", "number"}, {other, value}});
      return true;
    }
    struct Count {
      const char *least, *most, *type;
    };
    constexpr Count kCounts[] = {{"minLength", "maxLength", "string"},
                                 {"minItems", "maxItems", "array"},
                                 {"minProperties", "maxProperties", "object"}};
    for (const auto& [least, most, type] : kCounts) {
      if (name != least && name != most) continue;
      const Result<std::uint64_t> count = count_of(name, value);
      if (!count) return std::unexpected(count.error());
      if (name == most) add({{"type", type}, {least, *count + 1}});
      if (name == least && *count > 0) add({{"type", type}, {most, *count - 1}});
      return true;
    }
    return false;
  }

  Result<std::uint64_t> count_of(const std::string& name, const Json& value) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (number < 0 || number != std::trunc(number)) {
      return document_.wrong(negated_, name, "must be a whole number");
    }
    return static_cast<std::uint64_t>(std::min(number, 1e15));
  }

  // Of lists and objects, that they are exactly this value is said by a schema.
  Result<> values(const std::string& name, const Json& value) {
    Json all = Json::array({{{"not", {{"enum", Json::array()}}}}});
    std::size_t work = 16 * value.size();
    const auto leave_out = [&](const Json& one) {
      if (!one.is_structured()) {
        all[0]["not"]["enum"].push_back(one);
        return;
      }
      Json exactly{{"type", one.is_array() ? "array" : "object"}};
      if (one.is_array()) {
        for (const Json& item : one) exactly["prefixItems"].push_back({{"const", item}});
        exactly["items"] = false;
        exactly["minItems"] = one.size();
      } else {
        work += one.size() * one.size() / 16;  // an object looks through its names for a new one
        for (const auto& [property, part] : one.items()) {
          exactly["properties"][property] = {{"const", part}};
          exactly["required"].push_back(property);
        }
        exactly["additionalProperties"] = false;
      }
      all.push_back({{"not", std::move(exactly)}});
    };
    if (name == "const") {
      leave_out(value);
    } else {
      for (const Json& one : value) leave_out(one);
    }
    if (Result<> charged = document_.charge(work); !charged) return charged;
    return only({{"allOf", std::move(all)}});
  }

  Result<> items(const std::string& name, const Json& value) {
    if (name == "prefixItems" || (name == "items" && value.is_array())) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        Json way{{"type", "array"}, {"minItems", i + 1}, {"prefixItems", Json::array()}};
        for (std::size_t k = 0; k < i; ++k) way["prefixItems"].push_back(true);
        way["prefixItems"].push_back(no(value[i]));
        add(std::move(way));
      }
      return document_.charge(16 * value.size() * value.size());
    }
    if (name == "items") {
      const Json* prefix = banyan::keyword(negated_, "prefixItems");
      return rest_of_items(value, prefix ? prefix->size() : 0);
    }
    const auto count = [&](const char* limit, std::uint64_t otherwise) -> Result<std::uint64_t> {
      const Json* number = banyan::keyword(negated_, limit);
      return number ? count_of(limit, *number) : otherwise;
    };
    const Result<std::uint64_t> least = count("minContains", 1), most = count("maxContains", 0);
    if (!least || !most) return std::unexpected((least ? most : least).error());
    if (*least == 1) {
      add({{"type", "array"}, {"items", no(value)}});
    } else if (*least > 1) {
      add({{"type", "array"}, {"contains", yes(value)}, {"minContains", 0}, {"maxContains", *least - 1}});
    }
    if (negated_.contains("maxContains")) {
      add({{"type", "array"}, {"contains", yes(value)}, {"minContains", *most + 1}});
    }
    return {};
  }

  Result<> rest_of_items(const Json& schema, std::size_t prefix) {
    if (schema == false) return only({{"type", "array"}, {"minItems", prefix + 1}});
    if (prefix > 0) return unknown("items");
    return only({{"type", "array"}, {"contains", no(schema)}});
  }

  Json yes(const Json& schema) { return document_.reference_to(schema); }
  Json no(const Json& schema) {
    return schema.is_boolean() ? Json(!schema.get<bool>()) : Json{{"not", yes(schema)}};
  }
  Json none(const Json& schemas) {
    Json all = Json::array();
    for (const Json& schema : schemas) all.push_back(no(schema));
    return {{"allOf", std::move(all)}};
  }
  static Json object_with(const Json& property, const Json& absent) {
    Json object{{"type", "object"}};
    if (property.is_string()) object["required"].push_back(property);
    if (absent.is_string()) object["properties"][absent.get<std::string>()] = false;
    return object;
  }

  bool is_nullable() {
    const Json* nullable = banyan::keyword(negated_, "nullable");
    return nullable && *nullable == true;
  }
  void add(Json way) { ways_.push_back(std::move(way)); }
  Result<> only(Json way) {
    add(std::move(way));
    return {};
  }
  // Whoever is not strict leaves the "not" out.
  Result<> unknown(const std::string& name) {
    const Result<> left_out = document_.leave_out(
        negated_, name, "cannot be kept: it is not known to a grammar when it does not hold");
    if (!left_out) return left_out;
    return only(true);
  }

  SchemaDocument& document_;
  const Json& negated_;
  Json ways_ = Json::array();
};

}  // namespace

Json both_of(Json a, Json b) { return {{"allOf", Json::array({std::move(a), std::move(b)})}}; }

bool is_simple_negation(const Json& negated) {
  if (!negated.is_object() || negated.empty()) return false;
  const auto is_simple = [](const Json& value) { return !value.is_structured(); };
  std::size_t said = 0;
  for (const auto& [name, value] : negated.items()) {
    const bool is_kept = name == "type" || name == "multipleOf" || name == "pattern" ||
                         (name == "const" && is_simple(value)) ||
                         (name == "enum" && std::ranges::all_of(value, is_simple));
    if (name != "nullable" && !is_kept) return false;
    said += is_kept;
  }
  return said == 1;
}

Result<Json> negation_of(SchemaDocument& document, const Json& negated) {
  return Negation(document, negated).run();
}

}  // namespace banyan
