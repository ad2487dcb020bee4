/// What schemas that hold of one value say together, by the type of the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sampling/schema/document.h"
#include "sampling/schema/number_texts.h"
#include "sampling/schema/rules.h"

namespace banyan {

/// Types of values, as bits.
enum SchemaType : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,  ///< a number that is no integer
  kString = 16,
  kArray = 32,
  kObject = 64,
  kNumber = kInteger | kFraction,
  kAnyType = 127,
};

struct Facets {
  static constexpr std::uint64_t kNoMost = Expression::kNoMost;
  /// How many of something there may be.
  struct Count {
    std::uint64_t least = 0, most = kNoMost;
  };
  struct Property {
    std::string name;
    SchemaNodes nodes;
    bool is_required = false;
  };
  /// What one schema says of the properties that it does not name.
  struct Others {
    struct Named {
      const Automaton* names;
      const SchemaJson* schema;
    };
    std::vector<Named> patterns;
    const SchemaJson* rest = nullptr;  ///< additionalProperties, if it has them
  };

  /// What one schema says of some items of a list: how many there may be of which it holds.
  struct Contained {
    const SchemaJson* schema;
    Count count = {1, kNoMost};
  };

  unsigned types = kAnyType;
  bool may_be_true = true, may_be_false = true;
  /// Of enum and const. They keep to nothing else yet.
  std::optional<std::vector<const SchemaJson*>> values;
  NumberLimits number;
  Count length;
  std::vector<const Automaton*> texts;
  Count items;
  std::vector<SchemaNodes> prefix;
  SchemaNodes rest_of_items;
  std::vector<Contained> contained;
  bool are_items_unique = false;
  Count property_count;
  SchemaNodes names;  ///< what holds of every property's name
  std::vector<Property> properties;
  std::vector<Others> others;
  bool is_open = true;  ///< whether there may be properties that are not named

  /// What holds of a property that no schema names, or that patterns match. None when it must not be there.
  std::optional<SchemaNodes> other_property(const std::string& name) const;
};

/// `nodes`: of one of alternatives(). `to_the_letter`: as in SchemaOptions. Errors: a keyword that is wrong
/// or cannot be kept.
Result<Facets> facets_of(SchemaDocument& document, const SchemaNodes& nodes, bool to_the_letter);

/// The type of a value.
SchemaType type_of(const SchemaJson& value);

}  // namespace banyan
