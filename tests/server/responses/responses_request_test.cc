// OpenAI's responses: bodies to chats.
#include "server/responses/responses_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/dialect/sealed_thought.h"
#include "server/dialect/told.h"
#include "server/responses/codex.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kPlenty = 1 << 20;

ResponsesRequest read(Json body) {
  ResponseStore store(kPlenty);
  if (!body.contains("input")) body["input"] = "hi";
  auto request = read_responses_request(body, store, {});
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return std::move(request).value_or(ResponsesRequest());
}

std::vector<std::string> history(const char* items) {
  return told(read({{"input", Json::parse(items)}}).chat.messages);
}

Error error_of(const char* fields) {
  ResponseStore store(kPlenty);
  Json body = {{"input", "hi"}};
  body.update(Json::parse(fields));
  const auto request = read_responses_request(body, store, {});
  return request ? Error{Errc::io, "there was none"} : request.error();
}

TEST(ResponsesRequest, TextIsAUsersMessage) {
  EXPECT_THAT(told(read({{"instructions", "Be brief."}, {"input", "hi"}}).chat.messages),
              ElementsAre("system Be brief.", "user hi"));
  // So codex warms up.
  const ResponsesRequest warm_up = read({{"model", "tally"}, {"input", ""}, {"max_output_tokens", 1}});
  EXPECT_THAT(told(warm_up.chat.messages), ElementsAre("user "));
  EXPECT_EQ(warm_up.generation.max_tokens, 1);
}

// It stays in memory until the reply is whole, and then in the store.
TEST(ResponsesRequest, OfTheInputOnlyWhatIsReadIsKept) {
  const Json items = Json::parse(R"([{"id": "msg_1", "role": "user", "junk": [[], []], "content": [
        {"type": "input_text", "text": "a", "junk": [1]}, {"type": "input_text", "text": ""}]},
      {"type": "web_search_call", "id": "ws_1", "junk": 1}])");
  const ResponsesRequest request = read({{"input", items},
                                         {"metadata", {{"a", std::string(20000, 'x')}}},
                                         {"tools", Json::parse(R"([{"type": "web_search", "junk": [1]}])")}});
  EXPECT_EQ(dump(request.input),
            R"([{"id":"msg_1","role":"user","content":[{"type":"input_text","text":"a"}]}])");
  EXPECT_EQ(dump(request.echo["metadata"]), "{}");
  EXPECT_EQ(dump(request.echo["tools"]), R"([{"type":"web_search"}])");
}

TEST(ResponsesRequest, MessagesNeedNoTypeAndRolesAreKnown) {
  EXPECT_THAT(history(R"([{"role": "developer", "content": "a"}, {"role": "user", "content": "b"},
      {"role": "assistant", "content": [{"type": "output_text", "text": "c", "annotations": []}]},
      {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "d"}]}])"),
              ElementsAre("system a", "user b", "assistant c", "system d"));
}

TEST(ResponsesRequest, ATypeThatIsNullIsNone) {
  EXPECT_THAT(history(R"([{"type": null, "role": "user", "content": "a"}])"), ElementsAre("user a"));
}

TEST(ResponsesRequest, WhatOneReplyWasMadeOfIsOneMessage) {
  EXPECT_THAT(history(R"([{"role": "user", "content": "What is in a and b?"},
      {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Look."}]},
      {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
      {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{\"path\":\"a\"}"},
      {"type": "function_call", "call_id": "c2", "name": "read", "arguments": "{\"path\":\"b\"}"},
      {"type": "function_call_output", "call_id": "c1", "output": "apples"},
      {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "pears"}]},
      {"type": "reasoning", "summary": []},
      {"type": "function_call", "call_id": "c3", "name": "done", "arguments": ""},
      {"type": "web_search_call", "id": "ws_1", "status": "completed"},
      {"type": "function_call_output", "call_id": "c3", "output": "ok"},
      {"role": "assistant", "content": "Both are fruit."}])"),
              ElementsAre("user What is in a and b?",
                          "assistant <Look.> I look. +read#c1{\"path\":\"a\"} +read#c2{\"path\":\"b\"}",
                          "tool read#c1 apples", "tool read#c2 pears", "assistant +done#c3",
                          "tool done#c3 ok", "assistant Both are fruit."));
}

