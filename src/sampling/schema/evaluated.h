/// What unevaluatedProperties and unevaluatedItems come to, once it is known which schemas hold.
#pragma once

#include "sampling/schema/document.h"

namespace banyan {

/// Whether the schema has one that says something.
bool has_unevaluated(const SchemaJson& schema);

/// Schemas that say what those two of `schema` do, in other keywords. `evaluating`: it and all within it that
/// hold of the same value, but for what a "not" has.
Result<SchemaNodes> unevaluated_of(SchemaDocument& document, const SchemaJson& schema,
                                   const SchemaNodes& evaluating);

}  // namespace banyan
