#include "server/json_fields.h"

#include <gtest/gtest.h>

namespace banyan {
namespace {

std::string message(const Fields& fields) { return fields.error() ? fields.error()->message : ""; }

TEST(ParseObject, TakesAnObjectAndKeepsTheOrderOfItsFields) {
  EXPECT_EQ(dump(parse_object(R"({"b": 1, "a": [true, null, "ü"]})").value()),
            R"({"b":1,"a":[true,null,"ü"]})");
}

TEST(ParseObject, SaysWhereTheTextIsNoJson) {
  const auto json = parse_object(R"({"a": nonsense})");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, Errc::invalid_argument);
  EXPECT_EQ(json.error().message, "the body is not valid JSON (at byte 8)");
}

TEST(ParseObject, RefusesWhatIsNoObject) {
  for (const char* body : {"", "[]", "1", "null", "{\"a\": \"\xff\"}", "{} {}", "{\"a\": 1e999}"}) {
    EXPECT_FALSE(parse_object(body)) << body;
  }
}

TEST(ParseObject, RefusesDeepNestingHoweverDeep) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(parse_object(nested(60)));
  EXPECT_FALSE(parse_object(nested(70)));
  EXPECT_FALSE(parse_object(nested(1'000'000)));
}

TEST(ParseObject, OfEqualNamesTheLastCountsInTheFirstsPlace) {
  EXPECT_EQ(dump(parse_object(R"({"a": 1, "b": {"c": 1, "c": [2]}, "a": 3, "d": 4, "a": {}})").value()),
            R"({"a":{},"b":{"c":[2]},"d":4})");
}

// With a search for each name among those before it, this takes minutes.
TEST(ParseObject, MembersCostNoSearch) {
  std::string body = "{";
  constexpr int kMembers = 1'000'000;
  for (int i = 0; i < kMembers; ++i) body += "\"" + std::to_string(i) + "\":{},";
  body.back() = '}';
  EXPECT_EQ(parse_object(body).value().size(), static_cast<std::size_t>(kMembers));
}

TEST(Dump, ReplacesWhatIsNotUtf8) { EXPECT_EQ(dump(Json("a\xff")), "\"a\uFFFD\""); }

TEST(Fields, AbsentAndNullFieldsHaveTheFallback) {
  const Json json = {{"null", nullptr}};
  Fields fields(json);
  for (const char* name : {"null", "absent"}) {
    EXPECT_TRUE(fields.boolean(name, true));
    EXPECT_EQ(fields.integer(name, 7, 0, 1), 7);
    EXPECT_EQ(fields.number(name, 0.5f, 1, 2), 0.5f);
    EXPECT_EQ(fields.string(name, "x"), "x");
    EXPECT_EQ(fields.array(name), nullptr);
    EXPECT_EQ(fields.object(name), nullptr);
  }
  EXPECT_FALSE(fields.error());
  EXPECT_EQ(fields.required("null"), nullptr);
  EXPECT_EQ(message(fields), "null is required");
}

TEST(Fields, WrongTypesAndRangesNameTheField) {
  const Json json = {{"text", "x"}, {"five", 5}, {"half", 0.5}, {"list", Json::array()}};
  const auto error_of = [&](auto read) {
    Fields fields(json, "outer.");
    read(fields);
    EXPECT_EQ(fields.error().value().code, Errc::invalid_argument);
    EXPECT_TRUE(fields.error()->message.starts_with(fields.error()->field));
    return message(fields);
  };
  EXPECT_EQ(error_of([](Fields& f) { f.boolean("five", false); }), "outer.five must be true or false");
  EXPECT_EQ(error_of([](Fields& f) { f.integer("text", 0, 0, 9); }), "outer.text must be an integer");
  EXPECT_EQ(error_of([](Fields& f) { f.integer("half", 0, 0, 9); }), "outer.half must be an integer");
  EXPECT_EQ(error_of([](Fields& f) { f.integer("five", 0, 0, 4); }), "outer.five must be from 0 to 4");
  EXPECT_EQ(error_of([](Fields& f) { f.number("text", 0, 0, 9); }), "outer.text must be a number");
  EXPECT_EQ(error_of([](Fields& f) { f.number("half", 1, 1, 2); }), "outer.half must be from 1 to 2");
  EXPECT_EQ(error_of([](Fields& f) { f.string("list"); }), "outer.list must be a string");
  EXPECT_EQ(error_of([](Fields& f) { f.array("text"); }), "outer.text must be an array");
  EXPECT_EQ(error_of([](Fields& f) { f.object("list"); }), "outer.list must be an object");
}

TEST(Fields, IntegersMayBeWrittenWithAFraction) {
  const Json json = {{"five", 5.0}, {"huge", 1e300}, {"big", 18446744073709551615u}};
  Fields fields(json);
  EXPECT_EQ(fields.integer("five", 0, 0, 9), 5);
  EXPECT_FALSE(fields.error());
  fields.integer("huge", 0, 0, 9);
  EXPECT_EQ(message(fields), "huge must be from 0 to 9");
  Fields again(json);
  again.integer("big", 0, -9, 9);
  EXPECT_EQ(message(again), "big must be from -9 to 9");
}

TEST(Fields, RemembersTheFirstError) {
  const Json json = {{"a", 1}, {"b", 2}};
  Fields fields(json);
  fields.string("a");
  fields.string("b");
  EXPECT_EQ(message(fields), "a must be a string");
}

TEST(Fields, RefusesUnsupportedFieldsUnlessTheyAreHarmless) {
  const Json json = {{"zero", 0}, {"one", 1}, {"nothing", nullptr}};
  Fields fields(json);
  fields.refuse_unless("zero", 0.0);
  fields.refuse_unless("one", 0, 1);
  fields.refuse_unless("nothing");
  fields.refuse_unless("absent");
  EXPECT_FALSE(fields.error());
  fields.refuse_unless("one", 0);
  ASSERT_TRUE(fields.error());
  EXPECT_EQ(fields.error()->code, Errc::unsupported);
  EXPECT_EQ(message(fields), "one is not supported");
}

}  // namespace
}  // namespace banyan
