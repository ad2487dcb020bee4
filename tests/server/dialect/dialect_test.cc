// What several dialects share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "chat/prompt/message_text.h"
#include "server/dialect/functions.h"
#include "server/dialect/sealed_thought.h"
#include "server/dialect/text_parts.h"

namespace banyan {
namespace {

TEST(SealedThoughts, ComeBackAsTheyWere) {
  std::string thought;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(unseal_thought(seal_thought(thought)), thought);
    thought += static_cast<char>(i * 37);
  }
  EXPECT_EQ(seal_thought("Man"), "banyan:TWFu");
  EXPECT_EQ(seal_thought("Ma"), "banyan:TWE=");
  EXPECT_EQ(seal_thought("M"), "banyan:TQ==");
}

TEST(SealedThoughts, OthersAreNone) {
  EXPECT_FALSE(unseal_thought(""));
  EXPECT_FALSE(unseal_thought("TWFu"));
  EXPECT_FALSE(unseal_thought("banyan"));
  EXPECT_FALSE(unseal_thought("banyan:TW Fu"));
}

TEST(Functions, ArgumentsAreObjects) {
  EXPECT_EQ(read_arguments(""), Json::object());
  EXPECT_EQ(read_arguments(R"({"a": 1})"), (Json{{"a", 1}}));
  EXPECT_EQ(read_arguments(R"({"a": )"), nullptr);
  EXPECT_EQ(read_arguments("[1]"), nullptr);
  EXPECT_EQ(read_arguments(R"({"a": )" + std::string(100000, '[')), nullptr);
}

TEST(Functions, ObjectsWithVeryManyMembersAreRefused) {
  Json properties = Json::object();
  for (int i = 0; i < 513; ++i) properties["p" + std::to_string(i)] = 1;
  const auto tool =
      read_function({{"name", "a"}, {"parameters", {{"properties", properties}}}}, "tools[0]", "parameters");
  ASSERT_FALSE(tool);
  EXPECT_EQ(tool.error().field, "tools[0].parameters");
}

TEST(Arguments, AreWrittenAsModelsWriteThem) {
  EXPECT_EQ(arguments_text(Json::parse(R"({"a":"x, y:z","b":[1,2.5,null],"c":{},"d":{"e":true}})")),
            R"({"a": "x, y:z", "b": [1, 2.5, null], "c": {}, "d": {"e": true}})");
}

TEST(TextParts, OfResultsOthersBecomeWords) {
  const Json parts =
      Json::parse(R"([{"type": "text", "text": "a"}, {"type": "input_image"}, {"type": "file"}])");
  EXPECT_EQ(
      joined_text(*read_result_parts(parts, "x", {"text"})),
      "a[a picture, which this model cannot see][a part of type \"file\", which this model cannot read]");
  EXPECT_EQ(read_result_parts(Json::parse("[{}]"), "x", {"text"}).error().field, "x[0].type");
}

TEST(TextParts, AreTextsOrArrays) {
  EXPECT_EQ(joined_text(*read_text_parts("a", "x", {"text"})), "a");
  EXPECT_EQ(
      joined_text(*read_text_parts(
          Json::parse(R"([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])"), "x", {"text"})),
      "ab");
  EXPECT_TRUE(read_text_parts(nullptr, "x", {"text"})->empty());
  EXPECT_EQ(read_text_parts(Json::parse(R"([{"type": "text", "text": null}])"), "x", {"text"}).error().field,
            "x[0].text");
}

}  // namespace
}  // namespace banyan
