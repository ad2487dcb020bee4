/// oneOf's schemas, so that at most one of them holds. A grammar lets a text through by any of its ways, so
/// that this has to be known before.
#pragma once

#include <optional>

#include "sampling/schema/document.h"

namespace banyan {

/// `base`: what holds besides. All are read to the letter, as whoever validates the reply does. None where
/// the schemas of the list exclude each other; else schemas of our own, which say of each that the others do
/// not hold that it does not exclude.
Result<std::optional<SchemaNodes>> exclusive_schemas(SchemaDocument& document, const SchemaNodes& base,
                                                     const SchemaJson& list);

}  // namespace banyan
