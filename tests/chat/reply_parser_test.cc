#include "chat/reply/reply_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chat/reply_families.h"

namespace banyan {
namespace {

using test::ReplyFamily;
using Kind = ChatEvent::Kind;

Message message_of(const std::string& text, const std::string& thought, std::vector<ToolCall> calls) {
  Message message{.role = Role::assistant, .reasoning = thought, .calls = std::move(calls)};
  if (!text.empty()) message.content.push_back({.text = text});
  return message;
}

ToolCall weather_call(const std::string& arguments) { return {"", "get_weather", arguments}; }

class Parsing {
 public:
  Parsing(const ReplyForm& form, const ChatRequest& request, const std::string& prompt)
      : parser_(form, request, prompt, [this] { return "made" + std::to_string(++ids_); }) {}

  void add(std::string_view text) { join(parser_.add(text)); }
  std::vector<ChatEvent> end(bool by_model = false) {
    join(parser_.end(by_model));
    return events_;
  }

 private:
  void join(const std::vector<ChatEvent>& events) {
    for (const ChatEvent& event : events) {
      const bool goes_on = !events_.empty() && events_.back().kind == event.kind &&
                           event.kind != Kind::call && event.kind != Kind::call_end;
      if (goes_on) {
        events_.back().text += event.text;
      } else {
        events_.push_back(event);
      }
    }
  }

  int ids_ = 0;
  std::vector<ChatEvent> events_;
  ReplyParser parser_;
};

std::vector<ChatEvent> parse(const ReplyForm& form, const ChatRequest& request, const std::string& prompt,
                             const std::string& reply) {
  Parsing parsing(form, request, prompt);
  parsing.add(reply);
  return parsing.end();
}

// The same, however it is cut.
std::vector<ChatEvent> parse_cut(const ReplyForm& form, const ChatRequest& request, const std::string& prompt,
                                 const std::string& reply) {
  const std::vector<ChatEvent> whole = parse(form, request, prompt, reply);
  for (std::size_t cut = 1; cut < reply.size(); ++cut) {
    Parsing parsing(form, request, prompt);
    parsing.add(std::string_view(reply).substr(0, cut));
    parsing.add(std::string_view(reply).substr(cut));
    EXPECT_EQ(parsing.end(), whole) << "cut at " << cut << ": " << reply;
  }
  Parsing parsing(form, request, prompt);
  for (const char& byte : reply) parsing.add({&byte, 1});
  EXPECT_EQ(parsing.end(), whole) << reply;
  return whole;
}

// What was read, as a message. Calls without end are not there.
Message read(const std::vector<ChatEvent>& events) {
  std::string text, thought;
  std::vector<ToolCall> calls, whole;
  for (const ChatEvent& event : events) {
    if (event.kind == Kind::text) text += event.text;
    if (event.kind == Kind::reasoning) thought += event.text;
    if (event.kind == Kind::call) calls.push_back({event.id, event.name, ""});
    if (event.kind == Kind::arguments) calls.back().arguments += event.text;
    if (event.kind == Kind::call_end) whole.push_back(calls.back());
  }
  return message_of(text, thought, whole);
}

std::string text_of(const Message& message) { return message.content.empty() ? "" : message.content[0].text; }

void expect_read_back(const ReplyFamily& family, Message message) {
  SCOPED_TRACE(family.name);
  for (std::size_t i = 0; i < message.calls.size(); ++i) {
    message.calls[i].id = test::call_id(family, message.calls[i].name, static_cast<int>(i));
  }
  const ReplyForm form = test::learned_form(family);
  const ChatRequest request = test::weather_request();
  const auto [prompt, reply] = test::render_reply(family, request, message);
  SCOPED_TRACE(reply);
  const Message got = read(parse_cut(form, request, prompt, reply));
  EXPECT_EQ(text_of(got), text_of(message));
  EXPECT_EQ(got.reasoning, message.reasoning);
  ASSERT_EQ(got.calls.size(), message.calls.size());
  for (std::size_t i = 0; i < got.calls.size(); ++i) {
    EXPECT_EQ(got.calls[i].name, message.calls[i].name);
    // In the order in which the template writes them.
    if (family.sorts_arguments) {
      EXPECT_EQ(nlohmann::json::parse(got.calls[i].arguments),
                nlohmann::json::parse(message.calls[i].arguments));
    } else {
      EXPECT_EQ(Json::parse(got.calls[i].arguments), Json::parse(message.calls[i].arguments));
    }
  }
}

bool opens(const ReplyFamily& family) {
  const ChatRequest request = test::weather_request();
  return opens_thought(test::learned_form(family), request, test::render(family, request));
}

TEST(ReplyParser, ReadsBackWhatTheTemplatesOfAllFamiliesWrite) {
  const std::string plain = R"({"city":"Oslo","days":3})";
  const std::string rich =
      R"({"city":"Saint-Étienne, \"Loire\"\nFrance <b>","days":-2,"hourly":true,"options":{"unit":"C","at":[6,12]}})";
  const std::string only_text = R"({"text":"- a\n- b <tool> {x}, [y] & z"})";
  for (const ReplyFamily& family : test::reply_families()) {
    const std::string thought = family.thinks && opens(family) ? "Hm, rain?\n\nPerhaps." : "";
    expect_read_back(family, message_of("It rains.\nAnd <b>pours</b> [1].", thought, {}));
    if (family.name == "none") continue;
    expect_read_back(family, message_of("", thought, {weather_call(plain)}));
    // LFM's template does not escape.
    if (family.name != "lfm2.5") expect_read_back(family, message_of("", thought, {weather_call(rich)}));
    if (family.name != "lfm2.5") {
      expect_read_back(family, message_of("", thought, {{"", "note", only_text}}));
    }
    if (family.calls_several) {
      expect_read_back(family, message_of("", thought, {weather_call(plain), weather_call(plain)}));
    }
    if (family.says_beside_calls)
      expect_read_back(family, message_of("I look.", thought, {weather_call(plain)}));
    if (!family.thinks) continue;
    expect_read_back(family, message_of("It rains.", "Let me\nthink.", {}));
    expect_read_back(family, message_of(family.says_beside_calls ? "I look." : "", "Let me think.",
                                        {weather_call(plain), weather_call(rich)}));
  }
}

