#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cache/cache_test.h"

namespace banyan {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class DumpTest : public CacheTest {
 protected:
  DumpTest() : CacheTest({.attention = true, .window = true, .recurrent = true}) {}
};

TEST_F(DumpTest, TextIsATreeWithANodeALine) {
  request("system.\nquestion one", " yes", {{.offset = 7, .user = true}});
  request("system.\nquestion two");
  Session session = begin("system.\nquestion two, and");
  const std::string text = cache.dump_text(text_of);
  const std::size_t first_line = text.find('\n') + 1;
  EXPECT_THAT(text, StartsWith("nodes 4, tokens 27, open sessions 1, memory "));
  EXPECT_THAT(text.substr(0, first_line), EndsWith(" KiB of 8.0 MiB\n"));
  EXPECT_EQ(text.substr(first_line),
            "[0, 7)  7 tokens  2.8 KiB  used 1 ago  user  active  restore point  "
            "attention 7, window 7, recurrent 1.1 KiB  \"system.\"\n"
            "  [7, 17)  10 tokens  3.3 KiB  used 0 ago  active  restore point  "
            "attention 10, window 8, recurrent 1.1 KiB  \"\\nquestion \"\n"
            "    [17, 24)  7 tokens  2.8 KiB  used 1 ago  restore point  "
            "attention 7, window 7, recurrent 1.1 KiB  \"one yes\"\n"
            "    [17, 20)  3 tokens  1.8 KiB  used 0 ago  active  restore point  "
            "attention 3, window 3, recurrent 1.1 KiB  \"two\"\n");
  EXPECT_EQ(cache.dump_text().find("system"), std::string::npos) << "no text without a detokenizer";
}

TEST(DumpOfManyNodes, SaysHowManyAreLeftOut) {
  Budget budget(64 << 20);
  PrefixCache cache(make_groups({}), budget);
  for (Token i = 0; i < 1200; ++i) {
    Session session = *cache.begin(Path{i, 0});
    ASSERT_TRUE(evaluate(session, session.pending()));
    session.close();
  }
  const std::string text = cache.dump_text(text_of);
  EXPECT_THAT(text, EndsWith("… and 200 more nodes, not shown\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1002);
  const auto json = nlohmann::json::parse(cache.dump_json());
  EXPECT_EQ(json["nodes"].size(), 1000u);
  EXPECT_EQ(json["nodes_left_out"], 200);
}

TEST_F(DumpTest, TextIsCutOnWholeCharactersAndReplacesWhatIsNoUtf8) {
  request("abc");
  const auto umlauts = [](TokenSpan) {
    std::string text = "\"\x80";
    for (int i = 0; i < 50; ++i) text += "ü";
    return text;
  };
  std::string expected = "\"\\\"\uFFFD";
  for (int i = 0; i < 39; ++i) expected += "ü";
  EXPECT_THAT(cache.dump_text(umlauts), HasSubstr(expected + "…\"\n"));
}

TEST_F(DumpTest, DetokenizesOnlyTheBeginningOfAnEdge) {
  request(std::string(5000, 'x'));
  std::size_t longest = 0;
  const std::string text = cache.dump_text([&](TokenSpan tokens) {
    longest = std::max(longest, tokens.size());
    return text_of(tokens);
  });
  EXPECT_LT(longest, 100u);
  EXPECT_THAT(text, HasSubstr("\"" + std::string(40, 'x') + "…\""));
}

TEST_F(DumpTest, JsonHasCountersBudgetAndNodes) {
  request("system. one", "", {{.offset = 7, .user = true}});
  request("system. two");
  const auto json = nlohmann::json::parse(cache.dump_json(text_of));
  const auto counters = cache.counters();
  EXPECT_EQ(json["counters"]["nodes"], counters.nodes);
  EXPECT_EQ(json["counters"]["tokens"], counters.tokens);
  EXPECT_EQ(json["counters"]["sessions"], 2);
  EXPECT_EQ(json["counters"]["restored_tokens"], counters.restored_tokens);
  EXPECT_EQ(json["budget"]["limit"], budget.limit());
  EXPECT_EQ(json["budget"]["used"], budget.used());
  EXPECT_EQ(json["clock"], 2);

  ASSERT_EQ(json["nodes"].size(), counters.nodes - 1) << "the root is left out";
  std::size_t bytes = 0;
  std::map<int, int> ends = {{0, 0}};
  for (const auto& node : json["nodes"]) {
    EXPECT_EQ(node["start"], ends.at(node["parent"]));
    ends[node["id"]] = node["end"];
    std::size_t in_groups = 0;
    for (const auto& group : node["groups"]) in_groups += group["bytes"].get<std::size_t>();
    EXPECT_EQ(node["bytes"], in_groups);
    bytes += in_groups;
  }
  EXPECT_EQ(bytes, counters.snapshot_bytes);
  const auto& first = json["nodes"][0];
  EXPECT_EQ(first["text"], "system.");
  EXPECT_EQ(first["user"], true);
  EXPECT_EQ(first["restore_point"], true);
  EXPECT_EQ(first["children"], 1);
  EXPECT_EQ(first["uses"], 0);
  EXPECT_EQ(first["groups"][0]["kind"], "attention");
  EXPECT_EQ(first["groups"][0]["layers"], 2);
  EXPECT_EQ(first["groups"][0]["tokens"], 7);
  EXPECT_EQ(first["groups"][1]["kind"], "window");
  EXPECT_EQ(first["groups"][1]["tokens"], 7);
  EXPECT_EQ(first["groups"][2]["kind"], "recurrent");
  EXPECT_EQ(first["groups"][2]["bytes"], kTestRecurrentLayout.bytes());
  EXPECT_FALSE(first["groups"][2].contains("tokens"));
}

TEST_F(DumpTest, NodeWhereNotAllLayersCanResumeIsNoRestorePoint) {
  request("0123456789abcdefghij");
  Session apart = begin("0123456789ABCDEFGHIJ", {}, false);
  prefill(apart);
  apart.close();
  const auto json = nlohmann::json::parse(cache.dump_json());
  EXPECT_EQ(json["nodes"][0]["end"], 10);
  EXPECT_EQ(json["nodes"][0]["restore_point"], false);
  EXPECT_EQ(json["nodes"][0]["groups"][0]["tokens"], 10);
  EXPECT_EQ(json["nodes"][0]["groups"][1]["tokens"], 0);
  EXPECT_EQ(json["nodes"][0]["groups"][2]["bytes"], 0);
  EXPECT_EQ(json["nodes"][1]["restore_point"], true);
  EXPECT_EQ(json["nodes"][2]["restore_point"], true);
}

TEST_F(DumpTest, WithAttentionAloneThereIsNothingToTellApart) {
  PrefixCache plain(make_groups({}), budget);
  Session session = *plain.begin(ids("a prompt"));
  ASSERT_TRUE(evaluate(session, session.pending()));
  session.close();
  EXPECT_THAT(plain.dump_text(), EndsWith("[0, 8)  8 tokens  1.0 KiB  used 0 ago\n"));
}

TEST_F(DumpTest, VeryDeepTrieIsDumped) {
  std::string prompt = "start";
  std::vector<RestorePoint> points;
  for (std::size_t i = 1; i <= 1000; ++i) {
    prompt += 'x';
    points.push_back({.offset = i, .user = true});
  }
  auto session = cache.begin(ids(prompt), points);
  ASSERT_TRUE(session);
  ASSERT_TRUE(evaluate(*session, session->pending()));
  session->close();
  EXPECT_EQ(cache.counters().nodes, 1002u);
  EXPECT_LT(cache.dump_text(text_of).size(), 1'000'000u);
  EXPECT_EQ(nlohmann::json::parse(cache.dump_json()).at("nodes").size(), 1000u);
}

}  // namespace
}  // namespace banyan
