#include "sampling/schema/conditions.h"

#include <string>
#include <string_view>
#include <utility>

#include "sampling/schema/negation.h"

namespace banyan {
namespace {

using Json = SchemaJson;

}  // namespace

Result<std::vector<SchemaChoice>> choices_of(SchemaDocument& document, const Json& schema,
                                             bool looks_at_idle) {
  std::vector<SchemaChoice> choices;
  if (const Json* list = keyword(schema, "anyOf")) choices.push_back({.list = list});
  if (const Json* list = keyword(schema, "oneOf")) choices.push_back({.list = list, .is_exclusive = true});
  const auto add = [&](const std::string& name, bool evaluates,
                       const SchemaDocument::MakeSchemas& make) -> Result<> {
    const Result<const Json*> list = document.added(schema, name, name, make);
    if (!list) return std::unexpected(list.error());
    choices.push_back({.list = *list, .is_condition = true, .evaluates = evaluates});
    return {};
  };
  if (const Json* negated = keyword(schema, "not")) {
    // A chain of references says what its end does not.
    while (negated->is_object() && negated->size() == 1 && negated->contains("$ref")) {
      const Result<SchemaNodes> targets = document.targets(*negated);
      if (!targets) return std::unexpected(targets.error());
      negated = targets->front();
    }
    if (!is_simple_negation(*negated) || negated != keyword(schema, "not")) {
      const Result<> added = add("not", false, [&] { return negation_of(document, *negated); });
      if (!added) return std::unexpected(added.error());
    }
  }
  if (const Json* condition = keyword(schema, "if")) {
    const Json *then = keyword(schema, "then"), *otherwise = keyword(schema, "else");
    const auto consequence = [&](const Json* one) { return one ? document.reference_to(*one) : Json(true); };
    if (then || otherwise || looks_at_idle) {
      const Result<> added = add("if", true, [&]() -> Result<Json> {
        const Json holds = document.reference_to(*condition);
        return Json::array(
            {both_of(holds, consequence(then)), both_of({{"not", holds}}, consequence(otherwise))});
      });
      if (!added) return std::unexpected(added.error());
    }
  }
  for (const char* name : {"dependentRequired", "dependentSchemas", "dependencies"}) {
    const Json* properties = keyword(schema, name);
    if (!properties) continue;
    if (!properties->is_object()) return document.wrong(schema, name, "must be an object");
    for (const auto& [property, wanted] : properties->items()) {
      if (std::string_view(name) == "dependentRequired" && !wanted.is_array()) {
        return document.wrong(*properties, property, "must be a list of names");
      }
      if (wanted.is_array() && wanted.empty()) continue;
      const Result<> added = add(std::string(name) + '/' + property, true, [&]() -> Result<Json> {
        Json without = Json::object(), with{{"type", "object"}, {"required", {property}}};
        without["properties"][property] = false;
        if (!wanted.is_array()) with = both_of(std::move(with), document.reference_to(wanted));
        for (const Json& other : wanted.is_array() ? wanted : Json::array())
          with["required"].push_back(other);
        return Json::array({std::move(without), std::move(with)});
      });
      if (!added) return std::unexpected(added.error());
    }
  }
  return choices;
}

}  // namespace banyan
