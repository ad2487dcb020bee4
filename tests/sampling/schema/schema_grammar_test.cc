#include "sampling/schema/schema_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <format>

#include "sampling/schema/sampled_texts.h"

namespace banyan {
namespace {

using nlohmann::ordered_json;
using test::compiled;
using test::fits;

struct Case {
  const char* schema;
  std::vector<const char*> fitting;
  std::vector<const char*> others;
};

std::shared_ptr<const Grammar> grammar_of(std::string_view schema, const SchemaOptions& options = {}) {
  const auto text = schema_grammar(ordered_json::parse(schema), options);
  if (!text) throw std::runtime_error(std::format("{}: {}", schema, text.error().message));
  return compiled(*text);
}

void expect(const std::vector<Case>& cases, const SchemaOptions& options = {}) {
  for (const Case& c : cases) {
    const auto grammar = grammar_of(c.schema, options);
    for (const char* text : c.fitting) EXPECT_TRUE(fits(grammar, text)) << c.schema << "\n" << text;
    for (const char* text : c.others) EXPECT_FALSE(fits(grammar, text)) << c.schema << "\n" << text;
    std::mt19937 random(1);
    const test::TextSampler sampler(*grammar);
    for (int i = 0; i < 100; ++i) {
      const std::string text = sampler.text(random);
      EXPECT_TRUE(ordered_json::accept(text)) << c.schema << "\n" << text;
      EXPECT_TRUE(fits(grammar, text)) << c.schema << "\n" << text;
    }
  }
}

TEST(SchemaGrammar, AnyValueFitsASchemaThatSaysNothing) {
  const std::vector<const char*> values{
      "1",    "-2.5e3", "\"a\"", "\"\\u00e9\\n\"", "true",
      "null", "[]",     "{}",    "[1,2]",          "{\"a\": [1, {\"b\": null}]}"};
  const std::vector<const char*> others{"", "01", "[1,]", "{a:1}", "\"\\ud800\"", "\"\x01\"", "1e999", "nul"};
  expect({{"true", values, others},
          {"{}", values, others},
          {R"({"title": "T", "description": "D", "default": 1, "examples": [2], "$comment": "c", "$id": "x",
               "$schema": "https://json-schema.org/draft/2020-12/schema", "deprecated": true})",
           values, others}});
}

TEST(SchemaGrammar, TypesAndListsOfThem) {
  expect({{R"({"type": "null"})", {"null"}, {"0", "\"null\"", "{}"}},
          {R"({"type": "boolean"})", {"true", "false"}, {"1", "\"true\""}},
          {R"({"type": "integer"})",
           {"0", "-1", "1234567890123456789", "-9223372036854775808", "18446744073709551615"},
           {"1.5", "01", "1e3", "123456789012345678901"}},
          {R"({"type": "number"})", {"0", "-1.25", "1e10", "2.5E-7"}, {"1.", ".5", "+1", "NaN"}},
          {R"({"type": "string"})",
           {"\"\"", "\"a \\\" b\"", "\"\U0001F333\"", "\"\\ud83c\\udf33\""},
           {"a", "\"\n\"", "\"\\x\"", "\"\\ud83c\""}},
          {R"({"type": "array"})", {"[]", "[1, \"a\", []]", "[\n  1,\n  2\n]"}, {"[", "[1 2]", "{}"}},
          {R"({"type": "object"})", {"{}", "{\"a\": 1, \"b\": {}}"}, {"{\"a\"}", "[]"}},
          {R"({"type": ["string", "null"]})", {"\"a\"", "null"}, {"1", "{}"}},
          {R"({"type": ["integer", "number"]})", {"1", "1.5"}, {"\"1\""}},
          {R"({"type": "string", "nullable": true})", {"\"a\"", "null"}, {"1"}}});
}

TEST(SchemaGrammar, ValuesOfEnumAndConst) {
  expect({{R"({"enum": ["a", 1, null, [1, 2], {"b": true}]})",
           {"\"a\"", "1", "null", "[1,2]", "{\"b\":true}"},
           {"\"b\"", "2", "[1]"}},
          {R"({"const": "x \" \\ \u0001 é"})", {"\"x \\\" \\\\ \\u0001 é\""}, {"\"x\""}},
          {R"({"const": 2.0})", {"2"}, {"2.5"}},
          {R"({"type": "string", "enum": [1, "a", "b"]})", {"\"a\"", "\"b\""}, {"1"}},
          {R"({"enum": [1, 5, 10], "minimum": 5})", {"5", "10"}, {"1"}},
          {R"({"enum": ["ab", "abc"], "minLength": 3})", {"\"abc\""}, {"\"ab\""}},
          {R"({"enum": ["ab", "x"], "pattern": "^a"})", {"\"ab\""}, {"\"x\""}},
          {R"({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]})", {"2", "3"}, {"1", "4"}},
          {R"({"enum": [{"a": 1}, {"a": "x"}], "properties": {"a": {"type": "string"}}})",
           {"{\"a\":\"x\"}"},
           {"{\"a\":1}"}}});
}

