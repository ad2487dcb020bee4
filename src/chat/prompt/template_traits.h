/// What a chat template can do, found by rendering examples; and messages rewritten for what it cannot.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace banyan {

struct TemplateTraits {
  bool system_role = false;       ///< else the system's text goes to the user's message
  bool tools = false;             ///< else the tools are described in the system's text
  bool tool_calls = false;        ///< else calls are written into the content, as JSON
  bool tool_responses = false;    ///< else a tool's message becomes the user's, as JSON
  bool object_arguments = false;  ///< wants a call's arguments as an object, not as a string of JSON
  bool typed_content = false;     ///< wants contents as arrays of text parts
  std::string call_example;       ///< how a call is written where tools are not described, or ""
};

/// The prompt for messages and tools, "" if the template fails.
using TryRender = std::function<std::string(const nlohmann::ordered_json& messages,
                                            const nlohmann::ordered_json& tools, bool add_generation_prompt)>;

TemplateTraits find_traits(const TryRender& render, const std::string& eos_text);

/// Templates recurse into values, and so do copies and the destruction of JSON; clients must not choose how
/// deep.
inline constexpr int kMaxJsonDepth = 64;
bool deeper_than(const nlohmann::ordered_json& value, int depth);

/// `messages` as a template with these traits takes them.
nlohmann::ordered_json fit_messages(const TemplateTraits& traits, const nlohmann::ordered_json& messages,
                                    const nlohmann::ordered_json& tools);

}  // namespace banyan
