#include "chat/prompt/template_variables.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

namespace banyan {
namespace {

std::string local_time(const char* format, std::chrono::system_clock::time_point now) {
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  std::tm local = {};
  localtime_r(&time, &local);
  std::array<char, 64> text = {};
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

// The effort, or the nearest that the template takes, more rather than less.
std::string taken_effort(const std::vector<std::string>& refused, const std::string& effort) {
  const auto is_refused = [&](const std::string& one) { return std::ranges::contains(refused, one); };
  const auto asked = std::ranges::find(kEfforts, effort) - kEfforts.begin();
  if (!is_refused(effort)) return effort;
  constexpr auto kCount = static_cast<std::ptrdiff_t>(kEfforts.size());
  for (std::ptrdiff_t distance = 1; distance < kCount; ++distance) {
    for (const std::ptrdiff_t index : {asked + distance, asked - distance}) {
      if (index < 0 || index >= kCount) continue;
      const std::string near = kEfforts[static_cast<std::size_t>(index)];
      if (!is_refused(near)) return near;
    }
  }
  return effort;
}

std::string functions_text(const std::vector<Tool>& tools) {
  Json functions = Json::array();
  for (const Tool& tool : tools) {
    functions.push_back(
        {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}});
  }
  return functions.dump(4, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Json template_variables(const TemplateTraits& traits, const ChatRequest& request,
                        std::chrono::system_clock::time_point now) {
  const ReasoningOptions& reasoning = request.reasoning;
  Json variables = {{"enable_thinking", reasoning.enabled.value_or(true)},
                    {"date_string", local_time("%d %b %Y", now)},
                    {"datetime", local_time("%b %d %Y", now)}};
  if (reasoning.enabled) variables["thinking"] = *reasoning.enabled;  // as some templates call it
  if (!reasoning.effort.empty())
    variables["reasoning_effort"] = taken_effort(traits.refused_efforts, reasoning.effort);
  if (traits.functions_text) variables["functions"] = functions_text(request.tools);
  if (request.variables.is_object()) {
    for (const auto& [name, value] : request.variables.items()) variables[name] = value;
  }
  return variables;
}

}  // namespace banyan
