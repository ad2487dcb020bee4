// OpenAI's JSON to the neutral chat request.
#include "server/openai/chat_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace banyan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ChatRequest read(const std::string& body) {
  const auto request = read_chat_request(Json::parse(body));
  EXPECT_TRUE(request) << request.error().message << '\n' << body;
  return request.value_or(ChatRequest{});
}
Message read_message(const std::string& message) {
  const ChatRequest request = read(R"({"messages": [)" + message + "]}");
  return request.messages.empty() ? Message{} : request.messages[0];
}
Error error_of(const std::string& body) {
  const auto request = read_chat_request(Json::parse(body));
  EXPECT_FALSE(request) << body;
  if (request) return {};
  EXPECT_THAT(request.error().message, HasSubstr(request.error().field));
  return request.error();
}
std::string wrong_field(const std::string& message) {
  return error_of(R"({"messages": [{"role": "user", "content": "hi"}, )" + message + "]}").field;
}

const std::string kHi = R"("messages": [{"role": "user", "content": "hi"}])";
const std::string kTools =
    R"("tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}])";

TEST(ChatMessages, RolesHaveOtherNames) {
  const ChatRequest request = read(R"({"messages": [
      {"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, {"role": "user", "content": "c"},
      {"role": "assistant", "content": "d", "tool_calls": [{"id": "1", "function": {"name": "g"}}]},
      {"role": "tool", "content": "e", "tool_call_id": "1"},
      {"role": "function", "content": "f", "name": "g"}]})");
  ASSERT_EQ(request.messages.size(), 6u);
  const Role expected[] = {Role::system, Role::system, Role::user, Role::assistant, Role::tool, Role::tool};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(request.messages[i].role, expected[i]);
    ASSERT_EQ(request.messages[i].content.size(), 1u);
    EXPECT_EQ(request.messages[i].content[0].text, std::string(1, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(request.messages[4].call_id, "1");
  EXPECT_EQ(request.messages[5].name, "g");
}

TEST(ChatMessages, ContentsMayBeMissingNullEmptyTextOrParts) {
  for (const char* none : {R"({"role": "assistant"})", R"({"role": "assistant", "content": null})",
                           R"({"role": "assistant", "content": []})", R"({"role": "tool"})",
                           R"({"role": "user", "content": null})"}) {
    EXPECT_THAT(read_message(none).content, IsEmpty()) << none;
  }
  EXPECT_EQ(read_message(R"({"role": "user", "content": ""})").content[0].text, "");
  const Message parts = read_message(R"({"role": "assistant", "content": [
      {"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]})");
  ASSERT_EQ(parts.content.size(), 2u);
  EXPECT_EQ(parts.content[1].text, "b");
  EXPECT_EQ(read_message(R"({"role": "assistant", "content": null, "refusal": "no"})").content[0].text, "no");
}

TEST(ChatMessages, MarksAreRestorePoints) {
  const Message message =
      read_message(R"({"role": "user", "cache_control": {"type": "ephemeral"}, "content": [
      {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
      {"type": "text", "text": "b", "cache_control": null}, {"type": "text", "text": "c"}]})");
  ASSERT_EQ(message.content.size(), 3u);
  EXPECT_TRUE(message.content[0].is_restore_point);
  EXPECT_FALSE(message.content[1].is_restore_point);
  EXPECT_TRUE(message.content[2].is_restore_point);
}

TEST(ChatMessages, CallsAndThoughtsAreRead) {
  const Message message = read_message(R"({"role": "assistant", "content": null, "reasoning_content": "hm",
      "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1"}},
                     {"function": {"name": "g", "arguments": {"b": 2}}}]})");
  EXPECT_EQ(message.reasoning, "hm");
  ASSERT_EQ(message.calls.size(), 2u);
  EXPECT_EQ(message.calls[0].id, "1");
  EXPECT_EQ(message.calls[0].name, "f");
  EXPECT_EQ(message.calls[0].arguments, "{\"a\": 1");
  EXPECT_EQ(message.calls[1].arguments, "{\"b\":2}");
  for (const char* none : {R"({"role": "assistant", "content": "x", "tool_calls": []})",
                           R"({"role": "assistant", "content": "x", "tool_calls": null})"}) {
    EXPECT_THAT(read_message(none).calls, IsEmpty());
  }
  EXPECT_EQ(read_message(R"({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}})")
                .calls.size(),
            1u);
  EXPECT_EQ(read_message(R"({"role": "assistant", "content": "", "reasoning": "hm"})").reasoning, "hm");
}

