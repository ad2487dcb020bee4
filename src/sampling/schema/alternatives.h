/// What $ref, allOf, anyOf and oneOf come to: lists of schemas that hold together, one list of which must.
#pragma once

#include <vector>

#include "sampling/schema/document.h"

namespace banyan {

/// The most lists that one place of a schema may come to.
inline constexpr std::size_t kMaxAlternatives = 1024;

/// Those of a value for which all of `nodes` hold. In each, what these four keywords say is already said.
/// `look_at_one_of`: whether it is an error that two schemas of a oneOf may hold, if the document is strict.
Result<std::vector<SchemaNodes>> alternatives(SchemaDocument& document, const SchemaNodes& nodes,
                                              bool look_at_one_of = true);

}  // namespace banyan
