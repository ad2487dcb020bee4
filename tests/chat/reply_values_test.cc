// Arguments without quotes, and the ends and beginnings of replies.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chat/reply/marker.h"
#include "chat/reply/reply_parser.h"
#include "chat/reply_families.h"

namespace banyan {
namespace {

using Kind = ChatEvent::Kind;

struct Read {
  std::string text, thought, arguments;
  bool is_whole = false;
};

Read read(const ReplyForm& form, const ChatRequest& request, const std::string& prompt,
          const std::string& reply, bool by_model = false) {
  ReplyParser parser(form, request, prompt, [] { return "id"; });
  std::vector<ChatEvent> events = parser.add(reply);
  for (ChatEvent& event : parser.end(by_model)) events.push_back(std::move(event));
  Read read;
  for (const ChatEvent& event : events) {
    if (event.kind == Kind::text) read.text += event.text;
    if (event.kind == Kind::reasoning) read.thought += event.text;
    if (event.kind == Kind::arguments) read.arguments += event.text;
    if (event.kind == Kind::call_end) read.is_whole = true;
  }
  return read;
}

const ReplyForm& form_of(const std::string& family) { return test::learned_form(test::reply_family(family)); }

// Of an argument "a" with this schema in Qwen3-Coder's form.
std::string argument(const std::string& schema, const std::string& value) {
  ChatRequest request;
  request.tools = {{.name = "f",
                    .parameters = Json::parse(
                        R"({"$defs": {"text": {"type": "string"}}, "properties": {"a": )" + schema + "}}")}};
  const std::string call =
      "<tool_call>\n<function=f>\n<parameter=a>\n" + value + "\n</parameter>\n</function>\n</tool_call>";
  const std::string json = read(form_of("qwen3-coder"), request, "", call).arguments;
  return json.substr(6, json.size() - 7);  // {"a": VALUE}
}

TEST(ReplyValues, AreOfTheTypesThatTheSchemaAllows) {
  const std::string optional = R"({"anyOf": [{"type": "string"}, {"type": "null"}]})";
  EXPECT_EQ(argument(optional, R"({"a": 1})"), R"("{\"a\": 1}")");
  EXPECT_EQ(argument(optional, "12345"), R"("12345")");
  EXPECT_EQ(argument(optional, "true"), R"("true")");
  EXPECT_EQ(argument(optional, "null"), "null");
  EXPECT_EQ(argument(R"({"type": ["string", "null"]})", "1"), R"("1")");
  EXPECT_EQ(argument(R"({"type": ["string", "integer"]})", "1"), "1");
  EXPECT_EQ(argument(R"({"$ref": "#/$defs/text"})", "1"), R"("1")");
  EXPECT_EQ(argument(R"({"allOf": [{"$ref": "#/$defs/text"}]})", "1"), R"("1")");
  EXPECT_EQ(argument("{}", "1"), "1");
  EXPECT_EQ(argument(R"({"type": "integer"})", "1"), "1");
}

TEST(ReplyValues, InTagsMayBeJson) {
  const ReplyForm form = form_of("minimax-m3");
  const std::string p = "]<]minimax[>[";
  const auto value = [&](const std::string& schema, const std::string& text) {
    ChatRequest request;
    request.tools = {{.name = "f", .parameters = Json::parse(R"({"properties": {"a": )" + schema + "}}")}};
    const std::string call = p + "<tool_call>" + p + R"(<invoke name="f">)" + p + "<a>" + text + p + "</a>" +
                             p + "</invoke>" + p + "</tool_call>";
    return read(form, request, "", call).arguments;
  };
  EXPECT_EQ(value(R"({"type": "object"})", R"({"a": 1})"), R"({"a": {"a": 1}})");
  EXPECT_EQ(value(R"({"type": "array"})", "[1, 2]"), R"({"a": [1, 2]})");
  const std::string items = p + "<item>123" + p + "</item>";
  EXPECT_EQ(value(R"({"type": "array", "items": {"type": "string"}})", items), R"({"a": ["123"]})");
  EXPECT_EQ(value(R"({"type": "array", "items": {"type": "integer"}})", items), R"({"a": [123]})");
  EXPECT_EQ(value(R"({"type": "object", "properties": {"k": {"type": "string"}}})", p + "<k>1" + p + "</k>"),
            R"({"a": {"k": "1"}})");
}

TEST(ReplyValues, ACallWhoseEndIsTheModelsIsWhole) {
  const ChatRequest request = test::weather_request();
  const std::string call = "<tool_call>\n<function=get_weather>\n<parameter=city>\nx\n</parameter>\n";
  for (const char* end : {"", "</function>", "</function>\n", "</function>\n</tool_"}) {
    const Read whole = read(form_of("qwen3-coder"), request, "", call + end, true);
    EXPECT_TRUE(whole.is_whole) << end;
    EXPECT_EQ(whole.arguments, R"({"city": "x"})") << end;
    EXPECT_FALSE(read(form_of("qwen3-coder"), request, "", call + end).is_whole) << end;
  }
  EXPECT_FALSE(read(form_of("qwen3-coder"), request, "", call + "<parameter=", true).is_whole);
  EXPECT_FALSE(read(form_of("qwen3-coder"), request, "", call + "<parameter=days>\n1", true).is_whole);
  EXPECT_EQ(read(form_of("qwen3-coder"), request, "", call + "<parameter=options>\n{\"unit\": \"C").arguments,
            R"({"city": "x", "options": {"unit": "C)");
}

TEST(ReplyValues, AReplyMayGoOnWithinAThought) {
  const ReplyForm form = form_of("qwen3");
  ChatRequest request = test::weather_request();
  request.messages.push_back({.role = Role::assistant, .reasoning = "Well,"});
  request.continues_last = true;
  const std::string prompt = "<|im_start|>assistant\n<think>\nWell,";
  EXPECT_TRUE(opens_thought(form, request, prompt));
  const Read got = read(form, request, prompt, " rain.\n</think>\n\nIt rains.");
  EXPECT_EQ(got.thought, " rain.");
  EXPECT_EQ(got.text, "It rains.");
  EXPECT_FALSE(opens_thought(form, request, prompt + "\n</think>"));
  request.messages.back().content = {{.text = "<think>"}};
  EXPECT_FALSE(opens_thought(form, request, prompt));
}

TEST(ReplyValues, NothingIsLostBehindAPromptThatEndsAsACallBegins) {
  ReplyForm form = form_of("qwen3-coder");
  ASSERT_TRUE(form.call.begin.contains('\n'));
  const std::string prompt = "x" + form.call.begin;
  EXPECT_EQ(read(form, test::weather_request(), prompt, "no tool>").text, "no tool>");
}

TEST(ReplyValues, ATextEndsAtAMarker) { EXPECT_THROW(TextUntil(""), Misuse); }

}  // namespace
}  // namespace banyan
