#include "chat/reply/argument_type.h"
#include "chat/reply/call_grammar.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

std::string raw_text(GrammarText& grammar, const CallForm& form, const ToolArgument& argument) {
  const std::vector<std::string> texts = allowed_texts(argument.schema);
  if (texts.empty()) {
    std::string end(trimmed(form.value_end));
    if (form.keys_end_values) end += argument.name + form.key_end;
    return grammar.text_without(end);
  }
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " | ") + GrammarText::literal(text);
  return "(" + all + ")";
}

}  // namespace

Result<std::string> tagged_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool) {
  const auto tag = [&](const std::string& key, const std::string& type) {
    const std::string begin = form.key_separator + form.key_begin + key + form.key_end;
    return GrammarText::literal(form.type_end.empty() ? begin : begin + type + form.type_end);
  };
  std::string all;
  for (const ToolArgument& argument : arguments_of(tool)) {
    std::string text;
    // Objects and lists in tags are free.
    const bool is_nested = form.keys_end_values && argument.schema.is_object() &&
                           (argument.schema.value("type", Json()) == "object" ||
                            argument.schema.value("type", Json()) == "array");
    if (type_of_schema(argument.schema) == ArgumentType::json && !is_nested) {
      const Result<std::string> json = grammar.schema(argument.schema, tool.is_strict);
      if (!json) return json;
      if (form.type_end.empty()) {
        text = tag(argument.name, "") + " " + *json;
      } else {
        text = GrammarText::literal(form.key_separator + form.key_begin + argument.name + form.key_end) +
               " [a-z]{1,10} " + GrammarText::literal(form.type_end) + " " + *json;
      }
    } else {
      text = tag(argument.name, form.text_type) + " " + raw_text(grammar, form, argument);
    }
    const std::string value_end =
        form.keys_end_values ? form.value_end + argument.name + form.key_end : form.value_end;
    text += " " + GrammarText::literal(value_end);
    all += (all.empty() ? "" : " ") + grammar.add(argument.is_required ? text : GrammarText::optional(text));
  }
  return all.empty() ? "\"\"" : all;
}

}  // namespace banyan
