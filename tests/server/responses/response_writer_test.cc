// Replies as OpenAI's responses.
#include "server/responses/response_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "server/dialect/sealed_thought.h"
#include "server/dialect/told.h"
#include "server/responses/responses_request.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(ResponseWriter, StreamsItems) {
  ResponseWriter writer({.model = "tally"});
  const auto events = written(writer, whole_reply("call_1"), reply_end(Finish::end, 100, 60, 12));
  EXPECT_THAT(
      names(events),
      ElementsAre("response.created", "response.in_progress",
                  // the thought
                  "response.output_item.added", "response.content_part.added",
                  "response.reasoning_text.delta", "response.reasoning_text.delta",
                  "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
                  // the text
                  "response.output_item.added", "response.content_part.added", "response.output_text.delta",
                  "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                  "response.output_item.done",
                  // the call
                  "response.output_item.added", "response.function_call_arguments.delta",
                  "response.function_call_arguments.delta", "response.function_call_arguments.done",
                  "response.output_item.done", "response.completed"));
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].data["type"], events[i].name);
    EXPECT_EQ(events[i].data["sequence_number"], i);
  }
  const Json& created = events[0].data["response"];
  EXPECT_THAT(created["id"].get<std::string>(), StartsWith("resp_"));
  EXPECT_TRUE(created["created_at"].is_number_integer());
  EXPECT_EQ(created["model"], "tally");
  EXPECT_EQ(created["status"], "in_progress");
  EXPECT_EQ(created["output"], Json::array());

  const Json& delta = events[11].data;
  EXPECT_EQ(delta["item_id"], events[9].data["item"]["id"]);
  EXPECT_EQ(delta["output_index"], 1);
  EXPECT_EQ(delta["content_index"], 0);
  EXPECT_EQ(delta["delta"], "I ");
  EXPECT_EQ(events[13].data["text"], "I look.");
  EXPECT_EQ(events[9].data["output_index"], 1);

  const Json& call = events[20].data["item"];
  EXPECT_EQ(call["call_id"], "call_1");
  EXPECT_EQ(call["name"], "read");
  EXPECT_EQ(call["arguments"], "{\"path\":\"a\"}");
  EXPECT_EQ(call["status"], "completed");
  EXPECT_FALSE(call.contains("namespace"));
  EXPECT_EQ(events[19].data["arguments"], "{\"path\":\"a\"}");
  EXPECT_EQ(events[19].data["name"], "read");

  const Json& response = events.back().data["response"];
  EXPECT_EQ(response, writer.body());
  EXPECT_EQ(response["id"], created["id"]);
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["output"].size(), 3u);
  EXPECT_EQ(response["output"][1]["content"][0]["text"], "I look.");
  EXPECT_EQ(response["usage"]["input_tokens"], 100);
  EXPECT_EQ(response["usage"]["input_tokens_details"]["cached_tokens"], 60);
  EXPECT_EQ(response["usage"]["output_tokens"], 12);
  EXPECT_EQ(response["usage"]["total_tokens"], 112);
}

TEST(ResponseWriter, ThoughtsComeAsSummariesWhereThoseAreWanted) {
  ResponseWriter writer({.model = "tally", .seals_thoughts = true, .summarizes_thoughts = true});
  const auto events = written(writer, {thought("Hmm."), said("Yes.")}, reply_end(Finish::end, 9, 0, 5));
  EXPECT_EQ(events[3].name, "response.reasoning_summary_part.added");
  EXPECT_EQ(events[4].name, "response.reasoning_summary_text.delta");
  EXPECT_EQ(events[4].data["summary_index"], 0);
  const Json item = writer.body()["output"][0];
  EXPECT_EQ(dump(item["summary"]), R"([{"type":"summary_text","text":"Hmm."}])");
  EXPECT_EQ(item["encrypted_content"], seal_thought("Hmm."));
}

TEST(ResponseWriter, WhatItWritesIsReadBackAsTheSameMessage) {
  for (const bool summarizes : {false, true}) {
    ResponseWriter writer({.model = "tally", .seals_thoughts = true, .summarizes_thoughts = summarizes});
    written(writer, whole_reply("call_1"), reply_end(Finish::end, 9, 0, 5));
    ResponseStore store(1 << 20);
    const auto request = read_responses_request({{"input", writer.body()["output"]}}, store, {});
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_THAT(told(request->chat.messages),
                ElementsAre("assistant <Hmm.> I look. +read#call_1{\"path\":\"a\"}"));
  }
}

TEST(ResponseWriter, CallsOfNamespacesNameThem) {
  ResponseOptions options{.model = "tally"};
  options.names.add({"agents", "spawn"});
  ResponseWriter writer(options);
  written(writer, called("call_1", "spawn", {"{}"}), reply_end(Finish::end, 9, 0, 5));
  const Json call = writer.body()["output"][0];
  EXPECT_EQ(call["name"], "spawn");
  EXPECT_EQ(call["namespace"], "agents");
}

TEST(ResponseWriter, AReplyThatWasCutIsIncomplete) {
  ResponseWriter writer({.model = "tally"});
  const auto events = written(writer, {said("I lo")}, reply_end(Finish::length, 9, 0, 1));
  EXPECT_EQ(events.back().name, "response.incomplete");
  EXPECT_EQ(writer.body()["status"], "incomplete");
  EXPECT_EQ(writer.body()["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(writer.body()["output"][0]["status"], "incomplete");
}

TEST(ResponseWriter, ACallThatBrokeOffIsIncomplete) {
  for (const bool goes_on : {false, true}) {
    ResponseWriter writer({.model = "tally"});
    std::vector<ChatEvent> events = called("call_1", "read", {"{\"path\":"});
    events.pop_back();
    if (goes_on) events.push_back(said("!"));
    written(writer, events, reply_end(Finish::end, 9, 0, 5));
    EXPECT_EQ(writer.body()["output"][0]["status"], "incomplete");
  }
}

TEST(ResponseWriter, WhileThePromptIsReadItSaysSo) {
  ResponseWriter writer({.model = "tally"});
  writer.begin({});
  EXPECT_THAT(names(writer.wait()), ElementsAre("response.in_progress"));
}

TEST(ResponseWriter, AReplyThatFailsBeforeItBeganIsCreatedAllTheSame) {
  ResponseWriter writer({.model = "tally"});
  EXPECT_THAT(names(writer.fail(http_error(500))),
              ElementsAre("response.created", "error", "response.failed"));
}

TEST(ResponseWriter, ABrokenReplyFails) {
  ResponseWriter writer({.model = "tally"});
  writer.begin({});
  const auto events = writer.fail(to_http({Errc::internal, "the model failed"}));
  EXPECT_THAT(names(events), ElementsAre("error", "response.failed"));
  EXPECT_EQ(events[0].data["message"], "the model failed");
  EXPECT_EQ(events[1].data["response"]["status"], "failed");
  EXPECT_EQ(events[1].data["response"]["error"]["message"], "the model failed");
}

}  // namespace
}  // namespace banyan