TEST(SchemaGrammar, PropertiesComeInTheSchemasOrder) {
  expect({{R"({"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}},
               "required": ["b", "a"]})",
           {R"({"b":1,"a":"x"})", R"({"b": 1, "a": "x"})", "{\n  \"b\": 1,\n  \"a\": \"x\"\n}"},
           {R"({"a":"x","b":1})", R"({"b":1})", "{}", R"({"b":1,"a":"x","c":1})", R"({"b":1,"a":"x",})",
            R"({  "b":1,"a":"x"})"}},
          {R"({"properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}})",
           {"{}", R"({"a":null})", R"({"b":null})", R"({"c":null})", R"({"a":null,"c":null})",
            R"({"b":null,"c":null})", R"({"a":null,"b":null,"c":null})", "{\n}"},
           {R"({"b":null,"a":null})", R"({,"a":null})", R"({"a":null "b":null})", R"({"a":1})", "5"}},
          {R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}},
               "required": ["b"]})",
           {R"({"b":2})", R"({"a":1,"b":2})", R"({"b":2,"c":3})", R"({"a":1,"b":2,"c":3})"},
           {"{}", R"({"a":1})", R"({"a":1,"c":3})", R"({"c":3})"}},
          {R"({"type": "object", "properties": {"a\"\\é": {"const": 1}}, "required": ["a\"\\é"]})",
           {R"({"a\"\\é":1})"},
           {R"({"a":1})"}},
          {R"({"type": "object", "required": ["a"]})",
           {R"({"a":[]})", R"({"a":1,"b":2})"},
           {"{}", R"({"b":1})"}},
          {R"({"properties": {"a": false, "b": {"const": 1}}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}}});
}

TEST(SchemaGrammar, OtherProperties) {
  expect(
      {{R"({"properties": {"a": {"const": 1}}, "additionalProperties": false})",
        {"{}", R"({"a":1})"},
        {R"({"b":1})", R"({"a":1,"b":1})"}},
       {R"({"properties": {"a": {"const": 1}}, "additionalProperties": {"type": "string"}})",
        {"{}", R"({"a":1})", R"({"b":"x"})", R"({"a":1,"b":"x","ab":"y","":"z"})"},
        {R"({"a":"x"})", R"({"b":1})", R"({"b":"x","a":1})"}},
       {R"({"properties": {"a": {"const": 1}}, "additionalProperties": true, "required": ["a"]})",
        {R"({"a":1})", R"({"a":1,"b":[]})"},
        {"{}", R"({"b":1})", R"({"a":1,"a":2})"}},
       {R"({"type": "object", "additionalProperties": {"type": "integer"}})",
        {"{}", R"({"x":1, "y":2})"},
        {R"({"x":"1"})"}},
       {R"({"type": "object", "additionalProperties": false})", {"{}", "{ }"}, {R"({"x":"1"})"}},
       {R"({"patternProperties": {"^n_": {"type": "integer"}, "^s_": {"type": "string"}}})",
        {"{}", R"({"n_a":1})", R"({"s_a":"x","n_b":2,"s_":"y"})"},
        {R"({"n_a":"x"})", R"({"s_a":1})", R"({"x":1})"}},
       {R"({"patternProperties": {"a": {"minimum": 3}, "b": {"maximum": 5}}, "additionalProperties": true})",
        {R"({"ab":4,"a":9,"b":1,"c":[]})"},
        {R"({"ab":9})", R"({"ab":1})", R"({"a":1})"}},
       {R"({"properties": {"n_x": {"minimum": 5}}, "patternProperties": {"^n_": {"type": "integer"}},
               "additionalProperties": false, "required": ["n_x"]})",
        {R"({"n_x":7})", R"({"n_x":7,"n_y":1})"},
        {R"({"n_x":7.5})", R"({"n_x":1})", R"({"x":1})"}},
       {R"({"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}})",
        {"{}", R"({"a":1})", R"({"b":1,"a":2})"},
        {R"({"c":1})", R"({"a":"x"})"}},
       {R"({"propertyNames": {"anyOf": [{"maxLength": 2}, {"pattern": "^x"}]}})",
        {R"({"ab":1,"xyz":2})"},
        {R"({"abc":1})"}},
       {R"({"properties": {"a": {}, "ab": {}}, "propertyNames": {"minLength": 2}})",
        {R"({"ab":1})"},
        {R"({"a":1})"}},
       {R"({"type": "object", "minProperties": 1})", {R"({"a":1})", R"({"a":1,"b":2})"}, {"{}"}},
       {R"({"type": "object", "maxProperties": 1})", {"{}", R"({"a":1})"}, {R"({"a":1,"b":2})"}},
       {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}}, "minProperties": 2,
               "maxProperties": 2})",
        {R"({"a":1,"b":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})"},
        {"{}", R"({"a":1})", R"({"c":1})", R"({"a":1,"b":1,"c":1})"}}});
  SchemaOptions to_the_letter;
  to_the_letter.to_the_letter = true;
  expect({{R"({"properties": {"a": {"const": 1}}, "type": "object"})",
           {R"({"a":1,"b":2})", R"({"b":2})"},
           {R"({"a":2})"}},
          {R"({"properties": {"a": {"const": 1}}})", {"5", "null", R"({"a":1})"}, {R"({"a":2})"}},
          {R"({"prefixItems": [{"const": 1}], "type": "array"})", {"[]", "[1]", "[1,2]"}, {"[2]"}}},
         to_the_letter);
}

