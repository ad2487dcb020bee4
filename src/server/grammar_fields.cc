#include "server/grammar_fields.h"

#include <format>
#include <utility>

#include "sampling/schema/schema_cache.h"

namespace banyan {
namespace {

// All requests of the process share it.
SchemaCache& schemas() {
  static SchemaCache cache;
  return cache;
}

class GrammarReader {
 public:
  explicit GrammarReader(Fields& fields) : fields_(fields) {}

  // `name`: the field that has the schema.
  std::string of_schema(const std::string& name, const Json& schema, bool is_strict) {
    Result<std::string> grammar = schemas().grammar(schema, {.is_strict = is_strict});
    if (grammar) return std::move(*grammar);
    Error error = grammar.error();
    error.message = std::format("{}: {}", name, error.message);
    error.field = name;
    fields_.wrong(std::move(error));
    return "";
  }

  std::string of_response_format(const Json& format) {
    Fields inner(format, "response_format.");
    const std::string type = inner.string("type", "text");
    std::string grammar;
    if (type == "json_object") {
      // llama-server's clients may send a schema with it, which may be {} for none.
      const Json* schema = inner.any("schema");
      if (schema && *schema == Json::object()) schema = nullptr;
      grammar = of_optional_schema("response_format.schema", schema, true);
    } else if (type == "json_schema") {
      if (const Json* described = inner.required("json_schema"); described && inner.object("json_schema")) {
        grammar = of_json_schema(*described);
      }
    } else if (type != "text") {
      inner.wrong("type", "must be \"text\", \"json_object\" or \"json_schema\"");
    }
    if (inner.error()) fields_.wrong(*inner.error());
    return grammar;
  }

 private:
  std::string of_json_schema(const Json& described) {
    Fields inner(described, "response_format.json_schema.");
    const bool is_strict = inner.boolean("strict", true);
    if (inner.error()) fields_.wrong(*inner.error());
    return of_optional_schema("response_format.json_schema.schema", inner.any("schema"), is_strict);
  }

  // Without a schema, any object.
  std::string of_optional_schema(const std::string& name, const Json* schema, bool is_strict) {
    static const Json kAnyObject{{"type", "object"}};
    return of_schema(name, schema ? *schema : kAnyObject, is_strict);
  }

  Fields& fields_;
};

}  // namespace

std::string read_grammar(Fields& fields) {
  GrammarReader reader(fields);
  std::string grammar = fields.string("grammar");
  const Json* schema = fields.any("json_schema");
  if (schema && !grammar.empty()) {
    fields.wrong("grammar", "and json_schema exclude each other");
  } else if (schema) {
    grammar = reader.of_schema("json_schema", *schema, true);
  }
  const Json* format = fields.object("response_format");
  if (!format) return grammar;
  std::string of_format = reader.of_response_format(*format);
  if (of_format.empty()) return grammar;
  if (!grammar.empty()) {
    fields.wrong(schema ? "json_schema" : "grammar", "and response_format exclude each other");
  }
  return of_format;
}

}  // namespace banyan
