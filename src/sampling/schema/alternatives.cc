#include "sampling/schema/alternatives.h"

#include <format>
#include <unordered_set>
#include <utility>

#include "sampling/schema/exclusive.h"

namespace banyan {
namespace {

using Json = SchemaJson;

// What holds in any case, and the lists of which one schema must hold besides.
struct Flat {
  struct Choice {
    const Json* list;
    bool is_exclusive;  // oneOf
  };
  SchemaNodes nodes;
  std::vector<Choice> choices;
};

Result<Flat> flattened(SchemaDocument& document, const SchemaNodes& from) {
  Flat flat;
  std::unordered_set<const Json*> seen;
  std::vector<const Json*> todo(from.rbegin(), from.rend());
  while (!todo.empty()) {
    const Json& node = *todo.back();
    todo.pop_back();
    if (!seen.insert(&node).second) continue;
    if (Result<> charged = document.charge(8 * (1 + node.size())); !charged) {
      return std::unexpected(charged.error());
    }
    if (!node.is_object() && !node.is_boolean()) return document.wrong(node, "", "must be a schema");
    if (Result<> checked = document.check_in_place(node); !checked) return std::unexpected(checked.error());
    flat.nodes.push_back(&node);
    // In the order in which properties are to be written: what is referred to, then parts, then its own.
    if (const Json* all = keyword(node, "allOf")) {
      for (std::size_t i = all->size(); i-- > 0;) todo.push_back(&(*all)[i]);
    }
    if (keyword(node, "$ref")) {
      const Result<const Json*> target = document.target(node);
      if (!target) return std::unexpected(target.error());
      todo.push_back(*target);
    }
    if (const Json* list = keyword(node, "anyOf")) flat.choices.push_back({list, false});
    if (const Json* list = keyword(node, "oneOf")) flat.choices.push_back({list, true});
  }
  return flat;
}

}  // namespace

Result<std::vector<SchemaNodes>> alternatives(SchemaDocument& document, const SchemaNodes& nodes,
                                              bool look_at_one_of) {
  Result<Flat> flat = flattened(document, nodes);
  if (!flat) return std::unexpected(flat.error());
  const SchemaNodes base = document.normalized(std::move(flat->nodes));
  std::vector<SchemaNodes> all{base};
  for (const auto& [list, is_exclusive] : flat->choices) {
    if (is_exclusive && look_at_one_of && document.options().is_strict) {
      if (Result<> checked = check_exclusive(document, base, *list); !checked) {
        return std::unexpected(checked.error());
      }
    }
    std::vector<SchemaNodes> next;
    for (const Json& choice : *list) {
      const Result<std::vector<SchemaNodes>> inner = alternatives(document, {&choice}, look_at_one_of);
      if (!inner) return std::unexpected(inner.error());
      for (const SchemaNodes& before : all) {
        for (const SchemaNodes& more : *inner) {
          SchemaNodes both = before;
          both.insert(both.end(), more.begin(), more.end());
          if (Result<> charged = document.charge(8 + both.size()); !charged) {
            return std::unexpected(charged.error());
          }
          next.push_back(document.normalized(std::move(both)));
        }
        if (next.size() > kMaxAlternatives) {
          return document.wrong(*list, "",
                                std::format("is too large: with what is around it, it comes to more than {} "
                                            "alternatives",
                                            kMaxAlternatives));
        }
      }
    }
    all = std::move(next);
  }
  return all;
}

}  // namespace banyan