TEST(SchemaGrammar, Arrays) {
  expect(
      {{R"({"type": "array", "items": {"type": "integer"}})", {"[]", "[1]", "[1, 2,3]"}, {"[\"a\"]", "[1,]"}},
       {R"({"items": {"const": 1}, "minItems": 2})", {"[1,1]", "[1,1,1]"}, {"[]", "[1]"}},
       {R"({"items": {"const": 1}, "maxItems": 2})", {"[]", "[1]", "[1,1]"}, {"[1,1,1]"}},
       {R"({"items": {"const": 1}, "minItems": 1, "maxItems": 1})", {"[1]"}, {"[]", "[1,1]"}},
       {R"({"type": "array", "maxItems": 0})", {"[]"}, {"[1]"}},
       {R"({"prefixItems": [{"const": 1}, {"const": 2}]})", {"[1,2]"}, {"[]", "[1]", "[1,2,3]", "[2,1]"}},
       {R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}, "minItems": 1})",
        {"[1]", "[1,2]", "[1,2,3]", "[1, 2, 3, 3]"},
        {"[]", "[2]", "[1,3]"}},
       {R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": false, "minItems": 0})",
        {"[]", "[1]", "[1,2]"},
        {"[1,2,3]"}},
       {R"({"items": [{"const": 1}, {"const": 2}], "additionalItems": false})", {"[1,2]"}, {"[1,2,3]"}},
       {R"({"items": {"const": 1}, "minItems": 1000, "maxItems": 100000})", {}, {"[1]"}}});
}

TEST(SchemaGrammar, LimitsOfIntegers) {
  const auto grammar = [](std::optional<int> least, std::optional<int> most, bool exclusive) {
    ordered_json schema{{"type", "integer"}};
    if (least) schema[exclusive ? "exclusiveMinimum" : "minimum"] = *least;
    if (most) schema[exclusive ? "exclusiveMaximum" : "maximum"] = *most;
    return compiled(schema_grammar(schema).value());
  };
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const int size = round % 3 == 0 ? 20 : round % 3 == 1 ? 300 : 5000;
    const auto pick = [&]() -> std::optional<int> {
      if (random() % 5 == 0) return std::nullopt;
      return static_cast<int>(random() % (2 * size)) - size;
    };
    const auto least = pick(), most = pick();
    const bool exclusive = random() % 2 == 0;
    if (least && most && *least + exclusive * 2 > *most) continue;
    const auto numbers = grammar(least, most, exclusive);
    for (int i = 0; i < 200; ++i) {
      int n = static_cast<int>(random() % (3 * size)) - 3 * size / 2;
      if (i < 6 && least) n = *least - 3 + i;
      if (i >= 6 && i < 12 && most) n = *most - 9 + i;
      const bool expected = (!least || n >= *least + exclusive) && (!most || n <= *most - exclusive);
      EXPECT_EQ(fits(numbers, std::to_string(n)), expected)
          << n << " in " << least.value_or(-99999) << ", " << most.value_or(99999) << " " << exclusive;
    }
  }
}

TEST(SchemaGrammar, LimitsOfDecimals) {
  expect(
      {{R"({"type": "number", "minimum": 0})", {"0", "0.5", "0.0", "10", "123.25"}, {"-1", "-0.5", "00"}},
       {R"({"type": "number", "exclusiveMinimum": 0})", {"0.5", "0.001", "10"}, {"0", "0.0", "0.000", "-1"}},
       {R"({"type": "number", "minimum": -1.5, "maximum": 2.25})",
        {"-1.5", "-1.49", "-1", "-0.1", "0", "2", "2.2", "2.25", "2.250", "2.249999"},
        {"-1.51", "-2", "2.26", "2.2500001", "3", "10", "-10"}},
       {R"({"type": "number", "exclusiveMinimum": -1.5, "exclusiveMaximum": 2.25})",
        {"-1.49", "2.2499"},
        {"-1.5", "-1.50", "2.25", "2.250"}},
       {R"({"type": "number", "maximum": -0.05})",
        {"-0.05", "-0.051", "-1", "-100"},
        {"0", "-0.04", "-0", "1"}},
       {R"({"type": "integer", "minimum": 1})", {"1234567890123456789"}, {"0"}},
       {R"({"type": "integer", "maximum": 9223372036854775807})",
        {"9223372036854775807"},
        {"9223372036854775808"}},
       {R"({"type": "integer", "minimum": 0, "maximum": 1000000000000000000000000})",
        {"1000000000000000000000000"},
        {"1000000000000000000000001"}},
       {R"({"type": "integer", "minimum": 0.5, "maximum": 3.5})", {"1", "2", "3"}, {"0", "4"}},
       {R"({"type": "number", "minimum": 1e3, "maximum": 1e3})", {"1000", "1000.00"}, {"999.9", "1000.1"}},
       {R"({"type": "number", "minimum": 10, "exclusiveMinimum": true})", {"10.1"}, {"10"}},
       {R"({"minimum": 5, "maximum": 300, "type": ["integer", "string"]})",
        {"5", "300", "\"\""},
        {"4", "301", "5.5"}}});
}

