/// What a reply's text must look like, as requests say it: by a grammar or by a JSON Schema.
#pragma once

#include <string>

#include "server/json_fields.h"

namespace banyan {

/// Reads grammar, json_schema (llama-server's) and response_format, of which one may be there. Returns GBNF,
/// or nothing where any text will do. Errors are left in `fields`.
std::string read_grammar(Fields& fields);

}  // namespace banyan
