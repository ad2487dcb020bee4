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
Result<std::string> literal_arguments_grammar(GrammarText& grammar, const CallForm& form, const Tool& tool);
/// The error of a strict tool's keyword that such a grammar leaves out.
std::unexpected<Error> cannot_keep(std::string_view argument, std::string_view keyword);

}  // namespace banyan