TEST(ReplyParser, TakesIdsFromTheText) {
  const ChatRequest request = test::weather_request();
  const auto id_of = [&](const std::string& name, const std::string& reply) {
    const ReplyForm form = test::learned_form(test::reply_family(name));
    for (const ChatEvent& event : parse(form, request, "", reply)) {
      if (event.kind == Kind::call) return event.id;
    }
    return std::string();
  };
  EXPECT_EQ(id_of("mistral3.2", R"([TOOL_CALLS]get_weather[CALL_ID]a1B2c3D4e[ARGS]{"city": "Oslo"})"),
            "a1B2c3D4e");
  EXPECT_EQ(id_of("kimi-k2",
                  "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:3"
                  "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"),
            "functions.get_weather:3");
  EXPECT_EQ(
      id_of("solar",
            "<|tool_calls|><|tool_call:begin|>r4Nd0m-id<|tool_call:name|>get_weather<|tool_call:args|>{}"
            "<|tool_call:end|><|calls|>"),
      "r4Nd0m-id");
  EXPECT_EQ(id_of("hermes", R"(<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>)"), "made1");
  EXPECT_EQ(
      id_of(
          "command-r7b",
          R"(<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {}}]<|END_ACTION|>)"),
      "made1");
}

TEST(ReplyParser, NameComesFirstAndArgumentsPieceByPiece) {
  const ReplyForm form = test::learned_form(test::reply_family("qwen3-coder"));
  ReplyParser parser(form, test::weather_request(), "", [] { return "id"; });
  EXPECT_THAT(parser.add("<tool_call>\n<function=get_weather"), testing::IsEmpty());
  EXPECT_THAT(parser.add(">"),
              testing::ElementsAre(ChatEvent{.kind = Kind::call, .id = "id", .name = "get_weather"}));
  EXPECT_THAT(parser.add("\n<parameter=city>\nOs\"l"),
              testing::ElementsAre(ChatEvent{.kind = Kind::arguments, .text = R"({"city": "Os\"l)"}));
  EXPECT_THAT(parser.add("o\n</parameter>"),
              testing::ElementsAre(ChatEvent{.kind = Kind::arguments, .text = "o\""}));
  EXPECT_THAT(parser.add("\n</function>"), testing::IsEmpty());
  EXPECT_THAT(parser.add("\n</tool_call>"),
              testing::ElementsAre(ChatEvent{.kind = Kind::arguments, .text = "}"},
                                   ChatEvent{.kind = Kind::call_end}));
  EXPECT_THAT(parser.end(), testing::IsEmpty());
}

