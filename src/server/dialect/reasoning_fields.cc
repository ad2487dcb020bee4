#include "server/dialect/reasoning_fields.h"

#include <algorithm>

#include "chat/prompt/template_variables.h"

namespace banyan {

std::string read_effort(Fields& fields, const char* name) {
  std::string effort = fields.string(name);
  if (effort == "default" || effort == "auto") return "";
  if (effort.empty() || std::ranges::contains(kEfforts, effort)) return effort;
  std::string known;
  for (const char* word : kEfforts) known += std::string(known.empty() ? "" : ", ") + '"' + word + '"';
  fields.wrong(name, "must be one of " + known);
  return "";
}

void think(ReasoningOptions& reasoning, const std::string& effort) {
  if (effort.empty()) return;
  reasoning.enabled = effort != "none";
  reasoning.effort = effort;
}

void read_thinking(Fields& fields, ReasoningOptions& reasoning) {
  fields.required("type");
  const std::string type = fields.string("type");
  if (type != "enabled" && type != "adaptive" && type != "disabled") {
    fields.wrong("type", R"(must be "enabled", "adaptive" or "disabled")");
  }
  reasoning.enabled = type != "disabled";
  reasoning.budget = static_cast<int>(fields.integer("budget_tokens", -1, 0, kMaxInt));
}

}  // namespace banyan
