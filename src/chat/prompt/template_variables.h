/// What a template may ask for besides messages and tools.
#pragma once

#include <array>
#include <chrono>

#include "banyan/chat_request.h"
#include "chat/prompt/template_traits.h"

namespace banyan {

/// How hard a model is asked to think, from the least on. Templates may know others.
inline constexpr std::array kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

/// As llama-server gives them: enable_thinking, date_string, datetime; and reasoning_effort where one is
/// asked for, thinking where it was said whether, functions where the tools are read there, and the request's
/// own.
Json template_variables(const TemplateTraits& traits, const ChatRequest& request,
                        std::chrono::system_clock::time_point now);

}  // namespace banyan
