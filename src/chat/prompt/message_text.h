/// The text of a message's parts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

/// Between texts that become one message.
inline constexpr const char* kBetween = "\n\n";

std::string joined_text(const std::vector<TextPart>& parts);

/// Adds parts to a message, with `between` before them where the message has text.
void add_text(Message& message, std::string_view between, std::vector<TextPart> parts);

}  // namespace banyan
