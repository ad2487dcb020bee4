#include "chat/prompt/message_text.h"

#include <algorithm>
#include <iterator>

namespace banyan {
namespace {

bool has_text(const TextPart& part) { return !part.text.empty(); }

}  // namespace

std::string joined_text(const std::vector<TextPart>& parts) {
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  return text;
}

void add_text(Message& message, std::string_view between, std::vector<TextPart> parts) {
  if (!std::ranges::any_of(parts, has_text)) return;
  if (std::ranges::any_of(message.content, has_text)) message.content.back().text += between;
  std::ranges::move(parts, std::back_inserter(message.content));
}

}  // namespace banyan
