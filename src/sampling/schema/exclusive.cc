#include "sampling/schema/exclusive.h"

#include <algorithm>
#include <format>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sampling/schema/alternatives.h"
#include "sampling/schema/facets.h"
#include "sampling/schema/value_fits.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr int kMaxDepth = 4;  // of properties within properties that are compared

struct Read {
  SchemaNodes nodes;
  Facets facets;
};

bool are_apart(const Facets::Count& a, const Facets::Count& b) {
  return a.least > b.most || b.least > a.most;
}

bool are_apart(const NumberLimits& a, const NumberLimits& b) {
  const auto is_below = [](const NumberLimits& low, const NumberLimits& high) {
    if (!low.most || !high.least) return false;
    const int order = compare(low.most->value, high.least->value);
    return order < 0 || (order == 0 && (low.most->is_exclusive || high.least->is_exclusive));
  };
  return is_below(a, b) || is_below(b, a);
}

// The first error ends it.
class Comparison {
 public:
  explicit Comparison(SchemaDocument& document) : document_(document) {}

  // All ways in which the schemas hold.
  Result<std::vector<Read>> read(const SchemaNodes& nodes) {
    const Result<std::vector<SchemaNodes>> lists = alternatives(document_, nodes, false);
    if (!lists) return std::unexpected(lists.error());
    std::vector<Read> all;
    for (const SchemaNodes& list : *lists) {
      Result<Facets> facets = facets_of(document_, list, true);
      if (!facets) return std::unexpected(facets.error());
      if (facets->types != 0) all.push_back({list, std::move(*facets)});
    }
    return all;
  }

  Result<bool> exclude(const std::vector<Read>& a, const std::vector<Read>& b, int depth) {
    for (const Read& one : a) {
      for (const Read& other : b) {
        const Result<bool> excluded = exclude(one, other, depth);
        if (!excluded || !*excluded) return excluded;
      }
    }
    return true;
  }

 private:
  Result<bool> exclude(const Read& a, const Read& b, int depth) {
    if (Result<> charged = document_.charge(64); !charged) return std::unexpected(charged.error());
    for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (!one->facets.values) continue;
      Result<std::vector<const Json*>> fitting =
          values_that_fit(document_, *one->facets.values, one->nodes, true);
      if (fitting) fitting = values_that_fit(document_, *fitting, other->nodes, true);
      if (!fitting) return std::unexpected(fitting.error());
      return fitting->empty();
    }
    const unsigned types = a.facets.types & b.facets.types;
    if (types & (kNull | kBoolean)) return false;
    if ((types & kNumber) && !are_apart(a.facets.number, b.facets.number)) return false;
    if (types & kArray && !are_apart(a.facets.items, b.facets.items)) return false;
    if (types & kString && !are_apart(a.facets.length, b.facets.length)) {
      const Result<bool> excluded = texts_exclude(a.facets, b.facets);
      if (!excluded || !*excluded) return excluded;
    }
    if (types & kObject && !are_apart(a.facets.property_count, b.facets.property_count)) {
      const Result<bool> excluded = properties_exclude(a.facets, b.facets, depth);
      if (!excluded || !*excluded) return excluded;
    }
    return true;
  }

  Result<bool> texts_exclude(const Facets& a, const Facets& b) {
    for (const Automaton* one : a.texts) {
      for (const Automaton* other : b.texts) {
        if (Result<> charged = document_.charge(16 * (one->weight() + other->weight())); !charged) {
          return std::unexpected(charged.error());
        }
        const std::optional<Automaton> both = intersection(*one, *other);
        if (both && both->is_empty()) return true;
      }
    }
    return false;
  }

  // A property that one wants and the other refuses, or wants otherwise. What is not named may be there, even
  // where the grammar does not write it.
  Result<bool> properties_exclude(const Facets& a, const Facets& b, int depth) {
    for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      std::unordered_map<std::string_view, const Facets::Property*> named;
      for (const Facets::Property& property : other->properties) named[property.name] = &property;
      for (const Facets::Property& property : one->properties) {
        if (Result<> charged = document_.charge(16); !charged) return std::unexpected(charged.error());
        if (!property.is_required) continue;
        SchemaNodes nodes;
        if (const auto at = named.find(property.name); at != named.end()) {
          nodes = at->second->nodes;
        } else {
          for (const Facets::Others& others : other->others) {
            bool is_matched = false;
            for (const auto& [names, schema] : others.patterns) {
              if (!names->accepts(property.name)) continue;
              is_matched = true;
              nodes.push_back(schema);
            }
            if (!is_matched && others.rest) nodes.push_back(others.rest);
          }
        }
        if (std::ranges::any_of(nodes, [](const Json* n) { return n->is_boolean() && !n->get<bool>(); })) {
          return true;
        }
        if (nodes.empty() || property.nodes.empty() || depth >= kMaxDepth) continue;
        const Result<std::vector<Read>> wanted = read(property.nodes);
        if (!wanted) return std::unexpected(wanted.error());
        const Result<std::vector<Read>> met = read(nodes);
        if (!met) return std::unexpected(met.error());
        const Result<bool> excluded = exclude(*wanted, *met, depth + 1);
        if (!excluded || *excluded) return excluded;
      }
    }
    return false;
  }

  SchemaDocument& document_;
};

}  // namespace

Result<std::optional<SchemaNodes>> exclusive_schemas(SchemaDocument& document, const SchemaNodes& base,
                                                     const Json& list) {
  Comparison comparison(document);
  std::vector<std::vector<Read>> all;
  for (const Json& schema : list) {
    // The schema that has the oneOf is among the base; its own oneOf is not what is asked.
    SchemaNodes nodes{&schema};
    Result<std::vector<Read>> read = comparison.read(nodes);
    if (!read) return std::unexpected(read.error());
    if (!base.empty()) {
      std::vector<Read> with_base;
      for (const Read& one : *read) {
        SchemaNodes both = base;
        both.insert(both.end(), one.nodes.begin(), one.nodes.end());
        both = document.normalized(std::move(both));
        Result<Facets> facets = facets_of(document, both, true);
        if (!facets) return std::unexpected(facets.error());
        if (facets->types != 0) with_base.push_back({std::move(both), std::move(*facets)});
      }
      *read = std::move(with_base);
    }
    all.push_back(std::move(*read));
  }
  std::vector<Json> schemas;
  bool are_exclusive = true;
  for (const Json& schema : list) schemas.push_back({{"allOf", {document.reference_to(schema)}}});
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const Result<bool> excluded = comparison.exclude(all[k], all[i], 0);
      if (!excluded) return std::unexpected(excluded.error());
      if (*excluded) continue;
      are_exclusive = false;
      for (const auto& [one, other] : {std::pair(i, k), std::pair(k, i)}) {
        schemas[one]["allOf"].push_back({{"not", document.reference_to(list[other])}});
      }
    }
  }
  if (are_exclusive) return std::nullopt;
  const std::string name = Json(schemas).dump();
  const Result<const Json*> added = document.added(list, "", name, [&] { return Json(std::move(schemas)); });
  if (!added) return std::unexpected(added.error());
  SchemaNodes nodes;
  for (const Json& schema : **added) nodes.push_back(&schema);
  return nodes;
}

}  // namespace banyan
