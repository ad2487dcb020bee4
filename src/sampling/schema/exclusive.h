/// Whether at most one of oneOf's schemas can hold. A grammar lets a text through by any of its ways, so that
/// this has to be known before.
#pragma once

#include "sampling/schema/document.h"

namespace banyan {

/// `base`: what holds besides. All are read to the letter, as whoever validates the reply does. Errors: where
/// it cannot be seen that two of the schemas exclude each other.
Result<> check_exclusive(SchemaDocument& document, const SchemaNodes& base, const SchemaJson& list);

}  // namespace banyan
