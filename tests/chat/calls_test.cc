// Calls, their results and tools, in the form that a template reads, or as text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/chat_examples.h"

namespace banyan {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::Not;

// A template that knows calls; `call` writes one, `c`, and may use `m`, its message.
std::string with_calls(const std::string& call) {
  return "{% for t in tools or [] %}<tool>{{ t.function.name }}{% endfor %}"
         "{% for m in messages %}<{{ m.role }}>{{ m.content or '' }}"
         "{% for c in m.tool_calls or [] %}" +
         call + "{% endfor %}<end>{% endfor %}";
}

const std::string kAsJson =
    with_calls("<call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}");

TEST(Calls, ATemplateThatWritesJsonGetsArgumentsAsAnObject) {
  EXPECT_EQ(
      prompt(kAsJson, {user("Rain?"), calls({weather("1")}), result("1", "no")}),
      "<user>Rain?<end><assistant><call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}<end>"
      "<tool>no<end>");
}

TEST(Calls, ATemplateThatAppendsTextGetsArgumentsAsTheyWereWritten) {
  const std::string arguments = R"({ "city":"Oslo",  "days": 1.50})";
  for (const char* call : {"<call>{{ c.function.name + ' ' + c.function.arguments }}",
                           "<call>{{ c.function.name }} {{ c.function.arguments }}"}) {
    EXPECT_EQ(prompt(with_calls(call), {user("Rain?"), calls({weather("1", arguments)})}),
              "<user>Rain?<end><assistant><call>weather " + arguments + "<end>");
    EXPECT_THAT(prompt(with_calls(call), {user("?"), calls({weather("1", "")})}),
                HasSubstr("weather {}<end>"));
  }
}

TEST(Calls, ATemplateThatTakesBothGetsAnObject) {
  const std::string source = with_calls(
      "<call>{{ c.function.name }}{% if c.function.arguments is mapping %}"
      "{% for k, v in c.function.arguments | items %}({{ k }}={{ v }}){% endfor %}"
      "{% else %}{{ c.function.arguments }}{% endif %}");
  EXPECT_THAT(prompt(source, {user("?"), calls({weather("1")})}), HasSubstr("<call>weather(city=Oslo)<end>"));
}

// No JSON marks a call here.
const std::string kAsPython = with_calls(
    "<call>{{ c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}='{{ v }}'{% endfor "
    "%})");

TEST(Calls, AreKnownInWhateverFormTheyAreWritten) {
  EXPECT_THAT(prompt(kAsPython, {user("?"), calls({weather("1")}), result("1", "no")}),
              HasSubstr("<call>weather(city='Oslo')<end><tool>no<end>"));
}

TEST(Calls, ArgumentsThatAreNoJsonGoInAsText) {
  EXPECT_THAT(prompt(kAsJson, {user("?"), calls({weather("1", "{\"city\": ")})}),
              HasSubstr(R"("arguments": "{\"city\": "})"));
  EXPECT_THAT(prompt(kAsPython, {user("?"), calls({weather("1", "{\"city\": ")})}),
              HasSubstr("weather(arguments='{\"city\": ')"))
      << "the template fails at a text";
  EXPECT_THAT(prompt(kAsJson, {user("?"), calls({weather("1", "[1]")})}), HasSubstr(R"("arguments": "[1]")"));
  for (const char* empty : {"", " ", "null", "{}"}) {
    EXPECT_THAT(prompt(kAsJson, {user("?"), calls({weather("1", empty)})}), HasSubstr("\"arguments\": {}"));
    EXPECT_THAT(prompt(kAsPython, {user("?"), calls({weather("1", empty)})}), HasSubstr("weather()"));
  }
}

TEST(Calls, ArgumentsBeyondWhatATemplateShouldBeGivenGoInAsText) {
  std::string crowded = "{\"a\": 0";
  for (int i = 0; i < 600; ++i) crowded += ",\"" + std::to_string(i) + "\":0";
  const std::string deep(1'000'000, '[');
  for (const std::string& arguments :
       {crowded + "}", "{\"a\":" + deep + std::string(deep.size(), ']') + "}"}) {
    EXPECT_THAT(prompt(kAsJson, {user("?"), calls({weather("1", arguments)})}), HasSubstr("\"{\\\"a\\\":"));
  }
}

TEST(Calls, IdsDoNotChangeThePrompt) {
  const std::string source = with_calls("<{{ c.id }} {{ c.function | tojson }}>");
  const std::string with_results =
      "{% for m in messages %}<{{ m.role }} {{ m.tool_call_id }} {{ m.name }}>{{ m.content or '' }}"
      "{% for c in m.tool_calls or [] %}<{{ c.id }} {{ c.function | tojson }}>{% endfor %}{% endfor %}";
  const auto conversation = [](const std::string& a, const std::string& b, const std::string& c) {
    return std::vector<Message>{user("?"),           calls({weather(a), weather(b)}),
                                result(b, "second"), result(a, "first"),
                                calls({weather(c)}), result(c, "third")};
  };
  for (const std::string& each : {source, with_results}) {
    const std::string expected = prompt(each, conversation("call_a", "call_b", "call_c"));
    EXPECT_EQ(prompt(each, conversation("x", "y", "z")), expected);
    EXPECT_EQ(prompt(each, conversation("0", "1", "0")), expected) << "an id that comes again";
  }
  EXPECT_EQ(prompt(with_results, conversation("x", "y", "z")),
            "<user  >?<assistant  ><000000000 {\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}>"
            "<000000001 {\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}>"
            "<tool 000000001 weather>second<tool 000000000 weather>first"
            "<assistant  ><000000002 {\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}>"
            "<tool 000000002 weather>third");
}

TEST(Calls, ResultsWithoutIdsAreTheCallsInOrder) {
  const std::string source =
      "{% for m in messages %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
      "{{ c.id }}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}"
      "{% if m.role == 'tool' %}={{ m.tool_call_id }};{% endif %}{% endfor %}";
  EXPECT_THAT(prompt(source, {user("?"), calls({weather("a"), weather("b")}), result("", "one"),
                              result("gone", "two"), result("", "three")}),
              HasSubstr("one=000000000;two=000000001;three=000000002;"));
}

TEST(Calls, ATemplateMayTakeTheNameFromTheId) {
  const std::string source = with_calls("<call>{{ c.id }} {{ c.function.arguments | tojson }}");
  EXPECT_THAT(prompt(source, {user("?"), calls({weather("x"), weather("y")})}),
              HasSubstr("<call>functions.weather:0 {\"city\": \"Oslo\"}<call>functions.weather:1 "));
}

TEST(Calls, ATemplateMayWantNoContentBesideThem) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' and m.content is none %}"
      "{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}{% else %}{{ m.content }}{% endif %}"
      "{% endfor %}";
  EXPECT_THAT(prompt(source, {user("?"), calls({weather("x")})}),
              HasSubstr("<assistant>{\"name\": \"weather\""));
  EXPECT_EQ(prompt(source, {user("?"), assistant("")}), "<user>?<assistant>")
      << "without calls it is no null";
}

TEST(Calls, AreSplitForATemplateThatTakesOneAtATime) {
  const std::string source =
      "{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls | length > 1 %}"
      "{{ raise_exception('one at a time') }}{% endif %}<{{ m.role }}>{{ m.content }}"
      "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}{% endfor %}";
  const std::string text = prompt(
      source,
      {user("?"),
       calls({weather("x", R"({"city": "Oslo"})"), weather("y", R"({"city": "Rome"})")}, "Let me see."),
       result("y", "sun"), result("x", "rain"), user("Thanks.")});
  EXPECT_EQ(
      text,
      "<user>?<assistant>Let me see.{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}<tool>rain"
      "<assistant>{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}<tool>sun<user>Thanks.");
}

TEST(Calls, ResultsAreTheUsersWhereATemplateKnowsNone) {
  const std::string source =
      "{% for m in messages %}{% if m.role != 'tool' %}<{{ m.role }}>{{ m.content }}"
      "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}{% endif %}{% endfor %}";
  EXPECT_THAT(prompt(source, {user("?"), calls({weather("x")}), result("x", "rain")}),
              HasSubstr("}}<user><tool_response>\nrain\n</tool_response>"));
}

TEST(Calls, WhereATemplateKnowsNoneToolsCallsAndResultsAreText) {
  ChatRequest request = {
      .messages = {user("Rain?"), calls({weather("1"), weather("2", "{\"ci")}, "Let me see."),
                   result("1", "yes"), result("2", "no")},
      .tools = {weather_tool()}};
  const std::string text = prompt(kTurns, request);
  EXPECT_TRUE(text.starts_with("<system># Tools\n")) << text;
  EXPECT_THAT(text,
              HasSubstr("\n{\"name\":\"weather\",\"description\":\"Tells the weather.\",\"parameters\":{"));
  EXPECT_THAT(text,
              HasSubstr("<end><user>Rain?<end><assistant>Let me see.\n"
                        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n"
                        "</tool_call>\n"
                        "<tool_call>\n{\"name\": \"weather\", \"arguments\": \"{\\\"ci\"}\n</tool_call><end>"
                        "<user><tool_response>\nyes\n</tool_response><end>"
                        "<user><tool_response>\nno\n</tool_response><end><assistant>"));
  request.messages.insert(request.messages.begin(), system("Be kind."));
  EXPECT_TRUE(prompt(kTurns, request).starts_with("<system>Be kind.\n\n# Tools\n"));
  request.tools_first = true;
  EXPECT_TRUE(prompt(kTurns, request).starts_with("<system># Tools\n"));
  EXPECT_THAT(prompt(kTurns, request), HasSubstr("</tool_response>.\n\nBe kind.<end>"));
}

TEST(Calls, WhereATemplateKnowsThemButNoToolsItsOwnFormIsTaught) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}"
      "<call>{{ c.function.name }}<sep>{{ c.function.arguments }}</call>{% endfor %}<end>{% endfor %}"
      "{% if add_generation_prompt %}<assistant><think>{% endif %}";
  const std::string text = prompt(
      source,
      {.messages = {user("Rain?"), calls({weather("1")}), result("1", "no")}, .tools = {weather_tool()}});
  EXPECT_THAT(text, HasSubstr("example:\n\n<call>function_name<sep>{\"argument_name\": \"value\"}</call><end>"
                              "<user>Rain?<end><assistant><call>weather<sep>{\"city\": \"Oslo\"}</call><end>"
                              "<tool>no<end>"));
}

