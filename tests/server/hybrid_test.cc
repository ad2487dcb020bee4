// Models with windows and recurrent states behind the server: what it tells of the cache is exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/running_server.h"

namespace banyan {
namespace {

class Hybrid : public testing::TestWithParam<const char*> {
 protected:
  static EngineOptions engine() {
    EngineOptions options = RunningServer::small_engine();
    options.model_path = std::string(BANYAN_SOURCE_MODELS "/tally-") + GetParam() + "-q8_0.gguf";
    return options;
  }

  HttpReply say(const std::string& text) {
    messages_.push_back(user_message(text));
    HttpReply reply = server_.post("/v1/chat/completions", {{"messages", messages_}, {"temperature", 0}});
    EXPECT_EQ(reply.status, 200) << reply.text;
    const Json& usage = reply.json["usage"];
    const Json& timings = reply.json["timings"];
    EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], timings["cache_n"]);
    EXPECT_EQ(usage["prompt_tokens"], timings["cache_n"].get<int>() + timings["prompt_n"].get<int>());
    messages_.push_back(reply.json["choices"][0]["message"]);
    return reply;
  }

  RunningServer server_{engine()};
  Json messages_ = Json::array();
};

TEST_P(Hybrid, UsageAndTimingsAreWhatTheCacheDid) {
  std::string notes = "You are Tally. Answer from what you know. Notes:";
  for (int i = 0; i < 12; ++i) notes += " The code for the red gate is " + std::to_string(4000 + i) + ".";
  messages_.push_back({{"role", "system"}, {"content", notes}});
  const Json first = say("My dog is called Foo.").json;
  EXPECT_EQ(first["timings"]["matched_n"], 0);
  const int turn = first["usage"]["total_tokens"].get<int>();

  // The next turn goes on from all that was evaluated: the token that ended the reply was not.
  const Json second = say("What is my dog called?").json;
  EXPECT_EQ(second["timings"]["cache_n"], turn - 1);
  EXPECT_EQ(second["timings"]["matched_n"], turn - 1);
  EXPECT_EQ(second["restore_limit"], "none");
  EXPECT_THAT(second["choices"][0]["message"]["content"].get<std::string>(), testing::HasSubstr("Foo"));

  // The same again with another first question: from where the first message's content began.
  messages_.erase(messages_.begin() + 1, messages_.end());
  const Json edited = say("What is the code for the red gate?").json;
  EXPECT_GT(edited["timings"]["cache_n"], 100);
  EXPECT_EQ(edited["timings"]["cache_n"], edited["timings"]["matched_n"]);
  EXPECT_EQ(server_.settle(), "");
}

TEST_P(Hybrid, CacheTellsWhatEachKindOfLayerKeeps) {
  say("My dog is called Foo.");
  const Json cache = server_.get("/cache").json;
  ASSERT_FALSE(cache["nodes"].empty());
  const bool recurrent = std::string(GetParam()) == "qwen35";
  for (const Json& node : cache["nodes"]) {
    EXPECT_EQ(node["restore_point"], true);
    ASSERT_EQ(node["groups"].size(), 2u);
    const int edge = node["end"].get<int>() - node["start"].get<int>();
    EXPECT_EQ(node["groups"][0]["kind"], "attention");
    EXPECT_EQ(node["groups"][0]["tokens"], edge);
    EXPECT_EQ(node["groups"][1]["kind"], recurrent ? "recurrent" : "window");
    EXPECT_GT(node["groups"][1]["bytes"], 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Hybrid, testing::Values("gemma3", "qwen35"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace banyan
