/// How a model writes thoughts and calls, learned from its chat template.
///
/// Immutable once learned: any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "banyan/chat_request.h"

namespace banyan {

/// What is around a thought.
struct ReasoningForm {
  std::string begin, end;  ///< both empty: the model writes no thoughts that are known
};

// The fields of a call's form are still to be designed with the parser.
struct CallForm {};

struct ReplyForm {
  ReasoningForm reasoning;
  CallForm call;
};

/// The prompt for a request, "" where the template fails.
using RenderExample = std::function<std::string(const ChatRequest&)>;

/// Renders examples (a call, two calls, replies with and without thoughts) and compares them.
ReplyForm learn_reply_form(const RenderExample& render, std::string_view template_source);

/// Whether a prompt ends inside a thought.
bool opens_thought(const ReplyForm& form, std::string_view prompt);

/// What a reply must look like.
struct ReplyGrammar {
  std::string grammar;                ///< GBNF; "" for none
  /// The grammar takes hold with the first of these in the reply's text, which is its beginning; none: at once.
  std::vector<std::string> triggers;
};

/// The grammar of a reply in which the tools and the schema of the request are kept. `prompt`: the rendered
/// prompt. Errors: invalid_argument, naming the schema's keyword by its path.
Result<ReplyGrammar> reply_grammar(const ReplyForm& form, const ChatRequest& request, std::string_view prompt);

}  // namespace banyan
