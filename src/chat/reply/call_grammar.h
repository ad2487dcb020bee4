/// The grammar of calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "chat/reply/grammar_text.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// The name of a rule for calls of these tools, one or more where `several`, with all that is around them but
/// `written`, with which they begin already. Errors: invalid_argument, with the tool and the keyword's path.
Result<std::string> call_grammar(GrammarText& grammar, const CallForm& form, const std::vector<Tool>& tools,
                                 bool several, std::string_view written = "");

/// The arguments of a tool as a JSON object.
Result<std::string> json_arguments_grammar(GrammarText& grammar, const Tool& tool);
/// Around all arguments of a tool that are not one JSON object, to the end of the call.
Result<std::string> tagged_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool);
std::string literal_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool);

/// A tool's arguments, one by one.
struct ToolArgument {
  std::string name;
  Json schema;  ///< with the definitions of the tool's
  bool is_required = false;
};
std::vector<ToolArgument> arguments_of(const Tool& tool);
/// The strings that are all that a schema allows, none where it allows others.
std::vector<std::string> allowed_texts(const Json& schema);

}  // namespace banyan
