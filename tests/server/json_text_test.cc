#include "server/json_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "server/json_fields.h"
#include "support/scale.h"

namespace banyan {
namespace {

TEST(JsonText, LoneSurrogatesBecomeReplacementCharacters) {
  const std::pair<const char*, const char*> texts[] = {
      {R"("\ud83d")", R"("\ufffd")"},
      {R"("\uDE00")", R"("\ufffd")"},
      {R"("\ud83d\ude00")", R"("\ud83d\ude00")"},
      {R"("\ud83d\ud83d\ude00")", R"("\ufffd\ud83d\ude00")"},
      {R"("\ude00\ud83d")", R"("\ufffd\ufffd")"},
      {R"("\ud83dx\ude00")", R"("\ufffdx\ufffd")"},
      {R"("\ud83d\n")", R"("\ufffd\n")"},
      {R"("\\ud83d")", R"("\\ud83d")"},
      {R"("\\\ud83d")", R"("\\\ufffd")"},
      {R"("\ud83d\\ude00")", R"("\ufffd\\ude00")"},
      {R"("\ud83)", R"("\ud83)"},
      {R"("\ud83d\u)", R"("\ufffd\u)"},
      {R"("\)", R"("\)"},
      {R"("\u+d83d")", R"("\u+d83d")"},
  };
  for (const auto& [text, repaired] : texts) EXPECT_EQ(replace_lone_surrogates(text), repaired);
}

// What remains of random strings of escapes is taken by the parser, and says what a reader unit by unit says.
TEST(JsonText, RandomEscapesAreReadAsUtf16Is) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int round = 0; round < test::scaled(3000); ++round) {
    std::string json = R"({"a":")", expected;
    bool high = false;
    const auto end_high = [&] {
      if (high) expected += "\uFFFD";
      high = false;
    };
    for (unsigned left = random() % 8; left > 0; --left) {
      switch (random() % 4) {
        case 0:
          json += R"(\ud83d)";
          end_high();
          high = true;
          break;
        case 1:
          json += R"(\ude00)";
          expected += high ? "\U0001F600" : "\uFFFD";
          high = false;
          break;
        case 2:
          json += R"(\\)";
          end_high();
          expected += '\\';
          break;
        default:
          json += "ud83d";
          end_high();
          expected += "ud83d";
      }
    }
    end_high();
    const auto object = parse_object(json + R"("})");
    ASSERT_TRUE(object) << json << ", seed " << kSeed;
    ASSERT_EQ(object->at("a").get<std::string>(), expected) << json << ", seed " << kSeed;
  }
}

}  // namespace
}  // namespace banyan
