/// Fields of other dialects, which a client that mixes them up sends. To ignore them would be to answer
/// something else than what was asked.
#pragma once

#include <span>

#include "server/json_fields.h"

namespace banyan {

struct ForeignField {
  const char* name;
  const char* dialect;  ///< whose field it is: "Anthropic's messages"
  const char* here;     ///< what says the same here: "`stop`"
};

/// Refuses those that are there and say something (not null, "", [] or {}), with what is to be used instead.
void refuse_foreign(Fields& fields, std::span<const ForeignField> table);

}  // namespace banyan
