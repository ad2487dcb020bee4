/// Whether a value keeps to schemas: which of enum's values a grammar may write.
#pragma once

#include "sampling/schema/document.h"

namespace banyan {

/// Errors: of the schemas.
Result<bool> value_fits(SchemaDocument& document, const SchemaJson& value, const SchemaNodes& nodes);

/// As JSON Schema compares them: 1 is 1.0, and an object's order does not count.
bool are_equal_values(const SchemaJson& a, const SchemaJson& b);

}  // namespace banyan
