/// What it is that a schema does not hold.
#pragma once

#include "sampling/schema/document.h"

namespace banyan {

/// A schema that says what both do.
SchemaJson both_of(SchemaJson a, SchemaJson b);

/// Whether `negated`, the schema of a "not", says no more than facets_of() reads there: what types, simple
/// values, multiples or texts a value is none of.
bool is_simple_negation(const SchemaJson& negated);

/// Schemas of which one or more hold where `negated`, to the letter, does not: a list for
/// SchemaDocument::added(). It goes one level deep; what is within is a "not" of its own. Errors: a keyword
/// for which that cannot be said, if the document is strict.
Result<SchemaJson> negation_of(SchemaDocument& document, const SchemaJson& negated);

}  // namespace banyan