TEST(ChatMessages, WrongMessagesAreNamed) {
  EXPECT_EQ(error_of("{}").field, "messages");
  EXPECT_EQ(error_of(R"({"messages": {}})").field, "messages");
  EXPECT_EQ(error_of(R"({"messages": []})").field, "messages");
  EXPECT_EQ(wrong_field(R"("hi")"), "messages[1]");
  EXPECT_EQ(wrong_field(R"({"content": "hi"})"), "messages[1].role");
  EXPECT_EQ(wrong_field(R"({"role": 7, "content": "hi"})"), "messages[1].role");
  EXPECT_EQ(wrong_field(R"({"role": "wizard", "content": "hi"})"), "messages[1].role");
  EXPECT_EQ(wrong_field(R"({"role": "user"})"), "messages[1].content");
  EXPECT_EQ(wrong_field(R"({"role": "user", "content": 7})"), "messages[1].content");
  EXPECT_EQ(wrong_field(R"({"role": "user", "content": ["hi"]})"), "messages[1].content[0]");
  EXPECT_EQ(
      wrong_field(R"({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]})"),
      "messages[1].content[1].type");
  EXPECT_EQ(wrong_field(R"({"role": "user", "content": [{"type": "text"}]})"), "messages[1].content[0].text");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "tool_calls": "x"})"), "messages[1].tool_calls");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "tool_calls": [5]})"), "messages[1].tool_calls[0]");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "tool_calls": [{}]})"),
            "messages[1].tool_calls[0].function");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "tool_calls": [{"function": {}}]})"),
            "messages[1].tool_calls[0].function.name");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "tool_calls": [{"type": "custom"}]})"),
            "messages[1].tool_calls[0].type");
  EXPECT_EQ(wrong_field(R"({"role": "assistant", "reasoning_content": []})"),
            "messages[1].reasoning_content");
}

TEST(ChatMessages, ToolsAreRead) {
  const ChatRequest request = read("{" + kHi + R"(, "tools": [{"type": "function", "function": {
      "name": "f", "description": "does", "parameters": {"type": "object"}, "strict": true}},
      {"type": "function", "function": {"name": "g", "description": null, "parameters": null}}]})");
  ASSERT_EQ(request.tools.size(), 2u);
  EXPECT_EQ(request.tools[0].name, "f");
  EXPECT_EQ(request.tools[0].description, "does");
  EXPECT_EQ(request.tools[0].parameters, Json::parse(R"({"type": "object"})"));
  EXPECT_TRUE(request.tools[0].is_strict);
  EXPECT_TRUE(request.tools[1].parameters.is_null());
  for (const char* none : {"null", "[]"})
    EXPECT_THAT(read("{" + kHi + R"(, "tools": )" + none + "}").tools, IsEmpty());
}

TEST(ChatMessages, WrongToolsAreNamed) {
  const auto field = [](const std::string& tools) {
    return error_of("{" + kHi + R"(, "tools": )" + tools + "}").field;
  };
  EXPECT_EQ(field(R"("x")"), "tools");
  EXPECT_EQ(field(R"([{"function": {"name": "f"}}, null])"), "tools[1]");
  EXPECT_EQ(field(R"([{"type": "custom"}])"), "tools[0].type");
  EXPECT_EQ(field(R"([{"type": "function"}])"), "tools[0].function");
  EXPECT_EQ(field(R"([{"type": "function", "function": {}}])"), "tools[0].function.name");
  EXPECT_EQ(field(R"([{"type": "function", "function": {"name": "f", "parameters": []}}])"),
            "tools[0].function.parameters");
}