// Of a reply in each family's form: its bytes come back, as text or as what they are.
TEST(ReplyParser, WhatIsNoCallIsText) {
  const ChatRequest request = test::weather_request();
  const auto text = [&](const std::string& name, const std::string& reply) {
    return text_of(read(parse_cut(test::learned_form(test::reply_family(name)), request, "", reply)));
  };
  for (const std::string& reply : {
           std::string(R"(<tool_call>\n{"name": "no_such_tool", "arguments": {}}\n</tool_call>)"),
           std::string("<tool_call>\nget_weather\n</tool_call>"),
           std::string(R"(<tool_call>{"arguments": {}})"),
           std::string(R"(a <tool_call <tool_call>{"name)"),
           std::string("<<<tool_call>{[]} <think> x < y"),
       }) {
    EXPECT_EQ(text("hermes", reply), reply);
  }
  EXPECT_EQ(text("qwen3-coder", "<tool_call>\n<function=other>\n"), "<tool_call>\n<function=other>\n");
  EXPECT_EQ(text("llama3", R"({"name": "Ann", "parameters": {}})"), R"({"name": "Ann", "parameters": {}})");
  EXPECT_EQ(text("llama3", R"(So: {"name": "get_weather", "parameters": {}})"),
            R"(So: {"name": "get_weather", "parameters": {}})");
  EXPECT_EQ(text("kimi-k2", "<|tool_calls_section_begin|>nothing"), "<|tool_calls_section_begin|>nothing");
  EXPECT_EQ(text("gpt-oss", "Just text <|x|>."), "Just text <|x|>.");
}

TEST(ReplyParser, ACallThatBreaksOffEndsAsItIs) {
  const ChatRequest request = test::weather_request();
  for (const auto& [name, reply, arguments] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"hermes", R"(<tool_call>{"name": "get_weather", "arguments": {"city": "Os)", R"({"city": "Os)"},
           {"qwen3-coder", "<tool_call>\n<function=get_weather>\n<parameter=city>\nOs</par",
            R"({"city": "Os</par)"},
           {"qwen3-coder", "<tool_call>\n<function=get_weather>\n<parameter=days>\n12", R"({"days": 12)"},
           {"gemma4", R"(<|tool_call>call:get_weather{city:<|"|>Os)", R"({"city": "Os)"},
           {"lfm2.5", "<|tool_call_start|>[get_weather(city='Os", R"({"city": "Os)"},
           {"gpt-oss", R"( to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Os)",
            R"({"city": "Os)"},
       }) {
    const std::vector<ChatEvent> events =
        parse_cut(test::learned_form(test::reply_family(name)), request, "", reply);
    ASSERT_EQ(events.size(), 2u) << name;
    EXPECT_EQ(events[0].name, "get_weather");
    EXPECT_EQ(events[1].text, arguments);
  }
}

