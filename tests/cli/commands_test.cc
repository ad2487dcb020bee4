#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/http.h"
#include "cli/program.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace banyan::cli {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Demo, AnswersRightAndEvaluatesSharedTokensOnce) {
  const Ended ended = run({"demo", "--threads", "1"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("12 of 12 answers right, 18 replies"));
  EXPECT_THAT(ended.out, ContainsRegex("Turn 1 of 3(.|\n)*Turn 2 of 3(.|\n)*Turn 3 of 3"));
  EXPECT_THAT(ended.out, ContainsRegex("no cache .*x\\)"));
}

TEST(Demo, RunsOnModelsOfEveryKind) {
  for (const char* architecture : {"gemma3", "qwen35"}) {
    const Ended ended = run({"demo", "--threads", "1", "-m", shipped(architecture)});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("18 replies"));
    // What they know is another matter: the recurrent one mixes up some of so many notes.
    EXPECT_THAT(ended.out, ContainsRegex("([6-9]|1[0-2]) of 12 answers right"));
    EXPECT_THAT(ended.out, ContainsRegex("no cache +[0-9,]+ \\(1[23]\\.[0-9]x\\)")) << ended.out;
  }
}

TEST(Demo, AnswersRightWithQuantisedKeysAndValues) {
  const Ended ended = run({"demo", "--threads", "1", "--kv-type", "q8_0"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("12 of 12 answers right, 18 replies"));
}

TEST(Demo, HoldsAsManyConversationsAsAsked) {
  const Ended ended = run({"demo", "--threads", "1", "--conversations", "20"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("40 of 40 answers right, 60 replies"));
}

TEST(Bench, PrintsATable) {
  const Ended ended =
      run({"bench", "--threads", "1", "-p", "32", "-n", "4", "-d", "0,100", "-s", "1,3", "-r", "2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("| model"));
  for (const char* test : {"pp32", "tg4", "tg4 x3", "pp32 @ d100", "tg4 @ d100", "tg4 x3 @ d100"}) {
    EXPECT_THAT(ended.out, ContainsRegex(std::string("\\| ") + test + " +\\| +[0-9.]+ ± [0-9.]+ \\|"));
  }
}

TEST(Bench, MeasuresModelsOfEveryKind) {
  for (const char* architecture : {"gemma3", "qwen35"}) {
    const Ended ended = run({"bench", "-m", shipped(architecture), "--threads", "1", "-p", "32", "-n", "2",
                             "-d", "200", "-s", "2", "-r", "1"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("pp32 @ d200"));
    EXPECT_THAT(ended.out, HasSubstr("tg2 x2 @ d200"));
  }
}

TEST(Bench, PrintsJson) {
  const Ended ended = run({"bench", "--threads", "1", "--kv-type", "q8_0", "-p", "32", "-n", "0", "-d", "16",
                           "-r", "2", "-o", "json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const json results = json::parse(ended.out);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0]["prompt_tokens"], 32);
  EXPECT_EQ(results[0]["depth"], 16);
  EXPECT_EQ(results[0]["kv_type"], "q8_0");
  EXPECT_EQ(results[0]["samples_tokens_per_second"].size(), 2U);
  EXPECT_GT(results[0]["mean_tokens_per_second"], 0);
}

TEST(Inspect, ShowsTheModel) {
  const Ended ended = run({"inspect", "--tensors", "--metadata", "--template"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, ContainsRegex("architecture +qwen3"));
  EXPECT_THAT(ended.out, ContainsRegex("type Q8_0 +[0-9]+ tensors"));
  EXPECT_THAT(ended.out, ContainsRegex("blk.0.attn_q.weight +Q8_0 +256 x 256"));
  EXPECT_THAT(ended.out, HasSubstr("general.architecture = qwen3"));
  EXPECT_THAT(ended.out, HasSubstr("<|im_start|>"));
}

TEST(Inspect, PrintsJson) {
  const json model = json::parse(run({"inspect", "--json", "--tensors"}).out);
  EXPECT_EQ(model["architecture"], "qwen3");
  EXPECT_EQ(model["layers"], 6);
  ASSERT_EQ(model["memory"].size(), 1U);
  EXPECT_EQ(model["memory"][0]["kind"], "attention");
  EXPECT_EQ(model["memory"][0]["bytes_per_token"]["f16"], 6 * 2 * (64 + 64) * 2);
  EXPECT_EQ(model["memory"][0]["bytes_per_token"]["q8_0"], 6 * 2 * (64 + 64) / 32 * 34);
  EXPECT_EQ(model["memory"][0]["bytes_per_token"]["f32"], 6 * 2 * (64 + 64) * 4);
  std::size_t bytes = 0;
  for (const auto& tensor : model["tensors"]) bytes += tensor["bytes"].get<std::size_t>();
  std::size_t bytes_by_type = 0;
  for (const auto& type : model["types"]) bytes_by_type += type["bytes"].get<std::size_t>();
  EXPECT_EQ(bytes, bytes_by_type);
  EXPECT_GT(bytes, 0U);
}

TEST(Inspect, NamesAllFilesOfAModel) {
  const test::TemporaryFolder folder;
  const auto paths = test::split_model(shipped("qwen3"), folder.path("model"), 3);
  const std::string out = run({"inspect", paths[0]}).out;
  EXPECT_THAT(out, HasSubstr(paths[0] + " (5.4 MiB)"));
  EXPECT_THAT(out, ContainsRegex("more parts +" + paths[1] + "\n +" + paths[2]));
  EXPECT_EQ(json::parse(run({"inspect", "--json", paths[0]}).out)["files"], json(paths));
  const Ended second = run({"inspect", paths[1]});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("open the first, " + paths[0]));
}

TEST(Inspect, TellsWhatEachKindOfLayerRemembers) {
  EXPECT_THAT(run({"inspect", shipped("gemma3")}).out,
              ContainsRegex("attention +2 layers, 1.0 KiB a token(.|\n)*"
                            "window +10 layers, 5.0 KiB a token.*of the last 128 tokens"));
  EXPECT_THAT(run({"inspect", shipped("qwen35")}).out,
              ContainsRegex("attention +2 layers(.|\n)*recurrent +6 layers, 420.0 KiB a state"));
}

TEST(Serve, SaysWhereItListensAndEndsOnSignals) {
  for (const int number : {SIGTERM, SIGINT}) {
    Program server({"serve", "--port", "0"});
    const int port = listening_port(server);
    EXPECT_THAT(get(port, "/health"), HasSubstr("200"));
    server.signal(number);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_THAT(server.err(), HasSubstr("memory budget"));
    EXPECT_EQ(server.out(), "");
  }
}

TEST(Serve, RefusesAPortThatIsTaken) {
  Program server({"serve", "--port", "0"});
  const std::string port = std::to_string(listening_port(server));
  const Ended second = run({"serve", "--port", port});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, ContainsRegex("banyan: .*" + port));
}

TEST(Serve, TakesItsKeyFromTheEnvironment) {
  Program server({"serve", "--port", "0"}, Console::pipes, {"BANYAN_API_KEY=secret"});
  EXPECT_THAT(get(listening_port(server), "/v1/models"), HasSubstr("401"));
}

}  // namespace
}  // namespace banyan::cli
