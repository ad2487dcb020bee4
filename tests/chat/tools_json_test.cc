// Tools as templates see them.
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;

TEST(ToolsJson, AFunctionWithoutPropertiesHasNone) {
  const std::string source =
      "{% for t in tools or [] %}{{ t.function.name }}{% for k, v in "
      "t.function.parameters.properties.items() %}{{ k }}{% endfor %}"
      "{{ t.function.parameters | tojson }}{% endfor %}"
      "{% for m in messages %}{{ m.role }}{{ m.content }}"
      "{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor "
      "%}{% endfor %}";
  const auto told = [&](const std::string& parameters) {
    ChatRequest request{.messages = {user("a")}};
    request.tools = {{.name = "f", .parameters = Json::parse(parameters)}};
    return prompt(source, request);
  };
  EXPECT_EQ(told(R"({"type": "object"})"), R"(f{"type": "object", "properties": {}}usera)");
  EXPECT_EQ(told("null"), R"(f{"type": "object", "properties": {}}usera)");
  EXPECT_EQ(told(R"({"properties": {"x": {}}})"), R"(fx{"properties": {"x": {}}}usera)");
}

}  // namespace
}  // namespace banyan
