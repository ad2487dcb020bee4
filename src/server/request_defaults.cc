#include "server/request_defaults.h"

#include <utility>

namespace banyan {

void fill_in(ChatRequest& chat, const RequestDefaults& defaults) {
  ReasoningOptions& reasoning = chat.reasoning;
  if (!reasoning.enabled) reasoning.enabled = defaults.reasoning.enabled;
  if (reasoning.effort.empty()) reasoning.effort = defaults.reasoning.effort;
  if (reasoning.budget < 0) reasoning.budget = defaults.reasoning.budget;
  // A model that can be told so does not even begin to think.
  if (reasoning.budget == 0) reasoning.enabled = false;
  chat.tools_first = chat.tools_first || defaults.tools_first;
  if (defaults.template_variables.empty()) return;
  Json variables = defaults.template_variables;
  if (chat.variables.is_object()) variables.update(chat.variables);
  chat.variables = std::move(variables);
}

}  // namespace banyan
