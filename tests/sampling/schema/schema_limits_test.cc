// Schemas that are refused: what no grammar keeps, what no schema may say, and what would take too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <format>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sampling/schema/schema_grammar.h"

namespace banyan {
namespace {

using nlohmann::ordered_json;

std::string refusal(const ordered_json& schema, const SchemaOptions& options = {}) {
  const auto text = schema_grammar(schema, options);
  if (text) return "not refused: " + text->substr(0, 1000);
  EXPECT_EQ(text.error().code, Errc::invalid_argument);
  return text.error().message;
}
std::string refusal(const char* schema, const SchemaOptions& options = {}) {
  return refusal(ordered_json::parse(schema), options);
}

TEST(SchemaLimits, WhatCannotBeKeptIsRefusedByItsPath) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"properties": {"age": {"type": "integer", "multipleOf": 123457}}})", "properties/age/multipleOf"},
      {R"({"properties": {"a": {"not": {"format": "email"}}}})", "properties/a/not/format"},
      {R"({"not": {"additionalProperties": false}})", "not/additionalProperties"},
      {R"({"items": {"uniqueItems": true, "type": "array"}})", "items/uniqueItems"},
      {R"({"if": {"uniqueItems": true}, "then": {"minItems": 1}})", "if/uniqueItems"},
      {R"({"contains": {"const": 1}, "maxContains": 100, "maxItems": 1000})", "contains"},
      {R"({"unevaluatedProperties": false, "anyOf": [{}, {}, {}, {}, {}, {}]})", "anyOf"},
      {R"~({"pattern": "(?=a)"})~", "pattern"},
      {R"({"pattern": "(a)\\1"})", "pattern"},
      {R"({"pattern": "\\bword"})", "pattern"},
      {R"({"pattern": "("})", "pattern"},
      {R"({"pattern": "(a|b)*a(a|b){20}"})", "pattern"},
      {R"({"format": "regex"})", "format"},
      {R"({"type": "array", "oneOf": [{"uniqueItems": true}, {}]})", "the schema's oneOf"},
      {R"({"type": "object", "minProperties": 2})", "minProperties"},
      {R"({"type": "number", "minimum": 1e-60})", "minimum"},
  };
  for (const auto& [schema, path] : cases) {
    EXPECT_THAT(refusal(schema), testing::HasSubstr(path)) << schema;
    SchemaOptions lenient;
    lenient.is_strict = false;
    EXPECT_TRUE(schema_grammar(ordered_json::parse(schema), lenient)) << schema;
  }
}

TEST(SchemaLimits, WhatNoSchemaMaySayIsAlwaysRefused) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"5", "must be an object"},
      {R"({"type": "text"})", "type must be"},
      {R"({"properties": {"a": {"type": 5}}})", "properties/a/type"},
      {R"({"properties": []})", "properties must be"},
      {R"({"properties": {"a": 1}})", "properties/a must be a schema"},
      {R"({"required": "a"})", "required must be"},
      {R"({"enum": 1})", "enum must be"},
      {R"({"items": 1})", "items must be"},
      {R"({"minItems": -1})", "minItems must be"},
      {R"({"maxLength": 1.5})", "maxLength must be"},
      {R"({"minimum": "1"})", "minimum must be"},
      {R"({"multipleOf": 0})", "multipleOf must be"},
      {R"({"pattern": 1})", "pattern must be"},
      {R"({"anyOf": []})", "anyOf must be"},
      {R"({"anyOf": {}})", "anyOf must be"},
      {R"({"allOf": [1]})", "allOf/0 must be"},
      {R"({"$ref": "#/nowhere"})", "$ref refers to nothing"},
      {R"({"$ref": "https://example.com/schema"})", "$ref must refer to a part"},
      {R"({"$ref": 1})", "$ref must be"},
      {R"({"additionalProperties": 1})", "additionalProperties must be"},
      {R"({"not": 1})", "not must be"},
      {R"({"if": true, "then": 1})", "then must be"},
      {R"({"contains": 1})", "contains must be"},
      {R"({"dependentRequired": {"a": {"$ref": "#"}}})", "dependentRequired/a must be"},
      {R"({"not": {"dependentRequired": {"a": {"$ref": "#"}}}})", "dependentRequired/a must be"},
      {R"({"dependentSchemas": {"a": ["b"]}})", "dependentSchemas/a must be"},
      {R"({"unevaluatedItems": 1})", "unevaluatedItems must be"},
  };
  for (const bool is_strict : {true, false}) {
    for (const auto& [schema, message] : cases) {
      EXPECT_THAT(refusal(schema, {.is_strict = is_strict}), testing::HasSubstr(message)) << schema;
    }
  }
}

TEST(SchemaLimits, WhatNothingFitsIsRefused) {
  for (const char* schema : {
           "false",
           R"({"enum": []})",
           R"({"type": "string", "enum": [1]})",
           R"({"type": "integer", "minimum": 5, "maximum": 4})",
           R"({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 5})",
           R"({"minItems": 3, "maxItems": 2, "type": "array"})",
           R"({"minLength": 3, "maxLength": 2, "type": "string"})",
           R"({"allOf": [{"type": "string"}, {"type": "integer"}]})",
           R"({"type": "object", "properties": {"a": false}, "required": ["a"]})",
           R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})",
           R"({"type": "array", "items": {"$ref": "#"}, "minItems": 1})",
           R"({"pattern": "a^", "type": "string"})",
       }) {
    EXPECT_THAT(refusal(schema), testing::HasSubstr("no value fits")) << schema;
  }
}