TEST(ResponsesRequest, ThoughtsComeBackAsTextSealedOrAsSummaries) {
  const auto thought_of = [](Json item) {
    item["type"] = "reasoning";
    return told(read({{"input", {item, {{"role", "assistant"}, {"content", "x"}}}}}).chat.messages).front();
  };
  const Json summary = Json::array({{{"type", "summary_text"}, {"text", "short"}}});
  EXPECT_EQ(thought_of({{"summary", summary}}), "assistant <short> x");
  EXPECT_EQ(thought_of({{"summary", summary}, {"encrypted_content", "from elsewhere"}}),
            "assistant <short> x");
  EXPECT_EQ(thought_of({{"summary", summary}, {"encrypted_content", seal_thought("the whole")}}),
            "assistant <the whole> x");
}

TEST(ResponsesRequest, CodexSecondTurnGoesOnFromItsFirst) {
  ResponsesRequest first = read(codex_turn("msg_a", false));
  const ResponsesRequest second = read(codex_turn("msg_b", true));
  const std::vector<std::string> before = told(first.chat.messages);
  std::vector<std::string> after = told(second.chat.messages);
  ASSERT_EQ(before.size(), 4u);
  ASSERT_EQ(after.size(), 6u);
  EXPECT_EQ(before[1], "system <skills>none</skills>|<permissions>all</permissions>");
  EXPECT_EQ(after[4], "assistant <I run it.> +exec_command#call_7{\"cmd\":\"echo oak\"}");
  EXPECT_EQ(after[5], "tool exec_command#call_7 Exit code 0\noak\n");
  after.resize(before.size());
  EXPECT_EQ(before, after);
  const auto tools = [](const ResponsesRequest& request) {
    std::vector<std::string> all;
    for (const Tool& tool : request.chat.tools) all.push_back(tool.name + dump(tool.parameters));
    return all;
  };
  EXPECT_EQ(tools(first), tools(second));
  EXPECT_TRUE(second.streams);
  EXPECT_FALSE(second.is_stored);
  EXPECT_TRUE(second.seals_thoughts);
  EXPECT_TRUE(second.summarizes_thoughts);
}

TEST(ResponsesRequest, FunctionsOfNamespacesAreToolsAndOtherToolsAreNone) {
  const ResponsesRequest request = read(codex_turn("x", false));
  std::vector<std::string> tools;
  for (const Tool& tool : request.chat.tools) tools.push_back(tool.name);
  EXPECT_THAT(tools, ElementsAre("exec_command", "spawn", "agents__exec_command"));
  EXPECT_EQ(request.names.for_client("exec_command"), (SpacedName{"", "exec_command"}));
  EXPECT_EQ(request.names.for_client("spawn"), (SpacedName{"agents", "spawn"}));
  EXPECT_EQ(request.names.for_client("agents__exec_command"), (SpacedName{"agents", "exec_command"}));
  EXPECT_EQ(request.names.for_model({"agents", "exec_command"}), "agents__exec_command");
  EXPECT_EQ(request.names.for_model({"gone", "other"}), "other");
}

TEST(ResponsesRequest, EveryToolChoiceIsKnown) {
  const auto choice = [](const char* json) {
    Json tools = Json::array();
    for (const char* name : {"a", "b"}) tools.push_back({{"type", "function"}, {"name", name}});
    return read({{"tools", tools}, {"tool_choice", Json::parse(json)}}).chat.tool_choice;
  };
  EXPECT_EQ(choice(R"("auto")").mode, ToolChoice::Mode::automatic);
  EXPECT_EQ(choice(R"("none")").mode, ToolChoice::Mode::none);
  EXPECT_EQ(choice(R"("required")").mode, ToolChoice::Mode::required);
  EXPECT_THAT(choice(R"({"type": "function", "name": "b"})").allowed, ElementsAre("b"));
  EXPECT_THAT(choice(R"({"type": "function", "function": {"name": "b"}})").allowed, ElementsAre("b"));
  const ToolChoice allowed = choice(R"({"type": "allowed_tools", "mode": "required", "tools": [
      {"type": "function", "name": "a"}, {"type": "web_search"}]})");
  EXPECT_EQ(allowed.mode, ToolChoice::Mode::required);
  EXPECT_THAT(allowed.allowed, ElementsAre("a"));
  EXPECT_THAT(choice(R"({"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "function",
      "function": {"name": "a"}}]}})")
                  .allowed,
              ElementsAre("a"));
}

TEST(ResponsesRequest, FormatsAreRead) {
  const auto schema = [](const char* format) {
    return read({{"text", {{"format", Json::parse(format)}}}}).chat.schema;
  };
  EXPECT_FALSE(schema(R"({"type": "text"})"));
  EXPECT_EQ(dump(schema(R"({"type": "json_object"})")->schema), R"({"type":"object"})");
  const auto strict =
      schema(R"({"type": "json_schema", "name": "n", "strict": true, "schema": {"type": "array"}})");
  EXPECT_EQ(dump(strict->schema), R"({"type":"array"})");
  EXPECT_TRUE(strict->is_strict);
  EXPECT_TRUE(schema(R"({"type": "json_schema", "name": "n", "schema": {}})")->is_strict);
  EXPECT_FALSE(schema(R"({"type": "json_schema", "name": "n", "strict": false, "schema": {}})")->is_strict);
}

