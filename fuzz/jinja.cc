// Any bytes are a template, which is rendered or refused, within small limits.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto context = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "user", "content": "hi ä"},
                 {"role": "assistant", "content": "", "tool_calls": [
                     {"function": {"name": "f", "arguments": {"a": [1, 2.5, null]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "s": "a b", "n": 3, "d": {"k": true}})");
  const auto parsed = banyan::jinja::Template::parse({reinterpret_cast<const char*>(data), size});
  if (parsed) {
    const banyan::jinja::Limits limits{.steps = 20'000, .output_bytes = 1 << 20, .value_bytes = 1 << 22};
    (void)parsed->render(context, limits, {});
  }
  return 0;
}
