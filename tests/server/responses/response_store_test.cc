// Responses that are kept.
#include "server/responses/response_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/responses/stored_responses.h"

namespace banyan {
namespace {

using testing::ElementsAre;

constexpr std::size_t kPlenty = 1 << 20;

Json message(const std::string& id) {
  return {{"id", id}, {"type", "message"}, {"content", "text of " + id}};
}

// The response "rN" with the input "iN" and the output "oN".
void put(ResponseStore& store, int number, int previous = 0) {
  const std::string n = std::to_string(number);
  const Json before = previous ? Json("r" + std::to_string(previous)) : Json();
  store.put({{"id", "r" + n}, {"previous_response_id", before}, {"output", Json::array({message("o" + n)})}},
            Json::array({message("i" + n)}));
}

std::vector<std::string> ids(const std::optional<std::vector<Json>>& items) {
  if (!items) return {"none"};
  std::vector<std::string> all;
  for (const Json& item : *items) all.push_back(item["id"]);
  return all;
}

TEST(ResponseStore, GivesBackWhatItWasGiven) {
  ResponseStore store(kPlenty);
  put(store, 1);
  EXPECT_EQ(
      dump(store.response("r1")),
      R"({"id":"r1","previous_response_id":null,"output":[{"id":"o1","type":"message","content":"text of o1"}]})");
  EXPECT_EQ(store.input("r1"), Json::array({message("i1")}));
  EXPECT_EQ(store.item("i1"), message("i1"));
  EXPECT_EQ(store.item("o1"), message("o1"));
  EXPECT_EQ(store.response("r2"), nullptr);
  EXPECT_EQ(store.item("o2"), nullptr);
}

TEST(ResponseStore, JoinsAConversation) {
  ResponseStore store(kPlenty);
  put(store, 1);
  put(store, 2, 1);
  put(store, 3, 2);
  put(store, 4, 1);
  EXPECT_THAT(ids(store.conversation("r3")), ElementsAre("i1", "o1", "i2", "o2", "i3", "o3"));
  EXPECT_THAT(ids(store.conversation("r4")), ElementsAre("i1", "o1", "i4", "o4"));
  EXPECT_TRUE(store.erase("r2"));
  EXPECT_FALSE(store.erase("r2"));
  EXPECT_THAT(ids(store.conversation("r3")), ElementsAre("none"));
  EXPECT_EQ(store.item("i2"), nullptr);
}

TEST(ResponseStore, TheLeastRecentlyUsedGoesFirst) {
  ResponseStore probe(kPlenty);
  put(probe, 1);
  const std::size_t one = probe.bytes();
  ResponseStore store(3 * one);
  for (int i = 1; i <= 3; ++i) put(store, i);
  EXPECT_NE(store.response("r1"), nullptr);
  put(store, 4);
  EXPECT_LE(store.bytes(), 3 * one);
  EXPECT_EQ(store.response("r2"), nullptr);
  EXPECT_NE(store.response("r1"), nullptr);
  EXPECT_NE(store.response("r3"), nullptr);
}

TEST(ResponseStore, OfAConversationTheBeginningIsKeptForLongest) {
  ResponseStore probe(kPlenty);
  put(probe, 1, 1);
  ResponseStore store(3 * probe.bytes());
  put(store, 1);
  put(store, 2, 1);
  put(store, 3, 2);
  EXPECT_THAT(ids(store.conversation("r3")), ElementsAre("i1", "o1", "i2", "o2", "i3", "o3"));
  put(store, 4);
  EXPECT_THAT(ids(store.conversation("r2")), ElementsAre("i1", "o1", "i2", "o2"));
}

TEST(ResponseStore, KeepsNothingThatIsLargerThanAll) {
  ResponseStore store(600);
  store.put({{"id", "r"},
             {"previous_response_id", nullptr},
             {"output", Json::array()},
             {"x", std::string(600, 'x')}},
            Json::array());
  EXPECT_EQ(store.bytes(), 0u);
  ResponseStore none(0);
  put(none, 1);
  EXPECT_EQ(none.response("r1"), nullptr);
}

TEST(ResponseStore, CountsItsBytes) {
  ResponseStore store(kPlenty);
  for (int round = 0; round < 3; ++round) put(store, 1);
  const std::size_t one = store.bytes();
  EXPECT_GT(one, 0u);
  put(store, 2, 1);
  store.erase("r2");
  EXPECT_EQ(store.bytes(), one);
  store.erase("r1");
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(StoredResponses, InputItemsComeInPages) {
  Json items = Json::array();
  for (const char* id : {"a", "b", "c"}) items.push_back(message(id));
  const auto page = [&](const ItemsPage& asked) {
    const auto json = input_items_json(items, asked);
    if (!json) return json.error().field;
    std::string text = (*json)["has_more"] == true ? "+" : "";
    for (const Json& item : (*json)["data"]) text += item["id"].get<std::string>();
    return text;
  };
  EXPECT_EQ(page({}), "cba");
  EXPECT_EQ(page({.order = "asc"}), "abc");
  EXPECT_EQ(page({.limit = "2", .order = "asc"}), "+ab");
  EXPECT_EQ(page({.limit = "2", .order = "asc", .after = "b"}), "c");
  EXPECT_EQ(page({.limit = "0"}), "limit");
  EXPECT_EQ(page({.order = "up"}), "order");
  EXPECT_EQ(page({.after = "z"}), "after");
  EXPECT_EQ(dump(deleted_json("r1")), R"({"id":"r1","object":"response","deleted":true})");
}

}  // namespace
}  // namespace banyan