TEST(SchemaLimits, RecursionThatReadsNothingIsRefused) {
  for (
      const char* schema : {
          R"({"$ref": "#"})",
          R"({"anyOf": [{"type": "integer"}, {"$ref": "#"}]})",
          R"({"allOf": [{"$ref": "#"}]})",
          R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"oneOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"})",
          R"({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/a"}}})",
          R"({"not": {"$ref": "#"}})",
          R"({"if": {"type": "object"}, "then": {"$ref": "#"}})",
          R"({"dependentSchemas": {"a": {"allOf": [{"$ref": "#"}]}}})",
      }) {
    EXPECT_THAT(refusal(schema), testing::HasSubstr("refers to itself without end")) << schema;
  }
}

TEST(SchemaLimits, ConditionsThatMultiplyAreRefused) {
  const auto property = [](int i, ordered_json schema) {
    return ordered_json{{"properties", {{"p" + std::to_string(i), std::move(schema)}}}};
  };
  ordered_json conditions, overlapping, negated, unevaluated, counted;
  for (int i = 0; i < 25; ++i) {
    conditions["allOf"].push_back({{"if", property(i, {{"const", 1}})}, {"then", {{"minProperties", 1}}}});
    overlapping["oneOf"].push_back(
        {{"minLength", i}, {"maximum", i}, {"maxItems", i}, {"required", {"a" + std::to_string(i)}}});
    const ordered_json next{{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
    const std::string name = "d" + std::to_string(i);
    negated["$defs"][name] = {{"not", {{"oneOf", {next, property(i, next), property(i, {{"const", i}})}}}}};
    unevaluated["$defs"][name] = {{"anyOf", {next, property(i, next), {{"$ref", "#/$defs/d25"}}}},
                                  {"unevaluatedProperties", property(i, next)}};
    counted["allOf"].push_back({{"contains", {{"const", i}}}, {"maxContains", 1}});
  }
  negated["$defs"]["d15"] = unevaluated["$defs"]["d25"] = {{"properties", {{"x", {{"minimum", 1}}}}}};
  negated["$ref"] = unevaluated["$ref"] = "#/$defs/d0";
  for (const ordered_json& schema : {conditions, overlapping, negated, unevaluated, counted}) {
    for (const bool to_the_letter : {true, false}) {
      EXPECT_THAT(refusal(schema, {.to_the_letter = to_the_letter}),
                  testing::AnyOf(testing::HasSubstr("alternatives"), testing::HasSubstr("too long"),
                                 testing::HasSubstr("too much")))
          << schema;
    }
  }
}

TEST(SchemaLimits, HostileSchemasAreRefusedByTheirLimit) {
  ordered_json deep{{"type", "integer"}};
  for (int i = 0; i < 5000; ++i) deep = ordered_json{{"items", std::move(deep)}};
  EXPECT_THAT(refusal(deep), testing::HasSubstr("nested deeper than"));

  ordered_json chain;
  for (int i = 0; i < 2000; ++i) {
    chain["$defs"]["d" + std::to_string(i)] = {{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
  }
  chain["$defs"]["d2000"] = true;
  chain["$ref"] = "#/$defs/d0";
  EXPECT_THAT(refusal(chain), testing::HasSubstr("levels within each other"));

  // Each of these is small, and would multiply.
  ordered_json doubling, product, nested;
  for (int i = 0; i < 25; ++i) {
    const ordered_json next{{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
    doubling["$defs"]["d" + std::to_string(i)] = {{"type", "integer"}, {"anyOf", {next, next}}};
    nested["$defs"]["d" + std::to_string(i)] = {{"allOf", {next, next}}};
    product["allOf"].push_back({{"anyOf", {{{"minimum", i}}, {{"maximum", -i}}}}});
  }
  doubling["$defs"]["d25"] = nested["$defs"]["d25"] = {{"type", "integer"}};
  doubling["$ref"] = nested["$ref"] = "#/$defs/d0";
  EXPECT_THAT(refusal(doubling), testing::HasSubstr("alternatives"));
  EXPECT_THAT(refusal(product), testing::HasSubstr("alternatives"));
  EXPECT_TRUE(schema_grammar(nested));

  ordered_json values;
  for (int i = 0; i < 200000; ++i) values["enum"].push_back(i);
  EXPECT_THAT(refusal(values), testing::HasSubstr("more than 131072 values"));
  values = {};
  std::mt19937 random(3);
  for (int i = 0; i < 40000; ++i)
    values["enum"].push_back(std::to_string(random()) + std::to_string(random()));
  EXPECT_THAT(refusal(values), testing::HasSubstr("too large"));

  EXPECT_THAT(refusal(R"({"type": "string", "minLength": 1e12})"), testing::HasSubstr("minLength"));
  EXPECT_THAT(refusal(R"({"type": "array", "minItems": 1e12})"), testing::HasSubstr("minItems"));
  EXPECT_TRUE(schema_grammar(ordered_json::parse(R"({"type": "string", "maxLength": 1e300})")));
  EXPECT_TRUE(schema_grammar(ordered_json::parse(R"({"type": "integer", "maximum": 1e300})")));

  // Schemas that hold together in ever new ways.
  ordered_json growing;
  for (int i = 0; i < 40; ++i) {
    ordered_json any;
    for (int k = 0; k < 40; ++k) any.push_back({{"$ref", "#/$defs/d" + std::to_string((i * k + 1) % 40)}});
    growing["$defs"]["d" + std::to_string(i)] = {
        {"properties", {{"p", {{"allOf", {any[1], any[2]}}}}, {"q", {{"anyOf", any}}}}},
        {"minProperties", i % 3}};
  }
  growing["allOf"] = {{{"$ref", "#/$defs/d0"}}, {{"$ref", "#/$defs/d7"}}, {{"$ref", "#/$defs/d11"}}};
  (void)schema_grammar(growing);

  // Patterns whose automata are large, many times over.
  ordered_json patterns;
  for (int i = 0; i < 3000; ++i) {
    patterns["properties"]["p" + std::to_string(i)] = {{"pattern", std::format("^(a|b)*a(a|b){{10}}{}$", i)},
                                                       {"minLength", i}};
  }
  EXPECT_THAT(refusal(patterns),
              testing::AnyOf(testing::HasSubstr("too large"), testing::HasSubstr("pattern")));

  // Keywords without a meaning, in schemas that are looked at again and again.
  ordered_json idle;
  for (int i = 0; i < 10000; ++i) idle["$defs"]["a"]["idle" + std::to_string(i)] = i;
  idle["$defs"]["a"]["minLength"] = 1;
  ordered_json referring = idle, listing = idle;
  for (int i = 0; i < 3000; ++i) {
    referring["properties"]["p" + std::to_string(i)] = {
        {"allOf", {{{"$ref", "#/$defs/a"}}, {{"minLength", i}}}}};
    listing["enum"].push_back("value " + std::to_string(i));
  }
  listing["$ref"] = "#/$defs/a";
  EXPECT_THAT(refusal(referring), testing::HasSubstr("too long"));
  EXPECT_THAT(refusal(listing), testing::HasSubstr("too long"));

  // Values that are compared with many others.
  ordered_json objects;
  for (int list = 0; list < 2; ++list) {
    ordered_json& listed = objects["allOf"].emplace_back()["enum"];
    for (int i = 0; i < 200; ++i) {
      ordered_json& value = listed.emplace_back();
      for (int k = 0; k < 200; ++k) value["k" + std::to_string(list == 0 ? k : 199 - k)] = 0;
      value["last"] = list == 0 ? i : -1 - i;
    }
  }
  EXPECT_THAT(refusal(objects), testing::HasSubstr("too long"));
}

}  // namespace
}  // namespace banyan