TEST(ReplyParser, CallsAreReadAsModelsWriteThemToo) {
  const ChatRequest request = test::weather_request();
  const auto first_call = [&](const std::string& name, const std::string& reply) {
    const Message got = read(parse_cut(test::learned_form(test::reply_family(name)), request, "", reply));
    EXPECT_EQ(text_of(got), "") << reply;
    return got.calls.empty() ? "" : got.calls[0].arguments;
  };
  // Members in another order, under the other name, missing, or as text.
  EXPECT_EQ(
      first_call("hermes", R"(<tool_call>{"arguments": {"days": 1}, "name": "get_weather"}</tool_call>)"),
      R"({"days": 1})");
  EXPECT_EQ(
      first_call("hermes", R"(<tool_call>{"name": "get_weather", "parameters": {"days": 1}}</tool_call>)"),
      R"({"days": 1})");
  EXPECT_EQ(first_call("hermes", R"(<tool_call>{"name": "get_weather"}</tool_call>)"), "{}");
  EXPECT_EQ(
      first_call("hermes", R"(<tool_call>{"name": "get_weather", "arguments": "{\"days\": 1}"}</tool_call>)"),
      R"({"days": 1})");
  // Without the last brace, and with line breaks within strings.
  EXPECT_EQ(
      first_call("hermes",
                 "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"a\nb\"}\n</tool_call>"),
      R"({"city": "a\nb"})");
  // Other blanks; no arguments; a number that is a text.
  EXPECT_EQ(
      first_call("qwen3-coder",
                 "<tool_call><function=get_weather><parameter=city>12</parameter></function></tool_call>"),
      R"({"city": "12"})");
  EXPECT_EQ(first_call("qwen3-coder", "<tool_call>\n<function=get_weather>\n</function>\n</tool_call>"),
            "{}");
  EXPECT_EQ(first_call("seed",
                       "<seed:tool_call>\n<function=get_weather>\n<parameter=options>{'unit': 'C', 'at': [1]}"
                       "</parameter>\n</function>\n</seed:tool_call>"),
            R"({"options": {"unit": "C", "at": [1]}})");
  EXPECT_EQ(
      first_call(
          "lfm2.5",
          R"(<|tool_call_start|>[get_weather(city="it's", hourly=True, options={'at': [1, 2]})]<|tool_call_end|>)"),
      R"({"city": "it's", "hourly": true, "options": {"at": [1, 2]}})");
  EXPECT_EQ(first_call("lfm2.5", R"(<|tool_call_start|>[get_weather(city='it's')]<|tool_call_end|>)"),
            R"({"city": "it's"})");
  EXPECT_EQ(
      first_call(
          "gpt-oss",
          R"(<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"days": 1}<|call|>)"),
      R"({"days": 1})");
}

// The token that ends such a call ends the reply, and is none of its text.
TEST(ReplyParser, ACallInAChannelEndsWithTheReplyWhereTheModelEndedThat) {
  const ChatRequest request = test::weather_request();
  const ReplyForm form = test::learned_form(test::reply_family("gpt-oss"));
  const auto has_end = [&](bool by_model) {
    Parsing parsing(form, request, "<|start|>assistant");
    parsing.add(R"(<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"days": 1})");
    return parsing.end(by_model).back().kind == Kind::call_end;
  };
  EXPECT_TRUE(has_end(true));
  EXPECT_FALSE(has_end(false));
}

TEST(ReplyParser, ThoughtsBeginWhereNothingWasSaid) {
  const ChatRequest request = test::weather_request();
  const ReplyForm form = test::learned_form(test::reply_family("qwen3"));
  const auto got = read(parse_cut(form, request, "", "<think>\n\na <tool_call> b\n</think>\n\nSay <think>."));
  EXPECT_EQ(got.reasoning, "a <tool_call> b");
  EXPECT_EQ(text_of(got), "Say <think>.");
  EXPECT_EQ(read(parse_cut(form, request, "<think>", "cut\n")).reasoning, "cut");
}

TEST(ReplyParser, NoToolMeansNoCall) {
  ChatRequest request = test::weather_request();
  request.tool_choice.mode = ToolChoice::Mode::none;
  const std::string reply = R"(<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>)";
  EXPECT_EQ(text_of(read(parse_cut(test::learned_form(test::reply_family("hermes")), request, "", reply))),
            reply);
}

// Would take minutes if its time were not linear.
TEST(ReplyParser, LongRepliesOfBeginningsComeBack) {
  const ChatRequest request = test::weather_request();
  for (const char* name : {"hermes", "kimi-k2", "apriel", "qwen3-coder", "gpt-oss"}) {
    const ReplyForm form = test::learned_form(test::reply_family(name));
    const std::string begin = form.call.section_begin + form.call.begin;
    for (const std::string& part : {begin, begin + R"({"a":[)", begin + "{", begin + R"({"a":")",
                                    std::string("<"), std::string(" "), begin + "\n\n\n"}) {
      std::string reply = "So ";
      while (reply.size() < 100'000) reply += part + "x";
      EXPECT_TRUE(text_of(read(parse(form, request, "", reply))) == reply) << name << part;
    }
  }
}

}  // namespace
}  // namespace banyan
