/// A chat request in the form that a template takes.
#pragma once

#include "banyan/chat_request.h"
#include "chat/prompt/template_traits.h"

namespace banyan {

/// Templates recurse into values, and so do copies of JSON; clients must not choose how deep.
inline constexpr int kMaxJsonDepth = 64;
bool deeper_than(const Json& value, int depth);

/// The variables `messages` and `tools` of a template.
struct TemplateInput {
  Json messages;
  Json tools;  ///< null for none
};

TemplateInput fit_request(const TemplateTraits& traits, const ChatRequest& request);

}  // namespace banyan
