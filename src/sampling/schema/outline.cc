#include "sampling/schema/outline.h"

#include <algorithm>

namespace banyan {
namespace {

using Json = SchemaJson;

const Json* simple_const(const Json& schema) {
  const Json* value = keyword(schema, "const");
  return value && value->is_primitive() ? value : nullptr;
}

}  // namespace

Result<SchemaOutline> SchemaOutline::of(SchemaDocument& document, const SchemaNodes& nodes) {
  SchemaOutline outline;
  for (const Json* node : nodes) {
    if (!node->is_object()) continue;
    if (Result<> added = outline.add(document, *node); !added) return std::unexpected(added.error());
  }
  return outline;
}

Result<> SchemaOutline::add(SchemaDocument& document, const Json& node) {
  if (const Json* type = keyword(node, "type"); type && *type == "object") is_object_ = true;
  if (const Json* required = keyword(node, "required"); required && required->is_array()) {
    if (Result<> charged = document.charge(8 * required->size()); !charged) return charged;
    for (const Json& name : *required) {
      if (name.is_string()) properties_[name.get_ref<const std::string&>()].is_required = true;
    }
  }
  const Json* properties = keyword(node, "properties");
  if (!properties || !properties->is_object()) return {};
  if (Result<> charged = document.charge(8 * properties->size()); !charged) return charged;
  for (const auto& [name, schema] : properties->items()) {
    if (schema == false) {
      properties_[name].is_absent = true;
    } else if (const Json* value = simple_const(schema)) {
      properties_[name].value = value;
    } else if (const Json* negated = keyword(schema, "not")) {
      const Json* target = negated;
      if (document.is_added(*negated) && negated->contains("$ref")) {
        const Result<SchemaNodes> targets = document.targets(*negated);
        if (!targets) return std::unexpected(targets.error());
        target = targets->front();
      }
      if (const Json* other = target->size() == 1 ? simple_const(*target) : nullptr) {
        properties_[name].others.push_back(other);
      }
    }
  }
  return {};
}

bool SchemaOutline::contradict(const Property& a, const Property& b) {
  if (!a.is_required && !b.is_required) return false;
  if (a.is_absent || b.is_absent) return true;
  const auto excludes = [](const Property& one, const Property& other) {
    return one.value &&
           std::ranges::any_of(other.others, [&](const Json* value) { return *value == *one.value; });
  };
  return (a.value && b.value && *a.value != *b.value) || excludes(a, b) || excludes(b, a);
}

bool SchemaOutline::contradicts(const SchemaOutline& other) const {
  if (!is_object_ && !other.is_object_) return false;
  for (const auto& [name, property] : other.properties_) {
    const auto at = properties_.find(name);
    if (at != properties_.end() && contradict(at->second, property)) return true;
  }
  return false;
}

}  // namespace banyan
