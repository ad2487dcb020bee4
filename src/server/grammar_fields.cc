#include "server/grammar_fields.h"

#include <format>
#include <utility>

#include "sampling/schema/schema_grammar.h"

namespace banyan {
namespace {

// Any JSON object. White space is bounded, for a model may like nothing better.
constexpr const char* kJsonGrammar = R"(root   ::= object
object ::= "{" space (member ("," space member)*)? "}" space
member ::= string ":" space value
array  ::= "[" space (value ("," space value)*)? "]" space
value  ::= object | array | string | number | ("true" | "false" | "null") space
string ::= "\"" char* "\"" space
char   ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})? space
space  ::= (" " | "\n" [ \t]{0,20})?
)";

// A schema of `name`, as a grammar.
std::string of_schema(Fields& fields, const std::string& name, const Json& schema, bool is_strict) {
  Result<std::string> grammar = schema_grammar(schema, {.is_strict = is_strict});
  if (grammar) return std::move(*grammar);
  Error error = grammar.error();
  error.message = std::format("{}: {}", name, error.message);
  error.field = name;
  fields.wrong(std::move(error));
  return "";
}

std::string of_response_format(Fields& fields, const Json& format) {
  Fields inner(format, "response_format.");
  const std::string type = inner.string("type", "text");
  if (inner.error()) {
    fields.wrong(*inner.error());
    return "";
  }
  if (type == "json_object") {
    // llama-server's clients may send a schema with it.
    const Json* schema = inner.any("schema");
    if (!schema || (schema->is_object() && schema->empty())) return kJsonGrammar;
    return of_schema(fields, "response_format.schema", *schema, false);
  }
  if (type == "json_schema") {
    const Json* described = inner.object("json_schema");
    if (!described) {
      if (!inner.error()) inner.wrong("json_schema", "is required");
      fields.wrong(*inner.error());
      return "";
    }
    Fields description(*described, "response_format.json_schema.");
    const bool is_strict = description.boolean("strict", false);
    if (description.error()) fields.wrong(*description.error());
    const Json* schema = description.any("schema");
    if (!schema) return kJsonGrammar;
    return of_schema(fields, "response_format.json_schema.schema", *schema, is_strict);
  }
  if (type != "text") {
    fields.wrong("response_format.type", "must be \"text\", \"json_object\" or \"json_schema\"");
  }
  return "";
}

}  // namespace

std::string read_grammar(Fields& fields) {
  std::string grammar = fields.string("grammar");
  if (const Json* schema = fields.any("json_schema")) {
    if (!grammar.empty()) fields.wrong("grammar", "and json_schema exclude each other");
    grammar = of_schema(fields, "json_schema", *schema, false);
  }
  if (const Json* format = fields.object("response_format")) {
    std::string of_format = of_response_format(fields, *format);
    if (of_format.empty()) return grammar;
    if (!grammar.empty()) {
      fields.wrong(fields.any("json_schema") ? "json_schema" : "grammar",
                   "and response_format exclude each other");
    }
    grammar = std::move(of_format);
  }
  return grammar;
}

}  // namespace banyan
