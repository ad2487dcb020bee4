// Our templates beside Python's jinja2: the cases of cases.txt, and thousands made at random. Both give the
// same text or both fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "jinja/template.h"
#include "support/scale.h"

namespace banyan::jinja {
namespace {

using Json = nlohmann::ordered_json;

// What a process writes.
std::string output_of(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return output;
  char buffer[1 << 16];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

// Where they differ by intention: Python's integers have no end, and jinja2 evaluates constants before it
// knows that they are never reached.
bool is_ours(const std::string& error) { return error.contains("64 bits"); }
bool is_jinja2s(const std::string& error) {
  return error.starts_with("TypeError") && error.contains("unhashable");
}

TEST(JinjaReference, TemplatesGiveWhatPythonsJinjaGives) {
  const std::string folder = BANYAN_JINJA_TESTS;
  std::ifstream file(folder + "/context.json");
  const Json context = Json::parse(file);
  const std::string lines =
      output_of("python3 -B " + folder + "/reference.py " + folder + "/cases.txt " + folder +
                "/context.json " + std::to_string(test::scaled(3000)) + " " +
                (std::getenv("BANYAN_JINJA_SEED") ? std::getenv("BANYAN_JINJA_SEED") : "20261128"));
  std::size_t texts = 0;
  std::size_t failures = 0;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const Json expected = Json::parse(line);
    const auto source = expected["template"].get<std::string>();
    const auto parsed = Template::parse(source);
    const auto text = parsed ? parsed->render(context) : std::unexpected(parsed.error());
    if (expected["text"].is_null()) {
      if (is_jinja2s(expected["error"])) continue;
      ++failures;
      EXPECT_FALSE(text) << source << "\nours: " << *text << "\njinja2: " << expected["error"];
      continue;
    }
    if (expected["text"].get_ref<const std::string&>().contains(" object at 0x")) continue;
    if (expected["text"].get_ref<const std::string&>().contains("Markup("))
      continue;  // ours are plain strings
    if (!text && is_ours(text.error().message)) continue;
    ++texts;
    if (!text) {
      ADD_FAILURE() << source << "\nours: " << text.error().message << "\njinja2: " << expected["text"];
    } else {
      EXPECT_EQ(*text, expected["text"].get<std::string>()) << source;
    }
  }
  EXPECT_GT(texts, 20u) << "is python3-jinja2 installed?";
  EXPECT_GT(failures, 5u);
}

}  // namespace
}  // namespace banyan::jinja
