/// The order of roles in a conversation, as a template takes it.
#pragma once

#include <vector>

#include "banyan/chat_request.h"
#include "chat/prompt/template_traits.h"

namespace banyan {

/// System messages where the template has a place for them, the others as the user's.
void fit_systems(const TemplateTraits& traits, std::vector<Message>& messages);

/// Neighbours of the same role as one message, where they must alternate.
void fit_rows(const TemplateTraits& traits, std::vector<Message>& messages);

}  // namespace banyan