TEST(Tools, AreWrittenAlikeHoweverLittleIsSaidOfThem) {
  const std::string source =
      "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{{ messages[-1].content }}";
  EXPECT_EQ(prompt(source, {.messages = {user("?")}, .tools = {{.name = "f"}}}),
            "{\"type\": \"function\", \"function\": {\"name\": \"f\", "
            "\"parameters\": {\"type\": \"object\", \"properties\": {}}}}?");
  const std::string needs_text =
      "{% for t in tools or [] %}{{ t.function.name + ': ' + t.function.description }}{% endfor %}"
      "{{ messages[-1].content }}";
  EXPECT_EQ(prompt(needs_text, {.messages = {user("?")}, .tools = {{.name = "f"}}}), "f: ?");
}

TEST(Tools, ATemplateMayTellOfThemOnlyToASystem) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'system' and tools %}"
      "{{ tools | tojson }}{% endif %}{% endfor %}";
  const std::string text = prompt(source, {.messages = {user("?")}, .tools = {weather_tool()}});
  EXPECT_TRUE(text.starts_with("<system>You are a helpful assistant.[")) << text;
  EXPECT_THAT(prompt(source, {user("?")}), Not(HasSubstr("<system>")));
}

TEST(Tools, ThatMayNotBeCalledAreToldOfAllTheSame) {
  ChatRequest request = {.messages = {user("?")}, .tools = {weather_tool()}};
  const std::string text = prompt(kAsJson, request);
  request.tool_choice.mode = ToolChoice::Mode::none;
  EXPECT_EQ(prompt(kAsJson, request), text) << "so that what is cached stays of use";
}