TEST(SchemaGrammar, Multiples) {
  expect(
      {{R"({"type": "integer", "multipleOf": 7})", {"0", "7", "-14", "700", "7000007"}, {"1", "15", "-6"}},
       {R"({"type": "integer", "multipleOf": 100})", {"0", "100", "-1200"}, {"10", "101"}},
       {R"({"type": "integer", "multipleOf": 250, "minimum": 500, "maximum": 1000})",
        {"500", "750", "1000"},
        {"250", "600", "1250"}},
       {R"({"type": "number", "multipleOf": 0.01})", {"0", "1.25", "3", "0.1", "19.99"}, {"0.001", "1.255"}},
       {R"({"type": "number", "multipleOf": 0.25})",
        {"0.25", "1.5", "2", "1.75", "1.50"},
        {"0.3", "1.1", "0.26"}},
       {R"({"type": "number", "multipleOf": 1.5})", {"1.5", "3", "4.5", "3.0"}, {"1", "2", "1.6"}},
       {R"({"type": "integer", "multipleOf": 0.5})", {"1", "2"}, {"1.5"}},
       {R"({"type": "number", "multipleOf": 1})", {"1", "20"}, {"1.5", "0.1"}},
       {R"({"allOf": [{"multipleOf": 2}, {"multipleOf": 3}], "type": "integer"})",
        {"6", "12"},
        {"2", "3", "4"}}});
}

TEST(SchemaGrammar, LengthsOfStrings) {
  expect(
      {{R"({"type": "string", "minLength": 2})", {"\"ab\"", "\"abc\"", "\"\\n\\u00e9\""}, {"\"\"", "\"a\""}},
       {R"({"type": "string", "maxLength": 2})",
        {"\"\"", "\"ab\"", "\"\U0001F333\u00e9\"", "\"\\ud83c\\udf33a\""},
        {"\"abc\""}},
       {R"({"minLength": 3, "maxLength": 3})", {"\"abc\""}, {"\"ab\"", "\"abcd\""}}});
  const auto grammar = grammar_of(R"({"type": "string", "minLength": 700, "maxLength": 100000})");
  EXPECT_FALSE(fits(grammar, '"' + std::string(699, 'a') + '"'));
  for (const std::size_t n : {700, 701, 1000, 99999, 100000}) {
    EXPECT_TRUE(fits(grammar, '"' + std::string(n, 'a') + '"')) << n;
  }
  EXPECT_FALSE(fits(grammar, '"' + std::string(100001, 'a') + '"'));
}

TEST(SchemaGrammar, Patterns) {
  expect({{R"({"type": "string", "pattern": "^[a-c]{2,3}$"})",
           {"\"ab\"", "\"abc\""},
           {"\"a\"", "\"abca\"", "\"abd\""}},
          {R"({"pattern": "b+"})", {"\"b\"", "\"abba\""}, {"\"\"", "\"a\""}},
          {R"({"pattern": "^(foo|bar)?-\\d\\w\\s$"})",
           {"\"foo-1_ \"", "\"-9a\\t\""},
           {"\"foo1_ \"", "\"baz-1a \""}},
          {R"({"pattern": "^\\D\\W\\S$"})", {"\"a-b\""}, {"\"1-b\"", "\"aab\"", "\"a- \""}},
          {R"~({"pattern": "^(a|b$)"})~", {"\"a\"", "\"ac\"", "\"b\""}, {"\"bc\"", "\"ca\""}},
          {R"({"pattern": "^$"})", {"\"\""}, {"\"a\""}},
          {R"({"pattern": "^[^\"\\\\]+\\\"$"})", {"\"ab\\\"\""}, {"\"\\\"\""}},
          {R"({"pattern": "^\\u00e9\\x41\\u{1F333}\\cA\\/$"})", {"\"éA\U0001F333\\u0001/\""}, {"\"e\""}},
          {R"({"pattern": "^.{3}$"})", {"\"abc\"", "\"é\\\"\U0001F333\""}, {"\"ab\"", "\"a\\nb\""}},
          {R"({"pattern": "^(?:ab)*?c{2,}$"})", {"\"cc\"", "\"ababccc\""}, {"\"c\"", "\"acc\""}},
          {R"({"pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4})",
           {"\"ab\"", "\"abcd\""},
           {"\"a\"", "\"abcde\""}},
          {R"({"allOf": [{"pattern": "^a"}, {"pattern": "b$"}]})", {"\"ab\"", "\"axb\""}, {"\"a\"", "\"b\""}},
          {R"({"pattern": "^([]|a)[^]?$"})", {"\"a\"", "\"ab\""}, {"\"b\"", "\"abc\""}}});
}

