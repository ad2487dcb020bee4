/// What a reply's text must look like, as requests say it: by a grammar or by a JSON Schema.
#pragma once

#include <optional>
#include <string>

#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

struct TextForm {
  std::string grammar = {};                ///< GBNF, or "" for none
  std::optional<ReplySchema> schema = {};  ///< where there is no grammar
};

/// Reads grammar, json_schema (llama-server's) and response_format, of which one may be there. A schema was
/// made into a grammar once, which SchemaCache keeps. Errors are left in `fields`.
TextForm read_text_form(Fields& fields);

/// The same as GBNF, "" where any text will do.
std::string read_grammar(Fields& fields);

}  // namespace banyan
