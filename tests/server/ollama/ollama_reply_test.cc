// What Ollama's clients get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "server/dialect/told.h"
#include "server/ollama/models.h"
#include "server/ollama/reply_objects.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<ChatEvent> whole_reply() {
  std::vector<ChatEvent> events{thought("Hm"), said("I "), said("look.")};
  std::ranges::copy(called("call_1", "read", {"{\"path\":", "\"a\"}"}), std::back_inserter(events));
  return events;
}

TEST(OllamaWriter, StreamsObjects) {
  OllamaWriter writer({.model = "tally"});
  ReplyEnd end = reply_end(Finish::end, 100, 60, 12);
  end.timings.prompt_ms = 2;
  end.timings.generate_ms = 3;
  const auto events = written(writer, whole_reply(), end);
  ASSERT_EQ(events.size(), 5u);
  for (const WireEvent& event : events) {
    EXPECT_EQ(event.name, "");
    EXPECT_EQ(event.data["model"], "tally");
    EXPECT_THAT(event.data["created_at"].get<std::string>(), testing::EndsWith("Z"));
    EXPECT_EQ(event.data["done"], &event == &events.back());
  }
  EXPECT_EQ(dump(events[0].data["message"]), R"({"role":"assistant","content":"","thinking":"Hm"})");
  EXPECT_EQ(dump(events[1].data["message"]), R"({"role":"assistant","content":"I "})");
  EXPECT_EQ(dump(events[3].data["message"]["tool_calls"]),
            R"([{"id":"call_1","function":{"index":0,"name":"read","arguments":{"path":"a"}}}])");
  const Json& last = events[4].data;
  EXPECT_EQ(dump(last["message"]), R"({"role":"assistant","content":""})");
  EXPECT_EQ(last["done_reason"], "stop");
  EXPECT_EQ(last["prompt_eval_count"], 100);
  EXPECT_EQ(last["eval_count"], 12);
  EXPECT_EQ(last["prompt_eval_duration"], 2000000);
  EXPECT_EQ(last["eval_duration"], 3000000);
  EXPECT_EQ(last["total_duration"], 5000000);
}

TEST(OllamaWriter, TheWholeChatIsOneObject) {
  OllamaWriter writer({.model = "tally"});
  written(writer, whole_reply(), reply_end(Finish::length, 100, 60, 12));
  const Json body = writer.body();
  EXPECT_EQ(body["message"]["content"], "I look.");
  EXPECT_EQ(body["message"]["thinking"], "Hm");
  EXPECT_EQ(body["message"]["tool_calls"].size(), 1u);
  EXPECT_EQ(body["done_reason"], "length");
  EXPECT_EQ(body["done"], true);
}