TEST(SchemaGrammar, Formats) {
  expect(
      {{R"({"type": "string", "format": "date"})",
        {"\"2026-11-29\""},
        {"\"2026-13-01\"", "\"2026-02-30\"", "\"x\""}},
       {R"({"format": "time"})", {"\"23:59:59Z\"", "\"00:00:00.123+01:00\""}, {"\"24:00:00Z\"", "\"12:00\""}},
       {R"({"format": "date"})",
        {"\"2024-02-29\"", "\"2000-02-29\"", "\"0004-02-29\""},
        {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-02-30\""}},
       {R"({"format": "date-time"})",
        {"\"2024-02-29T07:00:05Z\"", "\"2026-11-29T07:00:05Z\""},
        {"\"2026-11-29\""}},
       {R"({"format": "uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\""}},
       {R"({"format": "email"})", {"\"a.b+c@example.co.uk\""}, {"\"a@\"", "\"@b.c\"", "\"a b@c.d\""}},
       {R"({"format": "uri"})",
        {"\"https://example.com/a/b?c=d#e\"", "\"mailto:a@b.c\"", "\"http://u@h.x:80/%20\""},
        {"\"example.com\"", "\"http://a b\""}},
       {R"({"format": "ipv4"})",
        {"\"192.168.0.1\"", "\"255.255.255.255\""},
        {"\"256.1.1.1\"", "\"1.2.3\"", "\"01.2.3.4\""}},
       {R"({"format": "ipv6"})",
        {"\"::1\"", "\"2001:db8::8a2e:370:7334\"", "\"1:2:3:4:5:6:7:8\"", "\"::\""},
        {"\"1:2\"", "\":::\"", "\"1::2::3\""}},
       {R"({"type": "integer", "format": "int32"})", {"1"}, {"\"1\""}}});
}

TEST(SchemaGrammar, AlternativesAndWhatHoldsBesides) {
  expect(
      {{R"({"anyOf": [{"type": "integer"}, {"type": "null"}]})", {"1", "null"}, {"\"a\""}},
       {R"({"type": ["integer", "string"], "anyOf": [{"minimum": 5, "type": "number"}, {"type": "string"}]})",
        {"5", "\"a\""},
        {"4", "5.5"}},
       {R"({"oneOf": [{"type": "integer"}, {"type": "string"}]})", {"1", "\"\""}, {"null"}},
       {R"({"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}, "x": {"type": "integer"}}, "required": ["k", "x"]},
                         {"type": "object", "properties": {"k": {"const": "b"}, "y": {"type": "string"}}, "required": ["k", "y"]}]})",
        {R"({"k":"a","x":1})", R"({"k":"b","y":"1"})"},
        {R"({"k":"a","y":"1"})", R"({"k":"b","x":1})"}},
       {R"({"oneOf": [{"maximum": 3}, {"exclusiveMinimum": 3}], "type": "integer"})", {"3", "4"}, {"3.5"}},
       {R"({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {"const": 2}}}]})",
        {R"({"a":1})", R"({"a":1,"b":2})"},
        {R"({"b":2})"}},
       {R"({"allOf": [{"minimum": 2}, {"maximum": 4}], "type": "integer"})", {"2", "4"}, {"1", "5"}},
       {R"({"allOf": [{"properties": {"a": {"minimum": 2}}}, {"properties": {"a": {"maximum": 4}}}], "required": ["a"]})",
        {R"({"a":3})"},
        {R"({"a":1})", R"({"a":5})"}},
       {R"({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
        {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
        {"{}"}}});
}

TEST(SchemaGrammar, WhatMustNotHold) {
  expect(
      {{R"({"not": {"type": "integer"}})", {"1.5", "\"a\"", "null", "{}"}, {"1", "1.0", "-20"}},
       {R"({"not": {"type": ["integer", "string"]}})", {"0.25", "[]"}, {"1", "\"a\""}},
       {R"({"type": ["string", "integer", "boolean"], "not": {"enum": ["a", 5, true, null]}})",
        {"\"b\"", "\"\"", "4", "55", "false"},
        {"\"a\"", "5", "true", "null"}},
       {R"({"type": "number", "not": {"const": 2.5}})", {"2", "2.51", "-2.5"}, {"2.5", "2.50"}},
       {R"({"type": "number", "not": {"const": 0}})", {"2", "0.001"}, {"0", "0.00", "-0"}},
       {R"({"type": "number", "not": {"multipleOf": 100}})",
        {"10", "0.5", "101"},
        {"0", "0.0", "100", "-300.0"}},
       {R"({"type": "number", "not": {"multipleOf": 0.25}})", {"0.1", "0.2501"}, {"0.25", "0.500", "3"}},
       {R"({"type": "string", "not": {"pattern": "^a"}})", {"\"b\"", "\"\""}, {"\"ab\"", "1"}},
       {R"({"type": "string", "not": {"minLength": 2, "maxLength": 3}})", {"\"a\"", "\"abcd\""}, {"\"ab\""}},
       {R"({"type": "integer", "not": {"minimum": 3}})", {"2"}, {"3"}},
       {R"({"type": "integer", "not": {"anyOf": [{"maximum": 3}, {"minimum": 6}]}})", {"4", "5"}, {"3", "6"}},
       {R"({"type": "integer", "not": {"not": {"maximum": 3}}})", {"3"}, {"4"}},
       {R"({"type": "object", "not": {"required": ["a"]}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
       {R"({"type": "object", "not": {"required": ["a", "b"]}, "additionalProperties": true})",
        {"{}", R"({"b":1})", R"({"a":1})"},
        {R"({"a":1,"b":1})"}},
       {R"({"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"properties": {"a": {"const": 1}}}})",
        {R"({"a":2})"},
        {"{}", R"({"a":1})", R"({"a":"x"})"}},
       {R"({"type": "array", "not": {"items": {"type": "integer"}}})",
        {R"(["a"])", R"([1,"a",2])"},
        {"[]", "[1]"}},
       {R"({"type": "array", "not": {"contains": {"type": "integer"}}})", {"[]", R"(["a"])"}, {R"(["a",1])"}},
       {R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer", "not": {"$ref": "#/$defs/b"}}, "b": {"maximum": 3}}})",
        {"4"},
        {"3"}}});
}

