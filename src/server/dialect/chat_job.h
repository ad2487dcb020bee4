/// A chat that a dialect's reader has read, as the engine's request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "banyan/base.h"
#include "server/answer.h"
#include "server/dialect/reply_request.h"
#include "server/dialect/reply_writer.h"
#include "server/model_context.h"
#include "server/stream_form.h"

namespace banyan {

struct PreparedChat {
  std::string prompt;  ///< as text
  Request request;     ///< with its tokens, restore points, and the grammar that keeps calls and schema
};

/// What the chat leaves open is filled in. `generation`: what of the request does not come of the chat; a
/// grammar in it is kept in the place of the tools' and the reply's schemas. Errors: those of the template,
/// of these schemas, and too_long.
Result<PreparedChat> prepare_chat(ChatRequest& chat, Request generation, const ModelContext& context);

/// Makes the writer of a reply to a prompt.
using MakeWriter = std::function<std::unique_ptr<ReplyWriter>(const Request& request)>;

/// The job whose reply the writer tells.
Result<Job> chat_job(ReplyRequest request, const ModelContext& context, const StreamForm& form,
                     const MakeWriter& make_writer);

/// How many tokens a chat's prompt has, also where those are more than the context's, up to some eight times.
/// Errors: too_long.
Result<std::size_t> count_tokens(ChatRequest chat, const ModelContext& context);
/// The same as OpenAI's answer.
Result<Json> count_tokens_json(ChatRequest chat, const ModelContext& context);

}  // namespace banyan