TEST(Calls, TextBesideThemIsNotLost) {
  // What a template writes of a message with both: the text, or the calls.
  const auto source = [](const std::string& condition) {
    return "{% for t in tools or [] %}<tool>{{ t.function.name }}{% endfor %}"
           "{% for m in messages %}<{{ m.role }}>"
           "{% if m.tool_calls and " +
           condition +
           " %}{% for c in m.tool_calls %}<call>{{ c.function.name }}{{ c.function.arguments | tojson }}"
           "{% endfor %}{% else %}{{ m.content }}{% endif %}<end>{% endfor %}";
  };
  const std::vector<Message> messages = {user("Rain?"), calls({weather("1")}, "I look."), result("1", "no")};
  for (const char* condition : {"true", "not m.content"}) {
    EXPECT_EQ(prompt(source(condition), messages),
              "<user>Rain?<end><assistant>I look.<end><assistant><call>weather{\"city\": \"Oslo\"}<end>"
              "<tool>no<end>")
        << condition;
  }
}

TEST(Calls, TextBesideThemIsAThoughtWhereATemplateReadsOne) {
  const std::string source =
      "{% for m in messages %}<{{ m.role }}>"
      "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
      "{% for c in m.tool_calls or [] %}<call>{{ c.function.name }}{{ c.function.arguments | tojson }}"
      "{% else %}{{ m.content }}{% endfor %}<end>{% endfor %}";
  EXPECT_EQ(prompt(source, {user("Rain?"), calls({weather("1")}, "I look."), result("1", "no")}),
            "<user>Rain?<end><assistant><think>I look.</think><call>weather{\"city\": \"Oslo\"}<end>"
            "<tool>no<end>");
}

TEST(Calls, ATemplateForToolsWorksWithoutAny) {
  const std::string needs_list = "{% for t in tools %}<tool>{{ t.function.name }}{% endfor %}" + kTurns;
  EXPECT_EQ(prompt(needs_list, {user("hi")}), "<user>hi<end><assistant>");
  EXPECT_EQ(prompt(needs_list, ChatRequest{.messages = {user("hi")}, .tools = {weather_tool()}}),
            "<tool>weather<user>hi<end><assistant>");
  const std::string needs_text = "<functions>{{ functions + ' ' + datetime }}" + kTurns;
  EXPECT_THAT(prompt(needs_text, {user("hi")}), HasSubstr("<functions>[] "));
  EXPECT_THAT(prompt(needs_text, ChatRequest{.messages = {user("hi")}, .tools = {weather_tool()}}),
              HasSubstr("\"name\": \"weather\""));
}

}  // namespace
}  // namespace banyan
