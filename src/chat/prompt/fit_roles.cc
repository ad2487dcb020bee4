#include "chat/prompt/fit_roles.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "chat/prompt/message_text.h"

namespace banyan {
namespace {

// Adds a message behind another of an assistant.
void join_assistants(Message& message, Message more) {
  add_text(message, kBetween, std::move(more.content));
  if (!message.reasoning.empty() && !more.reasoning.empty()) message.reasoning += kBetween;
  message.reasoning += more.reasoning;
  std::ranges::move(more.calls, std::back_inserter(message.calls));
}

// Whether a message becomes part of the one before.
bool joins(const TemplateTraits& traits, const Message& before, const Message& message) {
  if (message.role == Role::user) {
    return (before.role == Role::user && !traits.users_in_row) ||
           (before.role == Role::tool && !traits.user_after_result);
  }
  return message.role == Role::assistant && before.role == Role::assistant && !traits.assistants_in_row;
}

}  // namespace

void fit_systems(const TemplateTraits& traits, std::vector<Message>& messages) {
  const auto is_system = [](const Message& message) { return message.role == Role::system; };
  auto behind = std::ranges::find_if_not(messages, is_system);
  if (behind - messages.begin() > 1 && (!traits.several_systems || !traits.system_role)) {
    for (auto more = messages.begin() + 1; more != behind; ++more) {
      add_text(messages.front(), kBetween, std::move(more->content));
    }
    behind = messages.erase(messages.begin() + 1, behind);
  }
  if (!traits.system_role || !traits.systems_anywhere) {
    for (Message& message : std::ranges::subrange(behind, messages.end())) {
      if (is_system(message)) message.role = Role::user;
    }
  }
  if (traits.system_role || behind == messages.begin()) return;
  messages.front().role = Role::user;
  if (behind == messages.end() || behind->role != Role::user) return;
  add_text(messages.front(), kBetween, std::move(behind->content));
  messages.front().name = std::move(behind->name);
  messages.erase(behind);
}

void fit_rows(const TemplateTraits& traits, std::vector<Message>& messages) {
  std::vector<Message> fitted;
  for (Message& message : messages) {
    if (fitted.empty() || !joins(traits, fitted.back(), message)) {
      fitted.push_back(std::move(message));
    } else if (message.role == Role::user) {
      add_text(fitted.back(), kBetween, std::move(message.content));
    } else {
      join_assistants(fitted.back(), std::move(message));
    }
  }
  messages = std::move(fitted);
}

}  // namespace banyan
