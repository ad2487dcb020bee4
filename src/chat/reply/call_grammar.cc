#include "chat/reply/call_grammar.h"

#include <algorithm>

#include "chat/reply/marker.h"

namespace banyan {
namespace {

std::string joined(const std::vector<std::string>& alternatives) {
  std::string all;
  for (const std::string& one : alternatives) all += (all.empty() ? "" : " | ") + one;
  return all;
}

// {"name": "N", "arguments": {...}}, perhaps with an id in front or behind.
std::string members_grammar(const CallForm& form, const std::string& name, const std::string& arguments) {
  const auto member = [](const std::string& key, const std::string& value) {
    return GrammarText::literal("\"" + key + "\":") + " \" \"? " + value;
  };
  const std::string comma = R"("," " "?)";
  std::string before, after;
  if (!form.id_key.empty()) {
    const std::string id = member(form.id_key, R"("\"" [a-zA-Z0-9_-]{1,40} "\"")");
    before = GrammarText::optional(id + " " + comma) + " ";
    after = " " + GrammarText::optional(comma + " " + id);
  }
  return "\"{\" " + before + member(form.name_key, GrammarText::literal(Json(name).dump())) + " " + comma +
         " " + member(form.arguments_key, arguments) + after + " \"}\"";
}

std::string head_grammar(const CallForm& form, const std::string& begin, const std::string& name) {
  constexpr std::string_view kId = " [a-zA-Z0-9]{9} ";
  const std::string head = form.name_begin.empty()
                               ? GrammarText::literal(begin + name + form.name_end)
                               : std::string(GrammarText::literal(begin))
                                     .append(kId)
                                     .append(GrammarText::literal(form.name_begin + name + form.name_end));
  switch (form.word) {
    case CallForm::Word::none:
      return head;
    case CallForm::Word::id:
      return std::string(head).append(kId).append(GrammarText::literal(form.word_end));
    case CallForm::Word::number:
      return head + " [0-9]{1,6} " + GrammarText::literal(form.word_end);
  }
  std::unreachable();
}

Result<std::string> one_call(GrammarText& grammar, const CallForm& form, const std::string& begin,
                             const Tool& tool) {
  const std::string end = form.end.empty() ? "" : " " + GrammarText::literal(form.end);
  switch (form.arguments) {
    case CallForm::Arguments::members:
    case CallForm::Arguments::json: {
      const Result<std::string> arguments = json_arguments_grammar(grammar, tool);
      if (!arguments) return arguments;
      if (form.arguments == CallForm::Arguments::json) {
        return head_grammar(form, begin, tool.name) + " " + *arguments + end;
      }
      return GrammarText::literal(begin) + " " + members_grammar(form, tool.name, *arguments) + end;
    }
    case CallForm::Arguments::tagged: {
      const Result<std::string> arguments = tagged_arguments_grammar(grammar, form, tool);
      if (!arguments) return arguments;
      // The blanks behind the name are those in front of an argument.
      CallForm trimmed_form = form;
      std::string& last = form.word == CallForm::Word::none ? trimmed_form.name_end : trimmed_form.word_end;
      last.erase(last.find_last_not_of(" \n") + 1);
      return head_grammar(trimmed_form, begin, tool.name) + " " + *arguments + end;
    }
    case CallForm::Arguments::literals: {
      const Result<std::string> arguments = literal_arguments_grammar(grammar, form, tool);
      if (!arguments) return arguments;
      return head_grammar(form, begin, tool.name) + " " + *arguments + end;
    }
  }
  std::unreachable();
}

// One call of any of the tools.
Result<std::string> any_call(GrammarText& grammar, const CallForm& form, const std::string& begin,
                             const std::vector<Tool>& tools) {
  std::vector<std::string> calls;
  for (const Tool& tool : tools) {
    const Result<std::string> call = one_call(grammar, form, begin, tool);
    if (!call) {
      return fail(call.error().code, "the tool \"" + tool.name + "\": " + call.error().message, "tools");
    }
    calls.push_back(grammar.add(*call));
  }
  return grammar.add(joined(calls));
}

}  // namespace

Result<std::string> call_grammar(GrammarText& grammar, const CallForm& form, const std::vector<Tool>& tools,
                                 bool several, std::string_view written) {
  const Result<std::string> next = any_call(grammar, form, form.begin, tools);
  if (!next) return next;
  Result<std::string> first = next;
  if (!written.empty()) {
    first = any_call(grammar, form, form.begin.substr(std::min(written.size(), form.begin.size())), tools);
    if (!first) return first;
  }
  std::string all = *first;
  if (!form.section_begin.empty()) all = GrammarText::literal(form.section_begin) + " " + all;
  if (several && !form.is_single) all += " (" + GrammarText::literal(form.separator) + " " + *next + ")*";
  if (!form.section_end.empty()) all += " " + GrammarText::literal(form.section_end);
  return grammar.add(all);
}

Result<std::string> json_arguments_grammar(GrammarText& grammar, const Tool& tool) {
  Json schema = tool.parameters.is_object() ? tool.parameters : Json::object();
  if (!schema.contains("type")) schema["type"] = "object";
  return grammar.arguments(schema, tool.is_strict);
}

}  // namespace banyan
