// A server with a disk cache: what a client and an operator see of it.
#include <gtest/gtest.h>

#include "server/running_server.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

TEST(DiskCache, CountsWhatWasLoadedAsCached) {
  const test::TemporaryFolder folder;
  EngineOptions engine = RunningServer::small_engine();
  engine.disk_cache = folder.path();
  std::string notes = "You are Tally. Answer from what you know. Notes:";
  for (int i = 0; i < 20; ++i) notes += " The code for the red gate is 4817.";
  const Json body = {{"messages", Json::array({{{"role", "system"}, {"content", notes}},
                                               user_message("What is the code for the red gate?")})},
                     {"temperature", 0}};
  std::string text;
  {
    RunningServer server(engine);
    EXPECT_EQ(server.get("/cache").json["tier"]["tokens"], 0);
    text = server.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"];
  }
  RunningServer server(engine);
  EXPECT_GT(server.get("/cache").json["tier"]["tokens"], 0);

  const Json answer = server.post("/v1/chat/completions", body).json;
  EXPECT_EQ(answer["choices"][0]["message"]["content"], text);
  const std::size_t prompt = answer["usage"]["prompt_tokens"];
  const std::size_t cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"];
  EXPECT_EQ(cached, prompt - 1);
  EXPECT_EQ(answer["timings"]["cache_n"], cached);
  EXPECT_EQ(answer["timings"]["prompt_n"], 1);
  const Json tier = server.get("/cache").json["tier"];
  EXPECT_EQ(tier["loads"], 1);
  EXPECT_EQ(tier["loaded_tokens"], cached);
  EXPECT_GT(tier["bytes"], 0);
  EXPECT_EQ(tier["failed_loads"], 0);
  EXPECT_EQ(tier["failed_stores"], 0);
  EXPECT_EQ(server.settle(), "");
}

}  // namespace
}  // namespace banyan