TEST(OllamaWriter, GenerationsHaveAResponseAndTheirTokens) {
  OllamaWriter writer({.model = "tally", .is_chat = false, .context = {1, 2}});
  ReplyEnd end = reply_end(Finish::stop, 2, 0, 1);
  end.tokens = {3};
  const auto events = written(writer, {said("x"), said("y")}, end);
  EXPECT_EQ(events[0].data["response"], "x");
  EXPECT_FALSE(events[0].data.contains("message"));
  EXPECT_EQ(events[2].data["response"], "");
  EXPECT_THAT(events[2].data["context"].get<std::vector<Token>>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(writer.body()["response"], "xy");
}

TEST(OllamaWriter, ACallThatBrokeOffIsText) {
  for (const bool goes_on : {false, true}) {
    OllamaWriter writer({.model = "tally"});
    std::vector<ChatEvent> events = called("t", "read", {"{\"path\":"});
    events.pop_back();
    if (goes_on) events.push_back(said("!"));
    written(writer, events, reply_end(Finish::length, 9, 0, 5));
    EXPECT_EQ(writer.body()["message"]["content"], goes_on ? "read{\"path\":!" : "read{\"path\":");
    EXPECT_FALSE(writer.body()["message"].contains("tool_calls"));
  }
}

TEST(OllamaWriter, ErrorsAreText) {
  OllamaWriter writer({.model = "tally"});
  const auto events = writer.fail(http_error(404, "no such path"));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(dump(events[0].data), R"({"error":"no such path"})");
  EXPECT_THAT(dump(ollama_error(to_http({Errc::too_long, "so long"}))),
              HasSubstr("exceeds the available context size"));
}

TEST(OllamaWriter, LoadingIsAnsweredAtOnce) {
  const Json loaded = ollama_loaded_json({.model = "tally"}, false);
  EXPECT_EQ(loaded["done"], true);
  EXPECT_EQ(loaded["done_reason"], "load");
  EXPECT_EQ(loaded["message"]["content"], "");
  const Json unloaded = ollama_loaded_json({.model = "tally", .is_chat = false}, true);
  EXPECT_EQ(unloaded["done_reason"], "unload");
  EXPECT_EQ(unloaded["response"], "");
}

OllamaModel tally() {
  return {.id = "tally",
          .architecture = "qwen3",
          .quantization = "Q8_0",
          .chat_template = "{{ messages }}",
          .parameters = 4'020'000'000,
          .file_bytes = 4'280'000'000,
          .modified = 1'790'000'000,
          .context = 8192,
          .embedding = 2560,
          .capabilities = {"completion", "tools"}};
}

TEST(OllamaModels, TheOneModelIsListed) {
  const Json model = ollama_tags_json(tally())["models"][0];
  EXPECT_EQ(model["name"], "tally");
  EXPECT_EQ(model["model"], "tally");
  EXPECT_EQ(model["size"], 4'280'000'000);
  EXPECT_EQ(model["modified_at"], "2026-09-21T14:13:20Z");
  EXPECT_EQ(model["digest"].get<std::string>().size(), 64u);
  EXPECT_EQ(model["details"]["family"], "qwen3");
  EXPECT_EQ(model["details"]["parameter_size"], "4.0B");
  EXPECT_EQ(model["details"]["quantization_level"], "Q8_0");
  const Json running = ollama_ps_json(tally())["models"][0];
  EXPECT_EQ(running["context_length"], 8192);
  EXPECT_TRUE(running.contains("expires_at"));
}

TEST(OllamaModels, ShowTellsOfIt) {
  for (const char* body : {R"({"model": "tally"})", R"({"name": "tally:latest"})"}) {
    const auto shown = ollama_show_json(Json::parse(body), tally());
    ASSERT_TRUE(shown) << body;
    EXPECT_EQ((*shown)["template"], "{{ messages }}");
    EXPECT_EQ((*shown)["model_info"]["general.architecture"], "qwen3");
    EXPECT_EQ((*shown)["model_info"]["qwen3.context_length"], 8192);
    EXPECT_EQ((*shown)["capabilities"], Json::array({"completion", "tools"}));
  }
  for (const char* body : {"{}", R"({"model": "other"})", R"({"model": "tally:7b"})", R"({"model": 5})"}) {
    const auto shown = ollama_show_json(Json::parse(body), tally());
    ASSERT_FALSE(shown) << body;
    EXPECT_EQ(shown.error().field, "model");
  }
}

TEST(OllamaModels, WhatIsThereIsPulled) {
  const auto pulled = ollama_pull(Json::parse(R"({"model": "tally"})"), tally());
  ASSERT_TRUE(pulled);
  EXPECT_TRUE(pulled->streams);
  EXPECT_EQ(dump(pulled->objects.back()), R"({"status":"success"})");
  EXPECT_FALSE(ollama_pull(Json::parse(R"({"model": "tally", "stream": false})"), tally())->streams);
  EXPECT_FALSE(ollama_pull(Json::parse(R"({"model": "other"})"), tally()));
}

TEST(OllamaModels, TheVersionIsOneThatClientsWorkWith) {
  EXPECT_EQ(ollama_version_json()["version"], "0.13.4");
}

}  // namespace
}  // namespace banyan
