#include "sampling/schema/alternatives.h"

#include <format>
#include <unordered_set>
#include <utility>

#include "sampling/schema/conditions.h"
#include "sampling/schema/evaluated.h"
#include "sampling/schema/exclusive.h"
#include "sampling/schema/outline.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr std::size_t kMany = 8;         // alternatives that are looked through for contradictions
constexpr std::size_t kMaxTogether = 5;  // of anyOf's schemas, where it is to be known which of them hold

struct Alternative {
  SchemaNodes nodes;
  SchemaNodes evaluating = {};  // those that count for unevaluatedProperties and unevaluatedItems
};
using Alternatives = std::vector<Alternative>;

class Expansion {
 public:
  Expansion(SchemaDocument& document, bool look_at_one_of)
      : document_(document), look_at_one_of_(look_at_one_of) {}

  // `opened`: a schema of which it is asked what it evaluates; all that is found counts for that.
  Result<Alternatives> run(const SchemaNodes& from, const Json* opened = nullptr) {
    Result<Flat> flat = flattened(from, opened);
    if (!flat) return std::unexpected(flat.error());
    const SchemaNodes base = document_.normalized(std::move(flat->nodes));
    Alternatives all{{base, opened ? base : SchemaNodes{}}};
    for (const Json* closed : flat->closed) {
      Result<Alternatives> ways = run({closed}, closed);
      if (!ways) return std::unexpected(ways.error());
      for (Alternative& way : *ways) {
        const Result<SchemaNodes> left = unevaluated_of(document_, *closed, way.evaluating);
        if (!left) return std::unexpected(left.error());
        way.nodes.insert(way.nodes.end(), left->begin(), left->end());
      }
      Result<Alternatives> next = product(all, *ways, opened != nullptr, *closed);
      if (!next) return next;
      all = std::move(*next);
    }
    for (const SchemaChoice& choice : flat->choices) {
      const bool is_optional = choice.is_condition && !document_.options().is_strict;
      Result<Alternatives> ways = ways_of(choice, base, opened);
      if (!ways && is_optional) continue;
      if (!ways) return ways;
      const bool evaluates = opened && choice.evaluates;
      Result<Alternatives> next = product(all, *ways, evaluates, *choice.list);
      if (!next && is_optional) continue;
      if (!next) return next;
      all = std::move(*next);
    }
    return all;
  }

 private:
  // What holds in any case, and the choices besides.
  struct Flat {
    SchemaNodes nodes;
    SchemaNodes closed;  // schemas that ask what of a value is evaluated: theirs is yet to be looked at
    std::vector<SchemaChoice> choices;
  };

  Result<Flat> flattened(const SchemaNodes& from, const Json* opened) {
    Flat flat;
    std::unordered_set<const Json*> seen;
    std::vector<const Json*> todo(from.rbegin(), from.rend());
    while (!todo.empty()) {
      const Json& node = *todo.back();
      todo.pop_back();
      if (!seen.insert(&node).second) continue;
      if (Result<> charged = document_.charge(8 * (1 + node.size())); !charged) {
        return std::unexpected(charged.error());
      }
      if (!node.is_object() && !node.is_boolean()) return document_.wrong(node, "", "must be a schema");
      if (Result<> checked = document_.check_in_place(node); !checked) {
        return std::unexpected(checked.error());
      }
      if (&node != opened && has_unevaluated(node)) {
        flat.closed.push_back(&node);
        continue;
      }
      flat.nodes.push_back(&node);
      // In the order in which properties are to be written: what is referred to, then parts, then its own.
      if (const Json* all = keyword(node, "allOf")) {
        for (std::size_t i = all->size(); i-- > 0;) todo.push_back(&(*all)[i]);
      }
      const Result<SchemaNodes> targets = document_.targets(node);
      if (!targets) return std::unexpected(targets.error());
      todo.insert(todo.end(), targets->rbegin(), targets->rend());
      const Result<std::vector<SchemaChoice>> choices = choices_of(document_, node, opened != nullptr);
      if (!choices) return std::unexpected(choices.error());
      flat.choices.insert(flat.choices.end(), choices->begin(), choices->end());
    }
    return flat;
  }