TEST(ChatMessages, ToolChoiceHasManyForms) {
  using enum ToolChoice::Mode;
  const auto choice = [](const std::string& value) {
    return read("{" + kHi + ", " + kTools + R"(, "tool_choice": )" + value + "}").tool_choice;
  };
  EXPECT_EQ(choice("null").mode, automatic);
  EXPECT_EQ(choice(R"("auto")").mode, automatic);
  EXPECT_EQ(choice(R"("none")").mode, none);
  EXPECT_EQ(choice(R"("required")").mode, required);
  EXPECT_THAT(choice(R"("required")").allowed, IsEmpty());
  for (const char* named :
       {R"({"type": "function", "function": {"name": "g"}})", R"({"type": "function", "name": "g"})"}) {
    EXPECT_EQ(choice(named).mode, required);
    EXPECT_THAT(choice(named).allowed, ElementsAre("g"));
  }
  const ToolChoice allowed = choice(R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
      {"type": "function", "function": {"name": "f"}}]}})");
  EXPECT_EQ(allowed.mode, automatic);
  EXPECT_THAT(allowed.allowed, ElementsAre("f"));
}

TEST(ChatMessages, WrongToolChoicesAreNamed) {
  const auto field = [](const std::string& value, const std::string& tools = kTools) {
    return error_of("{" + kHi + ", " + tools + R"(, "tool_choice": )" + value + "}").field;
  };
  EXPECT_EQ(field(R"("some")"), "tool_choice");
  EXPECT_EQ(field("5"), "tool_choice");
  EXPECT_EQ(field(R"("required")", R"("tools": [])"), "tool_choice");
  EXPECT_EQ(field(R"({"type": "custom"})"), "tool_choice.type");
  EXPECT_EQ(field(R"({"type": "function"})"), "tool_choice.name");
  EXPECT_EQ(field(R"({"type": "function", "function": {"name": "h"}})"), "tool_choice");
  EXPECT_EQ(field(R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto"}})"),
            "tool_choice.allowed_tools.tools");
  EXPECT_EQ(
      field(R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"name": "h"}]}})"),
      "tool_choice");
}

TEST(ChatMessages, ThinkingIsAskedForInManyWays) {
  EXPECT_EQ(read("{" + kHi + "}").reasoning.enabled, std::nullopt);
  const ChatRequest low = read("{" + kHi + R"(, "reasoning_effort": "low"})");
  EXPECT_EQ(low.reasoning.effort, "low");
  EXPECT_EQ(low.reasoning.enabled, true);
  EXPECT_EQ(read("{" + kHi + R"(, "reasoning_effort": "none"})").reasoning.enabled, false);
  const ChatRequest off =
      read("{" + kHi + R"(, "chat_template_kwargs": {"enable_thinking": false, "mood": "calm"}})");
  EXPECT_EQ(off.reasoning.enabled, false);
  EXPECT_EQ(off.variables, (Json{{"mood", "calm"}}));
  EXPECT_EQ(error_of("{" + kHi + R"(, "chat_template_kwargs": {"enable_thinking": "false"}})").field,
            "chat_template_kwargs.enable_thinking");
  EXPECT_EQ(read("{" + kHi + R"(, "enable_thinking": false, "reasoning_effort": "low"})").reasoning.enabled,
            false);
  EXPECT_EQ(read("{" + kHi + R"(, "enable_thinking": true})").reasoning.enabled, true);
  EXPECT_EQ(read("{" + kHi + R"(, "thinking_budget_tokens": 7})").reasoning.budget, 7);
  const ChatRequest enabled = read("{" + kHi + R"(, "thinking": {"type": "enabled", "budget_tokens": 9}})");
  EXPECT_EQ(enabled.reasoning.enabled, true);
  EXPECT_EQ(enabled.reasoning.budget, 9);
  EXPECT_EQ(read("{" + kHi + R"(, "thinking": {"type": "disabled"}})").reasoning.enabled, false);
  const ChatRequest open_router = read("{" + kHi + R"(, "reasoning": {"effort": "high", "max_tokens": 5}})");
  EXPECT_EQ(open_router.reasoning.effort, "high");
  EXPECT_EQ(open_router.reasoning.budget, 5);
  EXPECT_EQ(read("{" + kHi + R"(, "think": false})").reasoning.enabled, false);
  EXPECT_EQ(read("{" + kHi + R"(, "reasoning_effort": "default"})").reasoning.enabled, std::nullopt);
  const Error unknown = error_of("{" + kHi + R"(, "reasoning_effort": "banana"})");
  EXPECT_EQ(unknown.field, "reasoning_effort");
  EXPECT_THAT(unknown.message, HasSubstr(R"("none", "minimal", "low", "medium", "high", "xhigh", "max")"));
}

