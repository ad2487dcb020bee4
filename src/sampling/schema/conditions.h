/// What of a schema's keywords holds of the same value as the schema: choices among schemas.
#pragma once

#include <vector>

#include "sampling/schema/document.h"

namespace banyan {

struct SchemaChoice {
  const SchemaJson* list;     ///< schemas, one of which must hold
  bool is_exclusive = false;  ///< oneOf: no other may
  bool is_condition = false;  ///< not anyOf or oneOf, so that one who is not strict can do without
  bool evaluates = true;      ///< whether it counts for unevaluatedProperties and unevaluatedItems
};

/// Those of anyOf, oneOf, not, if, dependentRequired, dependentSchemas and dependencies. `looks_at_idle`:
/// whether an "if" without consequences is one. REQUIRES: SchemaDocument::check_in_place().
Result<std::vector<SchemaChoice>> choices_of(SchemaDocument& document, const SchemaJson& schema,
                                             bool looks_at_idle);

}  // namespace banyan
