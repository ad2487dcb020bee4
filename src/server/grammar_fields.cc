#include "server/grammar_fields.h"

#include <format>
#include <utility>

#include "sampling/schema/schema_cache.h"

namespace banyan {
namespace {

class SchemaReader {
 public:
  explicit SchemaReader(Fields& fields) : fields_(fields) {}

  // `name`: the field that has the schema.
  std::optional<ReplySchema> of_schema(const std::string& name, const Json& schema, bool is_strict) {
    Result<std::string> grammar = SchemaCache::shared().grammar(schema, {.is_strict = is_strict});
    if (grammar) return ReplySchema{schema, is_strict};
    Error error = grammar.error();
    error.message = std::format("{}: {}", name, error.message);
    error.field = name;
    fields_.wrong(std::move(error));
    return {};
  }

  std::optional<ReplySchema> of_response_format(const Json& format) {
    Fields inner(format, "response_format.");
    const std::string type = inner.string("type", "text");
    std::optional<ReplySchema> read;
    if (type == "json_object") {
      // llama-server's clients may send a schema with it, which may be {} for none.
      const Json* schema = inner.any("schema");
      if (schema && *schema == Json::object()) schema = nullptr;
      static const Json kAnyObject{{"type", "object"}};
      read = of_schema("response_format.schema", schema ? *schema : kAnyObject, true);
    } else if (type == "json_schema") {
      if (const Json* described = inner.required("json_schema"); described && inner.object("json_schema")) {
        read = of_json_schema(*described);
      }
    } else if (type != "text") {
      inner.wrong("type", "must be \"text\", \"json_object\" or \"json_schema\"");
    }
    if (inner.error()) fields_.wrong(*inner.error());
    return read;
  }

 private:
  std::optional<ReplySchema> of_json_schema(const Json& described) {
    Fields inner(described, "response_format.json_schema.");
    const bool is_strict = inner.boolean("strict", true);
    const Json* schema = inner.required("schema");
    if (inner.error()) fields_.wrong(*inner.error());
    return schema ? of_schema("response_format.json_schema.schema", *schema, is_strict) : std::nullopt;
  }

  Fields& fields_;
};

}  // namespace

TextForm read_text_form(Fields& fields) {
  SchemaReader reader(fields);
  TextForm form = {.grammar = fields.string("grammar")};
  const Json* schema = fields.any("json_schema");
  if (schema && !form.grammar.empty()) {
    fields.wrong("grammar", "and json_schema exclude each other");
  } else if (schema) {
    form.schema = reader.of_schema("json_schema", *schema, true);
  }
  const Json* format = fields.object("response_format");
  if (!format) return form;
  std::optional<ReplySchema> of_format = reader.of_response_format(*format);
  if (!of_format) return form;
  if (schema || !form.grammar.empty()) {
    fields.wrong(schema ? "json_schema" : "grammar", "and response_format exclude each other");
  }
  form.schema = std::move(of_format);
  return form;
}

std::string read_grammar(Fields& fields) {
  TextForm form = read_text_form(fields);
  if (!form.schema) return std::move(form.grammar);
  return SchemaCache::shared()
      .grammar(form.schema->schema, {.is_strict = form.schema->is_strict})
      .value_or("");
}

}  // namespace banyan