TEST(ResponsesRequest, StopIsOfChatAndReadHereToo) {
  EXPECT_THAT(read({{"stop", "END"}}).generation.stop, ElementsAre("END"));
}

// The call may be in what was kept, or in an item that is not kept any more.
TEST(ResponsesRequest, ResultsMayBeOfCallsBeforeTheInput) {
  ResponseStore store(kPlenty);
  store.put({{"id", "resp_1"},
             {"previous_response_id", nullptr},
             {"output", {{{"id", "fc_1"}, {"type", "function_call"}, {"call_id", "c1"}, {"name", "read"}}}}},
            {{{"id", "msg_1"}, {"type", "message"}, {"role", "user"}, {"content", "hi"}}});
  const auto field = [&](Json input, const char* previous) {
    Json body = {{"input", std::move(input)}};
    if (previous) body["previous_response_id"] = previous;
    const auto request = read_responses_request(body, store, {});
    return request ? "" : request.error().field;
  };
  const auto result = [](const char* id) {
    return Json{{"type", "function_call_output"}, {"call_id", id}, {"output", "x"}};
  };
  const auto reference = [](const char* id) { return Json{{"type", "item_reference"}, {"id", id}}; };
  EXPECT_EQ(field(Json::array({result("c1")}), "resp_1"), "");
  EXPECT_EQ(field(Json::array({result("c2")}), "resp_1"), "call_id");
  EXPECT_EQ(field(Json::array({result("c1")}), nullptr), "call_id");
  EXPECT_EQ(field(Json::array({reference("fc_1"), result("c1")}), nullptr), "");
  EXPECT_EQ(field(Json::array({reference("fc_gone"), result("c1")}), nullptr), "");
  // What was taken once is gone on from.
  store.put({{"id", "resp_2"}, {"previous_response_id", nullptr}, {"output", Json::array()}},
            {{{"id", "out_1"}, {"type", "function_call_output"}, {"call_id", "c9"}, {"output", "x"}}});
  EXPECT_EQ(field("and?", "resp_2"), "");
}

TEST(ResponsesRequest, ReasoningIsAsAskedFor) {
  const auto reasoning = [](const char* json) {
    return read({{"reasoning", Json::parse(json)}}).chat.reasoning;
  };
  EXPECT_EQ(reasoning("{}").enabled, std::nullopt);
  EXPECT_EQ(reasoning(R"({"effort": "none"})").enabled, false);
  EXPECT_EQ(reasoning(R"({"effort": "low"})").enabled, true);
  EXPECT_EQ(reasoning(R"({"effort": "low"})").effort, "low");
}

TEST(ResponsesRequest, AConversationIsGoneOnFromByItsLastResponse) {
  ResponseStore store(kPlenty);
  store.put(
      {{"id", "resp_1"},
       {"previous_response_id", nullptr},
       {"output", {{{"id", "msg_2"}, {"type", "message"}, {"role", "assistant"}, {"content", "hello"}}}}},
      {{{"id", "msg_1"}, {"type", "message"}, {"role", "user"}, {"content", "hi"}}});
  Json body = {{"previous_response_id", "resp_1"}, {"instructions", "Be kind."}, {"input", "and?"}};
  const auto next = read_responses_request(body, store, {});
  ASSERT_TRUE(next);
  EXPECT_THAT(told(next->chat.messages),
              ElementsAre("system Be kind.", "user hi", "assistant hello", "user and?"));
  ASSERT_EQ(next->input.size(), 1u);
  EXPECT_THAT(next->input[0]["id"].get<std::string>(), testing::StartsWith("msg_"));
  EXPECT_EQ(next->echo["previous_response_id"], "resp_1");

  body["previous_response_id"] = "resp_0";
  EXPECT_EQ(read_responses_request(body, store, {}).error().field, "previous_response_id");
}