TEST(SchemaGrammar, Conditions) {
  expect(
      {{R"({"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "x": {"type": "integer"}},
            "required": ["kind"], "if": {"properties": {"kind": {"const": "a"}}}, "then": {"required": ["x"]},
            "else": {"properties": {"x": false}}})",
        {R"({"kind":"a","x":1})", R"({"kind":"b"})"},
        {R"({"kind":"a"})", R"({"kind":"b","x":1})", "{}"}},
       {R"({"type": "integer", "if": {"minimum": 10}, "then": {"multipleOf": 5}})",
        {"3", "10", "15"},
        {"11"}},
       {R"({"type": "integer", "if": {"minimum": 10}, "else": {"multipleOf": 5}})", {"5", "10", "11"}, {"3"}},
       {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}},
            "dependentRequired": {"a": ["b"]}})",
        {"{}", R"({"b":1})", R"({"a":1,"b":1})", R"({"c":1})"},
        {R"({"a":1})", R"({"a":1,"c":1})"}},
       {R"({"properties": {"a": {"const": 1}, "b": {"type": "integer"}},
            "dependentSchemas": {"a": {"properties": {"b": {"minimum": 5}}}}})",
        {"{}", R"({"b":1})", R"({"a":1,"b":5})", R"({"a":1})"},
        {R"({"a":1,"b":4})"}},
       {R"({"properties": {"a": {}, "b": {}}, "dependencies": {"a": ["b"], "b": {"maxProperties": 2}}})",
        {R"({"a":1,"b":1})"},
        {R"({"a":1})"}},
       {R"({"type": "boolean", "oneOf": [{"enum": [true, 1]}, {}]})", {"false"}, {"true"}},
       {R"({"type": "integer", "oneOf": [{"minimum": 1}, {"maximum": 5}]})", {"0", "6"}, {"1", "5"}},
       {R"({"type": "object", "additionalProperties": true, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]})",
        {R"({"a":1})", R"({"b":1})", R"({"a":1,"c":1})"},
        {"{}", R"({"a":1,"b":1})"}}});
}

TEST(SchemaGrammar, ManyConditionsOnOneProperty) {
  ordered_json schema =
      ordered_json::parse(R"({"type": "object", "required": ["kind"], "properties": {"kind": {}}})");
  for (int i = 0; i < 20; ++i) {
    const std::string kind = std::format("k{}", i), name = std::format("p{}", i);
    schema["properties"]["kind"]["enum"].push_back(kind);
    schema["properties"][name] = {{"type", "integer"}};
    schema["allOf"].push_back(
        {{"if", {{"properties", {{"kind", {{"const", kind}}}}}, {"required", {"kind"}}}},
         {"then", {{"required", {name}}}}});
  }
  const auto grammar = grammar_of(schema.dump());
  EXPECT_TRUE(fits(grammar, R"({"kind":"k7","p7":1})"));
  EXPECT_TRUE(fits(grammar, R"({"kind":"k19","p1":1,"p19":1})"));
  EXPECT_FALSE(fits(grammar, R"({"kind":"k7","p6":1})"));
  EXPECT_FALSE(fits(grammar, R"({"kind":"k7"})"));
}

TEST(SchemaGrammar, ItemsThatAreCounted) {
  expect(
      {{R"({"contains": {"const": 1}})", {"[1]", "[0,1]", "[1, 1,\"a\"]"}, {"[]", "[0]", "5"}},
       {R"({"items": {"type": "integer"}, "contains": {"minimum": 5}, "minContains": 2})",
        {"[5,6]", "[1,5,2,7,3]"},
        {"[5]", "[1,2,5]", "[5,5,\"a\"]"}},
       {R"({"items": {"type": "integer"}, "contains": {"minimum": 5}, "maxContains": 1})",
        {"[5]", "[1,5,2]"},
        {"[]", "[1]", "[5,6]"}},
       {R"({"contains": {"type": "integer"}, "minContains": 0, "maxContains": 1})",
        {"[]", "[5]", "[\"a\"]"},
        {"[5,6]"}},
       {R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}, "minItems": 1, "maxItems": 3,
               "contains": {"minimum": 2}})",
        {"[1,2]", "[1,2,3]"},
        {"[]", "[1]", "[1,2,3,3]"}},
       {R"({"allOf": [{"contains": {"const": 1}}, {"contains": {"const": 2}}]})",
        {"[1,2]", "[2,0,1]"},
        {"[1]", "[2,2]"}},
       {R"({"items": {"enum": ["a", "b", 1, 1.0]}, "uniqueItems": true, "minItems": 1})",
        {"[\"a\"]", "[1, \"b\",\"a\"]"},
        {"[]", "[1,1]", "[\"a\",\"b\",\"a\"]"}},
       {R"({"prefixItems": [{"type": "boolean"}, {"type": ["boolean", "null"]}], "items": false,
               "uniqueItems": true, "minItems": 0})",
        {"[]", "[true]", "[true,false]", "[true,null]"},
        {"[true,true]", "[null]", "[true,false,null]"}}});
}