TEST(ChatMessages, FieldsOfOtherDialectsAreNotIgnored) {
  for (const char* field : {"stop_sequences", "max_output_tokens", "output_config"}) {
    Json body = Json::parse("{" + kHi + "}");
    body[field] = 5;
    EXPECT_EQ(error_of(dump(body)).field, field);
    body[field] = Json::array();
    EXPECT_TRUE(read_chat_request(body)) << field << " says nothing";
  }
  EXPECT_EQ(error_of("{" + kHi + R"(, "stop_sequences": ["a"]})").message,
            "`stop_sequences` is a field of Anthropic's messages; here it is `stop`");
  EXPECT_TRUE(read_chat_request(Json::parse("{" + kHi + R"(, "x_unknown": 5})")));
}

TEST(ChatMessages, ResultsAreOfCallsBeforeThem) {
  const char* call = R"({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]})";
  const auto body = [](const std::string& messages) {
    return R"({"messages": [{"role": "user", "content": "hi"}, )" + messages + "]}";
  };
  read(body(call + std::string(R"(, {"role": "tool", "tool_call_id": "a", "content": "x"})")));
  for (const std::string& wrong :
       {std::string(R"({"role": "tool", "tool_call_id": "b", "content": "x"})"),
        call + std::string(R"(, {"role": "tool", "tool_call_id": "b", "content": "x"})"),
        R"({"role": "tool", "tool_call_id": "a", "content": "x"}, )" + std::string(call)}) {
    const Error error = error_of(body(wrong));
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_EQ(error.field, "tool_call_id");
  }
  EXPECT_THAT(error_of(body(R"({"role": "tool", "tool_call_id": "call_9"})")).message,
              HasSubstr("\"call_9\""));
}

TEST(ChatMessages, ALastMessageOfTheAssistantIsGoneOnFrom) {
  const auto body = [](const std::string& fields) {
    return R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])" +
           fields + "}";
  };
  EXPECT_TRUE(read(body("")).continues_last);
  EXPECT_TRUE(
      read(body(R"(, "continue_final_message": true, "add_generation_prompt": false)")).continues_last);
  EXPECT_FALSE(read(body(R"(, "continue_final_message": false)")).continues_last);
  EXPECT_FALSE(read(body(R"(, "add_generation_prompt": false)")).continues_last);
  EXPECT_FALSE(read(R"({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]})")
                   .continues_last);
  EXPECT_FALSE(read("{" + kHi + "}").continues_last);
  EXPECT_EQ(error_of("{" + kHi + R"(, "continue_final_message": true})").field, "continue_final_message");
  EXPECT_EQ(error_of(body(R"(, "continue_final_message": true, "add_generation_prompt": true)")).field,
            "continue_final_message");
}

}  // namespace
}  // namespace banyan
