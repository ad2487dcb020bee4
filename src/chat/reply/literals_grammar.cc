#include <algorithm>

#include "chat/reply/call_grammar.h"
#include "chat/reply/tool_schema.h"

namespace banyan {
namespace {

class LiteralsGrammar {
 public:
  LiteralsGrammar(GrammarText& grammar, const CallForm& form) : is_python_(form.quote.empty()) {
    if (is_python_) {
      string_ = grammar.add(R"("'" ([^'\\\n] | "\\" [^\n])* "'")");
    } else {
      const std::string quote = GrammarText::literal(form.quote);
      quote_ = form.quote;
      string_ = grammar.add(quote + " " + grammar.text_without(form.quote) + " " + quote);
    }
    number_ = grammar.add(R"("-"? ("0" | [1-9] [0-9]{0,19}) ("." [0-9]{1,16})?)");
    bool_ = grammar.add(is_python_ ? R"("True" | "False")" : R"("true" | "false")");
    // Values may be nested in values.
    any_ = grammar.declare();
    const std::string key = is_python_ ? string_ : "[a-zA-Z0-9_-]+";
    const std::string colon = is_python_ ? R"(":" " "?)" : "\":\"";
    const std::string pair = grammar.add(key + " " + colon + " " + any_);
    const std::string comma = R"("," " "?)";
    grammar.define(any_, string_ + " | " + number_ + " | " + bool_ + " | \"" +
                             (is_python_ ? "None" : "null") + "\" | \"[\" (" + any_ + " (" + comma + " " +
                             any_ + ")*)? \"]\" | \"{\" (" + pair + " (" + comma + " " + pair + ")*)? \"}\"");
  }

  std::string value(ToolSchema& schema, const Schemas& schemas) const {
    if (const auto values = schema.values(schemas)) {
      std::string all;
      for (const Json* value : *values) {
        if (value->is_structured()) return any_;
        all += (all.empty() ? "" : " | ") + GrammarText::literal(text_of(*value));
      }
      if (!all.empty()) return "(" + all + ")";
    }
    switch (schema.types(schemas)) {
      case kTextType:
        return string_;
      case kNumberType:
        return is_integer(schemas) ? R"("-"? ("0" | [1-9] [0-9]{0,19}))" : number_;
      case kBooleanType:
        return bool_;
      default:
        return any_;
    }
  }

  const std::string& any() const { return any_; }
  // Of an argument.
  std::string name() const { return is_python_ ? "[a-zA-Z_] [a-zA-Z0-9_]{0,63}" : "[a-zA-Z0-9_-]{1,64}"; }

 private:
  static bool is_integer(const Schemas& schemas) {
    return std::ranges::any_of(schemas, [](const Json* schema) {
      return schema->is_object() && schema->value("type", Json()) == "integer";
    });
  }

  // A value that is neither list nor object.
  std::string text_of(const Json& value) const {
    if (is_python_ && value.is_boolean()) return value.get<bool>() ? "True" : "False";
    if (is_python_ && value.is_null()) return "None";
    if (!value.is_string()) return value.dump();
    if (!is_python_) return quote_ + value.get<std::string>() + quote_;
    std::string text = "'";
    for (const char c : value.get_ref<const std::string&>()) {
      if (c == '\'' || c == '\\') text += '\\';
      const char letter = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\0';
      if (letter != '\0') text += '\\';
      text += letter != '\0' ? letter : c;
    }
    return text + "'";
  }

  bool is_python_;
  std::string quote_, string_, number_, bool_, any_;
};

}  // namespace

Result<std::string> literal_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool) {
  // Of which nothing is kept.
  static const std::vector<std::string_view> kLeftOut = {
      "pattern",          "format",     "minLength",  "maxLength",     "minimum",          "maximum",
      "exclusiveMinimum", "multipleOf", "properties", "required",      "exclusiveMaximum", "items",
      "prefixItems",      "minItems",   "maxItems",   "propertyNames", "minProperties",    "maxProperties",
      "patternProperties"};
  const LiteralsGrammar literals(grammar, form);
  ToolSchema schema(tool.parameters);
  std::vector<ToolArgument> arguments = schema.arguments();
  // In braces they are sorted.
  if (form.open == '{') std::ranges::sort(arguments, {}, &ToolArgument::name);
  // From the last to the first: what may follow where some stand in front, and where none does.
  const std::string comma = R"("," " "? )";
  std::string behind_some = "\"\"", behind_none = "\"\"";
  if (schema.is_open()) {
    const std::string one =
        grammar.add(literals.name() + " " + GrammarText::literal({&form.assign, 1}) + " " + literals.any());
    behind_some = grammar.add("(" + comma + one + ")*");
    behind_none = grammar.add("(" + one + " " + behind_some + ")?");
  }
  for (auto argument = arguments.rbegin(); argument != arguments.rend(); ++argument) {
    if (tool.is_strict) {
      const std::string_view left_out = schema.keyword_in(argument->schemas, kLeftOut);
      if (!left_out.empty()) return cannot_keep(argument->name, left_out);
    }
    const std::string one = grammar.add(GrammarText::literal(argument->name + form.assign) + " " +
                                        literals.value(schema, argument->schemas));
    const std::string with_comma = comma + one + " " + behind_some;
    const std::string without = one + " " + behind_some;
    behind_some = grammar.add(argument->is_required ? with_comma : with_comma + " | " + behind_some);
    behind_none = grammar.add(argument->is_required ? without : without + " | " + behind_none);
  }
  return GrammarText::literal(std::string(1, form.open)) + " " + behind_none + " " +
         GrammarText::literal(std::string(1, form.close));
}

}  // namespace banyan
