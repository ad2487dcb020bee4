#include "chat/reply/tool_schema.h"

#include <gtest/gtest.h>

#include <string>

namespace banyan {
namespace {

unsigned types_in(const std::string& property, const std::string& definitions = "{}") {
  const Json parameters =
      Json::parse(R"({"$defs": )" + definitions + R"(, "properties": {"a": )" + property + "}}");
  ToolSchema schema(parameters);
  return schema.types(schema.schemas_of("a"));
}

TEST(ToolSchema, KnowsTheTypesOfValues) {
  EXPECT_EQ(types_in(R"({"type": "string"})"), kTextType);
  EXPECT_EQ(types_in(R"({"type": ["string", "null"]})"), kTextType | kNullType);
  EXPECT_EQ(types_in(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})"), kTextType | kNullType);
  EXPECT_EQ(types_in(R"({"enum": ["a", 1, null]})"), kTextType | kNumberType | kNullType);
  EXPECT_EQ(types_in(R"({"const": true})"), kBooleanType);
  EXPECT_EQ(types_in("{}"), kAnyJsonType);
  EXPECT_EQ(types_in("true"), kAnyJsonType);
  EXPECT_EQ(types_in(R"({"type": "float"})"), kAnyJsonType);
  EXPECT_EQ(types_in(R"({"allOf": [{"type": ["string", "integer"]}, {"type": "string"}]})"), kTextType);
  EXPECT_EQ(types_in(R"({"$ref": "#/$defs/x~1y"})", R"({"x/y": {"type": "array"}})"), kListType);
  EXPECT_EQ(types_in(R"({"$ref": "#/$defs/none"})"), kAnyJsonType);
  EXPECT_EQ(types_in(R"({"$ref": "#/$defs/a"})", R"({"a": {"$ref": "#/$defs/a"}})"), kAnyJsonType);
}

// Would take hours if each level looked at the one below twice.
TEST(ToolSchema, NestedAlternativesTakeNoTime) {
  std::string nested = R"({"type": "string"})";
  for (int i = 0; i < 60; ++i) nested = R"({"anyOf": [)" + nested + "]}";
  EXPECT_EQ(types_in(nested), kTextType);
  std::string doubling = R"({"z0": {"type": "string"})";
  for (int i = 1; i < 60; ++i) {
    const std::string ref = R"({"$ref": "#/$defs/z)" + std::to_string(i - 1) + "\"}";
    doubling += ", \"z" + std::to_string(i) + R"(": {"allOf": [)" + ref + ", " + ref + "]}";
  }
  EXPECT_NE(types_in(R"({"$ref": "#/$defs/z59"})", doubling + "}"), 0u);
}

TEST(ToolSchema, FindsArgumentsBehindReferences) {
  const Json parameters = Json::parse(R"({
    "$ref": "#/$defs/args", "$defs": {"args": {"properties": {"a": {"type": "string"}}, "required": ["a"]}},
    "allOf": [{"properties": {"b": {"enum": ["x", "y"]}, "a": {"minLength": 1}}}]})");
  ToolSchema schema(parameters);
  ASSERT_EQ(schema.arguments().size(), 2u);
  EXPECT_EQ(schema.arguments()[0].name, "a");
  EXPECT_TRUE(schema.arguments()[0].is_required);
  EXPECT_EQ(schema.arguments()[0].schemas.size(), 2u);
  EXPECT_EQ(schema.values(schema.schemas_of("b"))->size(), 2u);
  EXPECT_FALSE(schema.is_open());
  EXPECT_TRUE(ToolSchema(Json::object()).is_open());
  const Json closed = {{"additionalProperties", false}};
  EXPECT_FALSE(ToolSchema(closed).is_open());
}

TEST(ToolSchema, KnowsTheValuesOfOptionalChoices) {
  const Json parameters = Json::parse(R"({
    "$defs": {"color": {"type": "string", "enum": ["red", "blue"]}},
    "properties": {"a": {"anyOf": [{"$ref": "#/$defs/color"}, {"type": "null"}]},
                   "b": {"anyOf": [{"$ref": "#/$defs/color"}, {"type": "string"}]}}})");
  ToolSchema schema(parameters);
  ASSERT_TRUE(schema.values(schema.schemas_of("a")));
  EXPECT_EQ(schema.values(schema.schemas_of("a"))->size(), 3u);
  EXPECT_FALSE(schema.values(schema.schemas_of("b")));
}

}  // namespace
}  // namespace banyan
