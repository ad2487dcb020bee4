#include <algorithm>

#include "chat/reply/argument_type.h"
#include "chat/reply/call_grammar.h"

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
    number_ = grammar.add(R"("-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})?)");
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

  std::string value(const Json& schema) const {
    const std::vector<std::string> texts = allowed_texts(schema);
    if (!texts.empty() && type_of_schema(schema) == ArgumentType::text) {
      std::string all;
      const std::string quote = is_python_ ? "'" : quote_;
      for (const std::string& text : texts) {
        all += (all.empty() ? "" : " | ") + GrammarText::literal(quote + text + quote);
      }
      return "(" + all + ")";
    }
    const Json type = schema.is_object() ? schema.value("type", Json()) : Json();
    if (type == "string") return string_;
    if (type == "integer") return R"("-"? ("0" | [1-9] [0-9]{0,15}))";
    if (type == "number") return number_;
    if (type == "boolean") return bool_;
    return any_;
  }

 private:
  bool is_python_;
  std::string quote_, string_, number_, bool_, any_;
};

}  // namespace

std::string literal_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool) {
  const LiteralsGrammar literals(grammar, form);
  std::vector<ToolArgument> arguments = arguments_of(tool);
  // In braces they are sorted.
  if (form.open == '{') std::ranges::sort(arguments, {}, &ToolArgument::name);
  // From the last to the first: what may follow where some stand in front, and where none does.
  std::string behind_some = "\"\"", behind_none = "\"\"";
  for (auto argument = arguments.rbegin(); argument != arguments.rend(); ++argument) {
    const std::string one = grammar.add(GrammarText::literal(argument->name + form.assign) + " " +
                                        literals.value(argument->schema));
    const std::string with_comma = R"("," " "? )" + one + " " + behind_some;
    const std::string without = one + " " + behind_some;
    behind_some = grammar.add(argument->is_required ? with_comma : with_comma + " | " + behind_some);
    behind_none = grammar.add(argument->is_required ? without : without + " | " + behind_none);
  }
  return GrammarText::literal(std::string(1, form.open)) + " " + behind_none + " " +
         GrammarText::literal(std::string(1, form.close));
}

}  // namespace banyan