TEST(SchemaGrammar, WhatIsNotEvaluated) {
  expect(
      {{R"({"properties": {"a": {"const": 1}}, "allOf": [{"properties": {"b": {"const": 2}}}],
            "unevaluatedProperties": false})",
        {"{}", R"({"a":1})", R"({"a":1,"b":2})"},
        {R"({"c":1})", R"({"b":1})"}},
       {R"({"$ref": "#/$defs/base", "properties": {"a": {"const": 1}}, "unevaluatedProperties": {"type": "null"},
            "$defs": {"base": {"type": "object", "properties": {"b": {"const": 2}}, "required": ["b"]}}})",
        {R"({"b":2})", R"({"a":1,"b":2,"c":null})"},
        {R"({"b":2,"c":1})"}},
       {R"({"type": "object", "anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]},
                                        {"properties": {"b": {"const": 2}}, "required": ["b"]}],
            "unevaluatedProperties": false})",
        {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
        {"{}", R"({"a":1,"c":1})", R"({"a":1,"b":3})"}},
       {R"({"not": {"not": {"properties": {"a": {"const": 1}}}}, "unevaluatedProperties": false})",
        {"{}"},
        {R"({"a":1})"}},
       {R"({"prefixItems": [{"const": 1}], "allOf": [{"prefixItems": [{}, {"const": 2}], "minItems": 1}],
            "unevaluatedItems": false})",
        {"[1]", "[1,2]"},
        {"[1,2,3]", "[]", "[2]"}},
       {R"({"contains": {"type": "string"}, "unevaluatedItems": {"type": "integer"}})",
        {R"(["a"])", R"([1,"a"])"},
        {"[1]", R"(["a",null])"}}});
}

TEST(SchemaGrammar, References) {
  expect(
      {{R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}})", {"1"}, {"\"1\""}},
       {R"({"properties": {"x": {"$ref": "#/definitions/a~1b%25"}}, "required": ["x"], "definitions": {"a/b%": {"const": 1}}})",
        {R"({"x":1})"},
        {R"({"x":2})"}},
       {R"({"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["value"]})",
        {R"({"value":1})", R"({"value":1,"next":{"value":2,"next":{"value":3}}})"},
        {R"({"next":{"value":1}})"}},
       {R"({"$defs": {"tree": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/tree"}}]}}, "$ref": "#/$defs/tree"})",
        {"1", "[1,[2,[]]]"},
        {"[\"a\"]"}},
       {R"({"$ref": "#/$defs/n", "minimum": 3, "$defs": {"n": {"type": "integer"}}})", {"3"}, {"2", "3.5"}},
       {R"({"$id": "https://x.y/z", "items": {"$ref": "https://x.y/z#/$defs/a"}, "$defs": {"a": {"const": 1}}})",
        {"[1]"},
        {"[2]"}},
       {R"({"items": {"$ref": "#here"}, "$defs": {"a": {"$anchor": "here", "const": 1}}})", {"[1]"}, {"[2]"}},
       {R"({"$id": "https://x.y/z/all", "items": {"$ref": "one#/$defs/a"},
            "$defs": {"one": {"$id": "../z/one", "$defs": {"a": {"const": 1}}}}})",
        {"[1]"},
        {"[2]"}},
       {R"({"$id": "https://x.y/all", "$dynamicAnchor": "node", "type": "object", "properties": {"a": {"$ref": "tree"}},
            "required": ["a"],
            "$defs": {"tree": {"$id": "tree", "$dynamicAnchor": "node", "type": "array",
                               "items": {"$dynamicRef": "#node"}}}})",
        {R"({"a":[]})", R"({"a":[{"a":[]}]})"},
        {R"({"a":[[]]})"}}});
}

