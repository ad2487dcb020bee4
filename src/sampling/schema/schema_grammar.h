/// A JSON Schema as a grammar, so that a reply is JSON that the schema allows.
///
/// Kept: type, enum, const; properties (in the schema's order), required, additionalProperties,
/// patternProperties, propertyNames, minProperties, maxProperties, dependentRequired, dependentSchemas,
/// dependencies, unevaluatedProperties; items, prefixItems, minItems, maxItems, contains, minContains,
/// maxContains, unevaluatedItems; minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf;
/// minLength, maxLength, pattern, format; anyOf, oneOf, allOf, not, if, then, else; $ref and $dynamicRef
/// within the document, $id, $anchor, $defs, definitions; OpenAPI's nullable. What says nothing about values
/// is ignored. Any thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "banyan/base.h"

namespace banyan {

struct SchemaOptions {
  /// Whether a keyword that the grammar cannot keep is an error. It is left out otherwise.
  bool is_strict = true;
  /// How schemas are read where authors mostly mean less than they say. As intended, like llama.cpp's: an
  /// object with `properties` or `patternProperties` and without `additionalProperties` has no others, an
  /// array with `prefixItems` and without `items` or `minItems` has exactly these, and a schema without
  /// `type` whose keywords are all of one type is of that type. To the letter: as the specification has it.
  bool to_the_letter = false;
};

/// The schema in GBNF, for Grammar::parse(). JSON is written with at most a space or a line break and its
/// indentation between its parts. Errors: invalid_argument, with the path of the keyword that is wrong,
/// cannot be kept or leads to nothing, or with the limit that is passed. Takes some 100 ms at most.
Result<std::string> schema_grammar(const nlohmann::ordered_json& schema, const SchemaOptions& options = {});

/// A place in a schema, and which schemas in the document hold of a value there together.
struct SchemaPart {
  std::string name = {};  ///< two parts of one document that have the same name are the same
  std::vector<const nlohmann::ordered_json*> schemas = {};
};

struct MadeGrammars {
  std::vector<Result<std::string>> grammars = {};  ///< of each part
  std::size_t work = 0;                            ///< steps: some 40 take a microsecond
};

/// Of each part a grammar of its own. References are those of the whole schema, and no more work is done for
/// all parts together than for one schema. In all grammars, rules of the same name are the same, but "root"
/// and those that are named "r" and a number.
MadeGrammars schema_grammars(const nlohmann::ordered_json& schema, std::span<const SchemaPart> parts,
                             const SchemaOptions& options = {});

}  // namespace banyan
