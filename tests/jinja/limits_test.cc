// Hostile templates: each ends with an error that names the limit, on a thread with a small stack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "jinja/template.h"
#include "support/scale.h"

namespace banyan::jinja {
namespace {

using ::testing::HasSubstr;

const Limits kLimits{.steps = static_cast<std::uint64_t>(test::scaled(static_cast<int>(Limits().steps)))};

void on_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_t thread{};
  const auto run = [](void* given) -> void* {
    (*static_cast<std::function<void()>*>(given))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

std::string refusal(const std::string& source, const Limits& limits = kLimits) {
  std::string message;
  on_small_stack([&] {
    const auto parsed = Template::parse(source);
    if (!parsed) {
      message = parsed.error().message;
      return;
    }
    const auto text = parsed->render(nlohmann::ordered_json::object(), limits);
    message = text ? "no error" : text.error().message;
  });
  return message;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(JinjaLimits, LoopsEndAtTheStepLimit) {
  const std::string nested =
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
  EXPECT_THAT(refusal("\n" + nested), HasSubstr("line 2: the template is past its limit of " +
                                                std::to_string(kLimits.steps) + " steps"));
  EXPECT_THAT(refusal("{% for a in range(100000) %}{% for b in 'x' * 100000 %}{% endfor %}{% endfor %}"),
              HasSubstr("steps"));
  EXPECT_THAT(
      refusal(
          "{% set x = range(100000) | list %}{% for a in x %}{% if x == x + [a] %}{% endif %}{% endfor %}"),
      HasSubstr("steps"));
  EXPECT_THAT(refusal("{% set s = 'a' * 10000000 %}{% for i in range(100000) %}{% if s.replace('b', 'c') "
                      "%}{% endif %}{% endfor %}"),
              HasSubstr("steps"));
}

TEST(JinjaLimits, WorkOnLargeValuesIsCountedAsSteps) {
  const auto forever = [](const std::string& begin, const std::string& expression) {
    return refusal(begin + "{% for i in range(100000) %}{% for j in range(1000) %}{% if " + expression +
                   " %}{% endif %}{% endfor %}{% endfor %}");
  };
  EXPECT_THAT(forever("{% set k = 'a' * 10000000 %}{% set d = {k: 1} %}", "d[k]"), HasSubstr("steps"));
  EXPECT_THAT(forever("{% set k = 'a' * 10000000 %}", "k[1:]"), HasSubstr("steps"));
  EXPECT_THAT(forever("{% set k = 'a' * 10000000 %}", "k.strip()"), HasSubstr("steps"));
  EXPECT_THAT(forever("{% set k = 'a' * 10000000 %}{% set w = 'a' * 5000000 + 'b' %}", "w in k"),
              HasSubstr("steps"));
  EXPECT_THAT(forever("{% set k = 'a' * 10000000 %}{% set w = 'b' + 'a' * 5000000 %}", "k.rfind(w)"),
              HasSubstr("steps"));
  EXPECT_THAT(forever("{% set k = (1,) * 1000000 %}{% set d = {k: 1} %}", "k in d"), HasSubstr("steps"));
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "{% set v" + std::to_string(i) + " = 1 %}";
  EXPECT_THAT(forever(many, "v19999"), HasSubstr("steps"));
  std::string named = "{{ f(a=1";
  for (int i = 0; i < 20'000; ++i) named += ",a" + std::to_string(i) + "=1";
  EXPECT_THAT(refusal(named + ") }}"), HasSubstr("255 named arguments"));
}

TEST(JinjaLimits, RecursionEndsAtTheDepthLimit) {
  for (const char* source : {
           "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
           "{% macro f(x) %}{{ g(x) }}{% endmacro %}{% macro g(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}",
           "{% macro f() %}{% call f() %}x{% endcall %}{{ caller() }}{% endmacro %}{% call f() %}{% endcall "
           "%}",
           "{% macro f() %}{% filter upper %}{{ f() }}{% endfilter %}{% endmacro %}{{ f() }}",
           "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
           "{% macro f() %}{% set x %}{{ f() | upper | trim }}{% endset %}{{ x }}{% endmacro %}{{ f() }}",
           "{% macro f(x=f()) %}{% endmacro %}{{ f() }}",
       }) {
    EXPECT_THAT(refusal(source), HasSubstr("levels of nesting")) << source;
  }
}

TEST(JinjaLimits, NestingInTheSourceIsLimited) {
  for (const auto& source : {
           "{{ " + repeated("(", 10'000) + "1" + repeated(")", 10'000) + " }}",
           "{{ " + repeated("[", 10'000) + repeated("]", 10'000) + " }}",
           "{{ " + repeated("not ", 10'000) + "1 }}",
           "{{ " + repeated("- ", 10'000) + "1 }}",
           "{{ 1" + repeated(" + 1", 10'000) + " }}",
           "{{ x" + repeated(".x", 10'000) + " }}",
           "{{ x" + repeated(" | trim", 10'000) + " }}",
           "{{ x" + repeated("[0", 10'000) + repeated("]", 10'000) + " }}",
           "{{ " + repeated("1 if 1 else ", 10'000) + "1 }}",
           repeated("{% if 1 %}", 10'000) + repeated("{% endif %}", 10'000),
           repeated("{% for x in y %}", 10'000) + repeated("{% endfor %}", 10'000),
       }) {
    EXPECT_THAT(refusal(source), HasSubstr("past its limit")) << source.substr(0, 60);
  }
}

TEST(JinjaLimits, WhatIsMadeIsLimited) {
  EXPECT_THAT(refusal("{{ 'a' * 10**9 }}"), HasSubstr("bytes of values"));
  EXPECT_THAT(refusal("{{ [1] * 10**15 }}"), HasSubstr("bytes of values"));
  EXPECT_THAT(refusal("{{ 'a' * (2**62) }}"), HasSubstr("bytes of values"));
  EXPECT_THAT(refusal("{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x + "
                      "ns.x %}{% endfor %}"),
              HasSubstr("limit of"));
  EXPECT_THAT(refusal("{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ "
                      "ns.x %}{% endfor %}"),
              HasSubstr("limit of"));
  EXPECT_THAT(
      refusal(
          "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"),
      HasSubstr("limit of"));
  EXPECT_THAT(refusal("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] "
                      "%}{% endfor %}{{ ns.x }}"),
              HasSubstr("limit of"));
  EXPECT_THAT(
      refusal("{% set ns = namespace(x=1) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}"),
      HasSubstr("levels of nesting in a value"));
  EXPECT_THAT(
      refusal(
          "{% set d = {} %}{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = ns.x + "
          "[d['__' ~ i]] * 100 %}"
          "{% endfor %}"),
      HasSubstr("limit of"));
  EXPECT_THAT(refusal("{{ range(10**15) }}"), HasSubstr("100000 numbers in a range"));
  EXPECT_THAT(refusal("{% for i in range(100) %}{{ 'a' * 10**6 }}{% endfor %}", Limits()),
              HasSubstr("67108864 bytes of output"));
  EXPECT_THAT(refusal("{{ ('x' * 10**6).replace('', 'y' * 1000) }}"), HasSubstr("limit of"));
  EXPECT_THAT(refusal("{{ 'x'.ljust(10**17) }}"), HasSubstr("limit of"));
  EXPECT_THAT(refusal("{{ '%999999999d' % 1 }}"), HasSubstr("limit of"));
  EXPECT_THAT(refusal("{{ '{:999999999}'.format(1) }}"), HasSubstr("limit of"));
  EXPECT_THAT(refusal("{{ 9223372036854775807 + 1 }}"), HasSubstr("limit of 64 bits"));
}

TEST(JinjaLimits, ValuesThatHoldThemselvesAreGivenBack) {
  const auto text = [](const char* source) {
    return Template::parse(source).value().render(nlohmann::ordered_json::object()).value();
  };
  EXPECT_EQ(text("{% set ns = namespace() %}{% set ns.x = ns %}{% set ns.y = [ns] %}done"), "done");
  EXPECT_EQ(text("{% set ns = namespace() %}{% macro m() %}{{ ns }}{% endmacro %}{% set ns.m = m %}done"),
            "done");
  EXPECT_EQ(text("{% set ns = namespace(x=1) %}{% for i in range(50000) %}{% set ns.x = namespace(x=ns.x) %}"
                 "{% endfor %}done"),
            "done");
  EXPECT_EQ(
      text("{% set ns = namespace() %}{% for i in [1] recursive %}{% set ns.l = loop %}{% endfor %}done"),
      "done");
  EXPECT_EQ(text("{% for i in [1] %}{% if loop.changed(loop) %}done{% endif %}{% endfor %}"), "done");
  on_small_stack([&] {
    EXPECT_EQ(
        text("{% set ns = namespace(last=none) %}{% for i in range(100000) %}{% for j in [1] %}"
             "{% set same = loop.changed(ns.last) %}{% set ns.last = loop %}{% endfor %}{% endfor %}done"),
        "done");
  });
}

TEST(JinjaLimits, NumbersAtTheEndsOf64BitsDoNotOverflow) {
  const auto text = [](const std::string& expression) {
    const auto parsed = Template::parse("{% set least = -9223372036854775807 - 1 %}{{ " + expression + " }}");
    const auto rendered = parsed.value().render(nlohmann::ordered_json::object());
    return rendered ? *rendered : rendered.error().message;
  };
  EXPECT_EQ(text("'aa'.replace('a', 'b', least)"), "bb");
  EXPECT_EQ(text("'a b'.split(' ', least)"), "['a', 'b']");
  EXPECT_EQ(text("'a b'.split(none, least)"), "['a', 'b']");
  EXPECT_EQ(text("'a'.ljust(least)"), "a");
  EXPECT_EQ(text("least | round(-18)"), "-9000000000000000000");
  EXPECT_THAT(text("least | round(-1)"), HasSubstr("limit of 64 bits"));
  EXPECT_EQ(text("(least + 3) | round(-1)"), "-9223372036854775800");
  EXPECT_EQ(text("range(-9000000000000000000, 9000000000000000000, 6000000000000000000) | list"),
            "[-9000000000000000000, -3000000000000000000, 3000000000000000000]");
  EXPECT_EQ(text("(1e300).is_integer()"), "True");
}

TEST(JinjaLimits, ALongConversationIsFarWithinThem) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (int i = 0; i < 2000; ++i) {
    messages.push_back({{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(500, 'x')}});
  }
  // A later message is looked for from each one, as some templates do.
  const auto parsed = Template::parse(
      "{% for m in messages %}{% set ns = namespace(found=false) %}{% if m.role == 'assistant' %}"
      "{% for later in messages[loop.index:] %}{% if later.role == 'tool' %}{% set ns.found = true %}{% "
      "endif %}"
      "{% endfor %}{% endif %}{{ m.content | trim }}{% endfor %}");
  const auto text = parsed.value().render({{"messages", messages}});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->size(), 1'000'000u);
}

}  // namespace
}  // namespace banyan::jinja
