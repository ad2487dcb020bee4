#include <utility>

#include "chat/reply/call_grammar.h"
#include "chat/reply/marker.h"
#include "chat/reply/tool_schema.h"

namespace banyan {
namespace {

class TaggedGrammar {
 public:
  TaggedGrammar(GrammarText& grammar, const CallForm& form, const Tool& tool)
      : grammar_(grammar), form_(form), tool_(tool), schema_(tool.parameters) {}

  Result<std::string> run() {
    if (const Result<> made = make_json_rules(); !made) return std::unexpected(made.error());
    std::string all;
    for (std::size_t i = 0; i < schema_.arguments().size(); ++i) {
      const ToolArgument& argument = schema_.arguments()[i];
      const Result<std::string> text =
          json_rules_[i].empty() ? raw_argument(argument) : json_argument(argument, json_rules_[i]);
      if (!text) return text;
      const std::string whole = *text + " " + GrammarText::literal(value_end(argument.name));
      all += (all.empty() ? "" : " ") +
             grammar_.add(argument.is_required ? whole : GrammarText::optional(whole));
    }
    if (schema_.is_open()) all += (all.empty() ? "" : " ") + others();
    return all.empty() ? "\"\"" : all;
  }

 private:
  // Arguments that are no texts are JSON, but for objects and lists in tags, which are free.
  bool is_json(const ToolArgument& argument) {
    const unsigned types = schema_.types(argument.schemas);
    if (types & kTextType) return false;
    return !form_.keys_end_values || !(types & (kObjectType | kListType));
  }

  Result<> make_json_rules() {
    json_rules_.resize(schema_.arguments().size());
    std::vector<SchemaPart> parts;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < json_rules_.size(); ++i) {
      const ToolArgument& argument = schema_.arguments()[i];
      if (!is_json(argument)) continue;
      parts.push_back({.name = argument.name, .schemas = argument.schemas});
      numbers.push_back(i);
    }
    if (parts.empty()) return {};
    Result<std::vector<std::string>> rules = grammar_.arguments(tool_.parameters, parts, tool_.is_strict);
    if (!rules) return std::unexpected(rules.error());
    for (std::size_t i = 0; i < numbers.size(); ++i) json_rules_[numbers[i]] = std::move((*rules)[i]);
    return {};
  }

  std::string begin(const std::string& key) const {
    return GrammarText::literal(form_.key_separator + form_.key_begin + key + form_.key_end);
  }
  std::string value_end(const std::string& key) const {
    return form_.keys_end_values ? form_.value_end + key + form_.key_end : form_.value_end;
  }

  std::string json_argument(const ToolArgument& argument, const std::string& rule) const {
    if (form_.type_end.empty()) return begin(argument.name) + " " + rule;
    return begin(argument.name) + " [a-z]{1,10} " + GrammarText::literal(form_.type_end) + " " + rule;
  }

  Result<std::string> raw_argument(const ToolArgument& argument) {
    if (tool_.is_strict) {
      const std::string_view left_out =
          schema_.keyword_in(argument.schemas, {"pattern", "format", "minLength", "maxLength"});
      if (!left_out.empty()) return cannot_keep(argument.name, left_out);
    }
    std::string text = begin(argument.name) + " ";
    if (!form_.type_end.empty()) text += GrammarText::literal(form_.text_type + form_.type_end) + " ";
    const auto values = schema_.values(argument.schemas);
    if (!values || values->empty()) {
      std::string end(trimmed(form_.value_end));
      if (form_.keys_end_values) end += argument.name + form_.key_end;
      return text + grammar_.text_without(end);
    }
    std::string all;
    for (const Json* value : *values) {
      const std::string one = value->is_string()
                                  ? value->get<std::string>()
                                  : value->dump(-1, ' ', false, Json::error_handler_t::replace);
      all += (all.empty() ? "" : " | ") + GrammarText::literal(one);
    }
    return text + "(" + all + ")";
  }

  // Arguments that the schema does not name.
  std::string others() {
    std::string text = GrammarText::literal(form_.key_separator + form_.key_begin) + " ";
    const std::string key = "[a-zA-Z0-9_.-]{1,64}";
    text += key + " " + GrammarText::literal(form_.key_end) + " ";
    if (!form_.type_end.empty()) text += "[a-z]{1,10} " + GrammarText::literal(form_.type_end) + " ";
    text += grammar_.text_without(trimmed(form_.value_end)) + " " + GrammarText::literal(form_.value_end);
    // What is in tags is not compared with the key that opened it.
    if (form_.keys_end_values) text += " " + key + " " + GrammarText::literal(form_.key_end);
    return "(" + text + ")*";
  }

  GrammarText& grammar_;
  const CallForm& form_;
  const Tool& tool_;
  ToolSchema schema_;
  std::vector<std::string> json_rules_;  // of each argument; "" for those that are texts
};

}  // namespace

std::unexpected<Error> cannot_keep(std::string_view argument, std::string_view keyword) {
  return fail(Errc::invalid_argument,
              "the schema's properties/" + std::string(argument) + " has \"" + std::string(keyword) +
                  "\", which cannot be kept in the form in which the model writes calls");
}

Result<std::string> tagged_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool) {
  return TaggedGrammar(grammar, form, tool).run();
}

}  // namespace banyan