TEST(ResponsesRequest, ReferencesAreReplacedByWhatTheyName) {
  ResponseStore store(kPlenty);
  store.put(
      {{"id", "resp_1"},
       {"previous_response_id", nullptr},
       {"output", {{{"id", "msg_2"}, {"type", "message"}, {"role", "assistant"}, {"content", "hello"}}}}},
      Json::array());
  const Json body = {{"input", Json::parse(R"([{"role": "user", "content": "hi"},
      {"type": "item_reference", "id": "rs_unknown"}, {"type": "item_reference", "id": "msg_2"},
      {"type": "item_reference", "id": "msg_2"}, {"role": "user", "content": "and?"}])")}};
  const auto request = read_responses_request(body, store, {});
  ASSERT_TRUE(request);
  EXPECT_THAT(told(request->chat.messages), ElementsAre("user hi", "assistant hello", "user and?"));
  EXPECT_EQ(request->input.size(), 3u);
}

TEST(ResponsesRequest, WhatWasAskedIsRepeated) {
  const Json echo = read({{"temperature", 0.5}, {"metadata", {{"a", "b"}}}}).echo;
  EXPECT_EQ(echo["temperature"], 0.5);
  EXPECT_EQ(echo["metadata"]["a"], "b");
  EXPECT_EQ(echo["tool_choice"], "auto");
  EXPECT_EQ(echo["tools"], Json::array());
  EXPECT_FALSE(echo.contains("input"));
}

TEST(ResponsesRequest, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"input": null})", "input"},
      {R"({"input": 5})", "input"},
      {R"({"input": []})", "input"},
      {R"({"input": [5]})", "input[0]"},
      {R"({"input": [{"role": "robot", "content": "x"}]})", "input[0].role"},
      {R"({"input": [{"type": null, "content": "x"}]})", "input[0].role"},
      {R"({"input": [{"type": 5}]})", "input[0].type"},
      {R"({"input": [{"role": "user", "content": [{"text": "x"}]}]})", "input[0].content[0].type"},
      {R"({"input": [{"type": "function_call", "name": "x"}]})", "input[0].call_id"},
      {R"({"input": [{"type": "function_call", "call_id": "c", "name": "x", "arguments": {}}]})",
       "input[0].arguments"},
      {R"({"input": [{"type": "function_call_output", "output": "x"}]})", "input[0].call_id"},
      {R"({"max_output_tokens": 0})", "max_output_tokens"},
      {R"({"tools": [{"type": "function"}]})", "tools[0].name"},
      {R"({"tools": [{"type": "function", "name": "a"}, {"type": "function", "name": "a"}]})",
       "tools[1].name"},
      {R"({"tools": [{"type": "namespace", "name": "n", "tools": [{"name": 5}]}]})",
       "tools[0].tools[0].name"},
      {R"({"tool_choice": "sometimes"})", "tool_choice"},
      {R"({"tool_choice": "required"})", "tool_choice"},
      {R"({"tool_choice": {"type": "function", "name": "b"}})", "tool_choice"},
      {R"({"text": {"format": {"type": "yaml"}}})", "text.format.type"},
      {R"({"text": {"format": {"type": "json_schema"}}})", "text.format.schema"},
      {R"({"reasoning": {"effort": 5}})", "reasoning.effort"},
      {R"({"reasoning": {"effort": "banana"}})", "reasoning.effort"},
      {R"({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]})", "call_id"},
      {R"({"store": "yes"})", "store"},
  };
  for (const auto& [fields, name] : wrong) {
    const Error error = error_of(fields);
    EXPECT_EQ(error.code, Errc::invalid_argument) << fields;
    EXPECT_EQ(error.field, name) << fields;
    EXPECT_THAT(error.message, HasSubstr(name)) << fields;
  }
}

TEST(ResponsesRequest, WhatIsNotOfferedIsRefused) {
  const std::pair<const char*, const char*> refused[] = {
      {R"({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]})",
       "input[0].content[0].type"},
      {R"({"input": [{"type": "computer_call"}]})", "input[0].type"},
      {R"({"background": true})", "background"},
      {R"({"conversation": "conv_1"})", "conversation"},
      {R"({"prompt": {"id": "p"}})", "prompt"},
      {R"({"include": ["message.output_text.logprobs"]})", "include[0]"},
      {R"({"tool_choice": {"type": "web_search"}})", "tool_choice.type"},
      {R"({"max_tokens": 5})", "max_tokens"},
      {R"({"max_completion_tokens": 5})", "max_completion_tokens"},
      {R"({"response_format": {"type": "json_object"}})", "response_format"},
      {R"({"reasoning_effort": "low"})", "reasoning_effort"},
  };
  for (const auto& [fields, name] : refused) {
    const Error error = error_of(fields);
    EXPECT_EQ(error.code, Errc::unsupported) << fields;
    EXPECT_EQ(error.field, name) << fields;
  }
}

}  // namespace
}  // namespace banyan