// As agents send them.
TEST(SchemaGrammar, ParametersOfToolsAreKept) {
  expect(
      {{R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {
               "command": {"type": "string", "minLength": 1, "description": "To run"},
               "timeout": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991, "default": 5},
               "mode": {"type": "string", "enum": ["read", "write"]},
               "lines": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
               "files": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "object",
                 "properties": {"path": {"type": "string", "pattern": "^/", "maxLength": 9},
                                "url": {"type": "string", "format": "uri"}},
                 "required": ["path"], "additionalProperties": false}},
               "env": {"type": "object", "additionalProperties": {"type": "string"}}},
             "required": ["command"], "additionalProperties": false})",
        {R"({"command":"ls"})", R"({"command":"ls","timeout":9007199254740991,"mode":"read","lines":null})",
         R"({"command":"ls","files":[{"path":"/a","url":"https://a.b/c?d"}],"env":{"A":"b"}})"},
        {"{}", R"({"command":""})", R"({"command":"ls","timeout":0})", R"({"command":"ls","files":[]})",
         R"({"command":"ls","timeout":9007199254740992})", R"({"command":"ls","files":[{"path":"a"}]})",
         R"({"command":"ls","files":[{"path":"/a","more":1}]})", R"({"command":"ls","env":{"A":1}})"}}});
}

TEST(SchemaGrammar, SpaceIsBounded) {
  const auto grammar =
      grammar_of(R"({"type": "object", "properties": {"a": {"type": "array"}}, "required": ["a"]})");
  EXPECT_TRUE(fits(grammar, "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}"));
  EXPECT_FALSE(fits(grammar, "{\n\n\"a\": []}"));
  EXPECT_FALSE(fits(grammar, "{  \"a\": []}"));
  EXPECT_FALSE(fits(grammar, "{\"a\" : []}"));
  EXPECT_FALSE(fits(grammar, " {\"a\": []}"));
  EXPECT_FALSE(fits(grammar, "{\"a\": []} "));
  EXPECT_FALSE(fits(grammar, "{\n" + std::string(40, ' ') + "\"a\": []}"));
}

TEST(SchemaGrammar, GrammarsPassTheirTrial) {
  for (
      const char* schema : {
          "{}",
          R"({"type": "string", "minLength": 10, "maxLength": 100000})",
          R"({"type": "array", "items": {"type": "number", "minimum": 0.5, "maximum": 99.5}, "maxItems": 100000})",
          R"({"patternProperties": {"a": {"minimum": 3}, "b": {"maximum": 5}}, "additionalProperties": true})",
      }) {
    EXPECT_TRUE(GrammarMatcher::passes_trial(grammar_of(schema))) << schema;
  }
}

TEST(SchemaGrammar, WideSchemasAreMade) {
  ordered_json wide{{"type", "object"}};
  for (int i = 0; i < 2000; ++i) wide["properties"]["p" + std::to_string(i)] = {{"type", "integer"}};
  const auto text = schema_grammar(wide);
  ASSERT_TRUE(text) << text.error().message;
  const auto grammar = compiled(*text);
  EXPECT_TRUE(fits(grammar, R"({"p7":1,"p1999":2})"));
  EXPECT_FALSE(fits(grammar, R"({"p1999":2,"p7":1})"));
  EXPECT_TRUE(GrammarMatcher::passes_trial(grammar));

  ordered_json many;
  for (int i = 0; i < 5000; ++i) many["enum"].push_back("value " + std::to_string(i * 7919));
  const auto values = compiled(schema_grammar(many).value());
  EXPECT_TRUE(fits(values, "\"value 7919\""));
  EXPECT_FALSE(fits(values, "\"value 7920\""));
  EXPECT_TRUE(GrammarMatcher::passes_trial(values));
}

TEST(SchemaGrammar, ManyTextsAndNumbersThatMustNotBe) {
  std::string texts, many_texts, numbers;
  for (int i = 0; i < 2000; ++i) {
    const std::string between = i == 0 ? "" : ", ";
    const std::string text = std::format("{}\"{:08x}-{:04x}\"", between, i * 2654435761u, i * 40503u % 65536);
    many_texts += text;
    if (i < 100) texts += text;
    if (i < 300) numbers += std::format("{}{}", between, 7000000 + 13 * i);
  }
  const auto no_text = [](const std::string& list) {
    return R"({"type": "string", "not": {"enum": [)" + list + "]}}";
  };
  const auto few = grammar_of(no_text(texts));
  EXPECT_TRUE(fits(few, "\"a\""));
  EXPECT_FALSE(fits(few, "\"00000000-0000\""));
  const auto refused = schema_grammar(ordered_json::parse(no_text(many_texts)), {.is_strict = true});
  EXPECT_THAT(refused.error().message, testing::HasSubstr("not/enum"));
  EXPECT_TRUE(fits(grammar_of(no_text(many_texts), {.is_strict = false}), "\"a\""));

  const auto no_number = grammar_of(R"({"type": "integer", "not": {"enum": [)" + numbers + "]}}");
  EXPECT_TRUE(fits(no_number, "7000001"));
  EXPECT_FALSE(fits(no_number, "7000013"));
}

TEST(SchemaGrammar, DataIsNoSchema) {
  expect({{R"({"$defs": {"real": {"$id": "x", "const": 1}}, "examples": [{"$id": "x", "const": 2}],
               "properties": {"a": {"$ref": "x"}}, "required": ["a"], "additionalProperties": false})",
           {"{\"a\": 1}"},
           {"{\"a\": 2}"}}});
}

}  // namespace
}  // namespace banyan
