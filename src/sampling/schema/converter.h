/// The rules of a schema's grammar: one for each list of schemas that hold of the same value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sampling/schema/document.h"
#include "sampling/schema/facets.h"
#include "sampling/schema/rules.h"

namespace banyan {

class SchemaConverter {
 public:
  explicit SchemaConverter(SchemaDocument& document) : document_(document) {}

  /// The grammar of values for which all of `root` hold.
  Result<std::string> run(const SchemaNodes& root);

 private:
  // A value for which these hold. The rule is made later, so that schemas may be recursive.
  Expression value_of(const SchemaNodes& nodes);
  Result<Expression> build(const SchemaNodes& nodes);
  // A value of one of alternatives().
  Result<Expression> plain(const SchemaNodes& nodes);

  Result<std::vector<std::string>> texts_of_values(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> literals(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> number(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> string(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> array(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> counted_items(const SchemaNodes& nodes, const Facets& facets);
  // None: there are more than a few.
  Result<std::optional<std::vector<std::string>>> texts_of_items(const SchemaNodes& item);
  Result<std::optional<Expression>> unique_items(const Facets& facets);
  Result<Expression> object(const SchemaNodes& nodes, const Facets& facets);

  // Of objects.
  struct Member {
    Expression text;  // name and value
    bool is_required;
  };
  // The names that schemas of propertyNames allow.
  Result<std::optional<Automaton>> allowed_names(const SchemaNodes& names);
  Result<std::optional<Automaton>> allowed_names(const SchemaNodes& nodes, const Facets& facets);
  Result<Expression> other_members(const SchemaNodes& nodes, const Facets& facets);
  Expression members(const std::vector<Member>& members, const Expression& other);
  Result<Expression> counted_members(const SchemaNodes& nodes, const Facets& facets,
                                     const std::vector<Member>& members, const Expression& other);
  Expression repeated_members(const Expression& other, std::uint64_t least, std::uint64_t most,
                              bool is_first);

  // Rules that most grammars share, made when they are wanted.
  enum class Shared : std::uint8_t { space, character, string, integer, number, any };
  Expression shared(Shared which);

  // The first of the schemas that has the keyword.
  static const SchemaJson& having(const SchemaNodes& nodes, const char* keyword);
  Result<> charge_for(const Automaton& automaton) { return document_.charge(16 * automaton.weight()); }

  SchemaDocument& document_;
  Rules rules_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> made_;
  std::vector<std::pair<std::uint32_t, SchemaNodes>> todo_;
  std::map<Shared, std::uint32_t> shared_;
  std::map<std::string, Expression> numbers_;
  std::map<std::pair<std::vector<const Automaton*>, std::pair<std::uint64_t, std::uint64_t>>, Expression>
      strings_;
};

}  // namespace banyan
