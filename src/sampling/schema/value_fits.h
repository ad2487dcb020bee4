/// Values that keep to schemas: which of enum's values a grammar may write.
#pragma once

#include <vector>

#include "sampling/schema/document.h"

namespace banyan {

/// Those of the values that do. `are_plain`: the schemas are one of alternatives(), so that what their $ref,
/// allOf, anyOf and oneOf say is said already. Errors: of the schemas.
Result<std::vector<const SchemaJson*>> values_that_fit(SchemaDocument& document,
                                                       const std::vector<const SchemaJson*>& values,
                                                       const SchemaNodes& nodes, bool are_plain);

}  // namespace banyan
