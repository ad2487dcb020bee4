#include "sampling/schema/evaluated.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace banyan {
namespace {

using Json = SchemaJson;

bool says_something(const Json* value) {
  return value && !(value->is_boolean() && value->get<bool>()) && !(value->is_object() && value->empty());
}

// None: all are evaluated.
Result<Json> properties_left(SchemaDocument& document, const Json& schema, const SchemaNodes& evaluating) {
  Json left{{"additionalProperties", document.reference_to(schema["unevaluatedProperties"])}};
  for (const char* name : {"properties", "patternProperties"}) {
    std::set<std::string> names;
    for (const Json* node : evaluating) {
      if (node->contains("additionalProperties")) return Json();
      if (node != &schema && node->contains("unevaluatedProperties")) return Json();
      const Json* named = keyword(*node, name);
      if (!named || !named->is_object()) continue;
      if (Result<> charged = document.charge(32 * named->size()); !charged) {
        return std::unexpected(charged.error());
      }
      for (const auto& [property, part] : named->items()) names.insert(property);
    }
    Json& all = left[name] = Json::object();
    for (const std::string& property : names) all.get_ref<Json::object_t&>().emplace_back(property, true);
  }
  return left;
}

Result<Json> items_left(SchemaDocument& document, const Json& schema, const SchemaNodes& evaluating) {
  Json any = Json::array({document.reference_to(schema["unevaluatedItems"])});
  std::size_t prefix = 0;
  for (const Json* node : evaluating) {
    if (node != &schema && node->contains("unevaluatedItems")) return Json();
    const Json *items = keyword(*node, "items"), *tuple = keyword(*node, "prefixItems");
    if (items && (!items->is_array() || node->contains("additionalItems"))) return Json();
    if (items) tuple = items;
    if (tuple && tuple->is_array()) prefix = std::max(prefix, tuple->size());
    if (const Json* contained = keyword(*node, "contains")) any.push_back(document.reference_to(*contained));
  }
  Json left{{"items", {{"anyOf", std::move(any)}}}, {"minItems", 0}};
  if (prefix > 0) left["prefixItems"] = Json(prefix, Json(true));
  return left;
}

}  // namespace

bool has_unevaluated(const Json& schema) {
  return says_something(keyword(schema, "unevaluatedProperties")) ||
         says_something(keyword(schema, "unevaluatedItems"));
}

Result<SchemaNodes> unevaluated_of(SchemaDocument& document, const Json& schema,
                                   const SchemaNodes& evaluating) {
  SchemaNodes nodes;
  for (const char* name : {"unevaluatedProperties", "unevaluatedItems"}) {
    const Json* value = keyword(schema, name);
    if (!says_something(value)) continue;
    if (!value->is_object() && !value->is_boolean()) return document.wrong(schema, name, "must be a schema");
    Result<Json> left = name[11] == 'P' ? properties_left(document, schema, evaluating)
                                        : items_left(document, schema, evaluating);
    if (!left) return std::unexpected(left.error());
    if (left->is_null()) continue;
    const std::string key = name + left->dump();
    if (Result<> charged = document.charge(key.size() + 16 * evaluating.size()); !charged) {
      return std::unexpected(charged.error());
    }
    const Result<const Json*> list =
        document.added(schema, name, key, [&] { return Json::array({std::move(*left)}); });
    if (!list) return std::unexpected(list.error());
    nodes.push_back(&(*list)->front());
  }
  return nodes;
}

}  // namespace banyan