  Result<Alternatives> ways_of(const SchemaChoice& choice, const SchemaNodes& base, const Json* opened) {
    const Json& list = *choice.list;
    if (choice.is_exclusive && look_at_one_of_ && document_.options().is_strict) {
      Result<std::optional<SchemaNodes>> apart = exclusive_schemas(document_, base, list);
      if (!apart) return std::unexpected(apart.error());
      if (*apart) {
        Result<Alternatives> ways = ways_of(**apart, opened);
        if (ways) return ways;
        return document_.wrong(list, "",
                               std::format("cannot be kept: its schemas may hold together, where {}; anyOf "
                                           "lets them",
                                           ways.error().message));
      }
    }
    SchemaNodes schemas;
    for (const Json& schema : list) schemas.push_back(&schema);
    if (!opened || !choice.evaluates || choice.is_exclusive || choice.is_condition) {
      return ways_of(schemas, choice.evaluates ? opened : nullptr);
    }
    // Each of anyOf's schemas that holds evaluates.
    if (list.size() > kMaxTogether && !document_.options().is_strict) return ways_of(schemas, opened);
    if (list.size() > kMaxTogether) {
      return document_.wrong(
          list, "",
          std::format("cannot be kept: for what it leaves unevaluated, it has more than {} "
                      "schemas that may hold together",
                      kMaxTogether));
    }
    Alternatives all;
    for (std::size_t set = 1; set < std::size_t{1} << list.size(); ++set) {
      SchemaNodes together;
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (set >> i & 1) together.push_back(schemas[i]);
      }
      Result<Alternatives> ways = run(together, opened);
      if (!ways) return ways;
      all.insert(all.end(), ways->begin(), ways->end());
      if (all.size() > kMaxAlternatives) return too_many(list);
    }
    return all;
  }

  Result<Alternatives> ways_of(const SchemaNodes& schemas, const Json* opened) {
    Alternatives all;
    for (const Json* schema : schemas) {
      Result<Alternatives> ways = run({schema}, opened);
      if (!ways) return ways;
      all.insert(all.end(), ways->begin(), ways->end());
    }
    return all;
  }

  Result<Alternatives> product(const Alternatives& some, const Alternatives& others, bool evaluates,
                               const Json& of) {
    Alternatives all;
    const auto joined = [&](const SchemaNodes& a, const SchemaNodes& b) {
      SchemaNodes both = a;
      both.insert(both.end(), b.begin(), b.end());
      return document_.normalized(std::move(both));
    };
    // Where there are many, most are none.
    std::vector<SchemaOutline> outlines, other_outlines;
    if (some.size() * others.size() > kMany) {
      for (const auto& [list, kept] : {std::pair(&some, &outlines), std::pair(&others, &other_outlines)}) {
        for (const Alternative& alternative : *list) {
          Result<SchemaOutline> outline = SchemaOutline::of(document_, alternative.nodes);
          if (!outline) return std::unexpected(outline.error());
          kept->push_back(std::move(*outline));
        }
      }
    }
    for (std::size_t k = 0; k < others.size(); ++k) {
      const Alternative& other = others[k];
      for (std::size_t i = 0; i < some.size(); ++i) {
        const Alternative& one = some[i];
        if (!outlines.empty()) {
          if (Result<> charged = document_.charge(8 * other_outlines[k].size()); !charged) {
            return std::unexpected(charged.error());
          }
          if (outlines[i].contradicts(other_outlines[k])) continue;
        }
        if (Result<> charged = document_.charge(8 + one.nodes.size() + other.nodes.size()); !charged) {
          return std::unexpected(charged.error());
        }
        all.push_back({joined(one.nodes, other.nodes),
                       evaluates ? joined(one.evaluating, other.evaluating) : one.evaluating});
      }
      if (all.size() > kMaxAlternatives) return too_many(of);
    }
    return all;
  }

  std::unexpected<Error> too_many(const Json& of) {
    return document_.wrong(
        of, "",
        std::format("is too large: with what is around it, it comes to more than {} alternatives",
                    kMaxAlternatives));
  }

  SchemaDocument& document_;
  bool look_at_one_of_;
};

}  // namespace

Result<std::vector<SchemaNodes>> alternatives(SchemaDocument& document, const SchemaNodes& nodes,
                                              bool look_at_one_of) {
  Result<Alternatives> found = Expansion(document, look_at_one_of).run(nodes);
  if (!found) return std::unexpected(found.error());
  std::vector<SchemaNodes> lists;
  for (Alternative& alternative : *found) lists.push_back(std::move(alternative.nodes));
  return lists;
}

}  // namespace banyan
