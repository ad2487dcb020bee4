/// What is known of families of models, where their templates alone do not tell.
#pragma once

#include <string_view>

#include "chat/reply/reply_form.h"

namespace banyan {

/// Sets what is known by words in the template; the rest is left to be learned.
void apply_known_family(std::string_view template_source, ReplyForm& form);

/// The marks of a thought that a template takes out of replies, and perhaps never writes itself.
ReasoningForm known_reasoning(std::string_view template_source);

}  // namespace banyan
