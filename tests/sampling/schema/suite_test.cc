// JSON Schema's own test suite, and Python's jsonschema beside the texts that our grammars allow.
//
// BANYAN_SCHEMA_SUITE names another folder of the suite, such as a checkout's tests/draft2020-12; Debian's
// package ends with draft 7. What is refused is printed, by the keyword that was the first reason; with
// BANYAN_SCHEMA_REASONS, each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <format>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "sampling/schema/sampled_texts.h"
#include "sampling/schema/schema_grammar.h"
#include "support/scale.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSamples = 100;
constexpr int kMostRefused = 10;  // per cent

std::string output_of(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return output;
  char buffer[1 << 16];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

// A number without a fraction as an integer.
Json written_plainly(const Json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    return number == std::trunc(number) && std::abs(number) < 1e16 ? Json(static_cast<std::int64_t>(number))
                                                                   : value;
  }
  Json plain = value;
  if (!plain.is_structured()) return plain;
  for (Json& part : plain) part = written_plainly(part);
  return plain;
}

// In one order of its members or another: a grammar has its schema's.
bool fits_in_some_order(const std::shared_ptr<const Grammar>& grammar, const Json& value) {
  const Json plain = written_plainly(value);
  if (test::fits(grammar, plain.dump())) return true;
  if (!plain.is_object() || plain.size() > 5) return false;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [name, part] : plain.items()) members.emplace_back(name, part);
  const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::ranges::sort(members, by_name);
  do {
    Json ordered = Json::object();
    for (const auto& [name, part] : members) ordered[name] = part;
    if (test::fits(grammar, ordered.dump())) return true;
  } while (std::ranges::next_permutation(members, by_name).found);
  return false;
}

// Of an error: "the schema's properties/age/not cannot be ..."
std::string keyword_of(const std::string& message) {
  constexpr std::string_view kPath = "the schema's ";
  if (!message.starts_with(kPath)) return "the schema as a whole";
  std::string path = message.substr(kPath.size(), message.find(' ', kPath.size()) - kPath.size());
  const auto is_of_keywords = [](unsigned char c) { return std::isalpha(c) || c == '$'; };
  std::string name;
  while (name.empty() || !std::ranges::all_of(name, is_of_keywords)) {
    const std::size_t slash = path.rfind('/');
    name = path.substr(slash + 1);
    if (slash == std::string::npos) break;
    path.resize(slash);
  }
  return name;
}

std::filesystem::path suite() {
  if (const char* folder = std::getenv("BANYAN_SCHEMA_SUITE")) return folder;
  return "/usr/share/json-schema-test-suite/tests/draft7";
}

// What Python's jsonschema says of lines {"schema": ..., "texts": [...]}.
void expect_valid(const std::string& cases, const std::string& draft) {
  const std::string results =
      output_of("python3 -B " BANYAN_SCHEMA_TESTS "/validate.py " + cases + " " + draft);
  std::istringstream stream(results);
  int validated = 0, wrong = 0;
  for (std::string line; std::getline(stream, line);) {
    const Json result = Json::parse(line);
    if (result.contains("count")) {
      validated = result["count"];
    } else if (++wrong <= 20) {
      ADD_FAILURE() << result["schema"] << "\n" << result["text"] << "\n" << result["problem"];
    }
  }
  EXPECT_GT(validated, 0) << "is python3-jsonschema installed?";
}

// What is valid by the suite and has no text in our grammars.
const std::set<std::string> kOtherwise = {
    "format",                              // the suite has it as a note to people; ours are kept
    "vocabulary",                          // a schema's own dialect, without what says something of numbers
    "ref overrides any sibling keywords",  // in draft 7; later ones, and ours, keep to both
};

TEST(SchemaSuite, ValidInstancesFitAndInvalidOnesDoNotAndSamplesAreValid) {
  ASSERT_TRUE(std::filesystem::is_directory(suite())) << "is json-schema-test-suite installed?";
  const test::TemporaryFolder folder;
  const std::string cases = folder.path("cases.jsonl");
  std::ofstream lines(cases);
  std::map<std::string, std::vector<std::string>> refused;  // by keyword: the reasons
  int groups_count = 0, refused_count = 0, valid = 0, invalid = 0, missing = 0;
  std::clock_t longest = 0;  // of the processor's time
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(suite())) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const auto& path : files) {
    const std::string keyword = path.stem();
    std::ifstream file(path);
    const Json groups = Json::parse(file);
    for (const Json& group : groups) {
      const Json& schema = group["schema"];
      ++groups_count;
      for (const bool to_the_letter : {true, false}) {
        const std::clock_t begin = std::clock();
        const auto text = schema_grammar(schema, {.is_strict = true, .to_the_letter = to_the_letter});
        longest = std::max(longest, std::clock() - begin);
        if (!text) {
          if (text.error().message == "no value fits the schema") {
            for (const Json& instance : group["tests"]) {
              EXPECT_FALSE(to_the_letter && instance["valid"]) << keyword << ": " << schema << "\n"
                                                               << instance;
            }
            continue;
          }
          if (to_the_letter) {
            ++refused_count;
            refused[keyword_of(text.error().message)].push_back(std::format(
                "{}: {}: {}", keyword, group["description"].get<std::string>(), text.error().message));
          }
          continue;
        }
        const auto grammar = test::compiled(*text);
        for (const Json& instance : group["tests"]) {
          const bool fits = fits_in_some_order(grammar, instance["data"]);
          if (!instance["valid"]) {
            ++invalid;
            EXPECT_FALSE(fits) << keyword << ": " << schema << "\n" << instance["data"];
          } else if (to_the_letter) {
            ++valid;
            if (fits || kOtherwise.contains(keyword) || kOtherwise.contains(group["description"])) continue;
            ++missing;
            EXPECT_TRUE(fits) << keyword << ": " << schema << "\n" << instance["data"];
          }
        }
        Json line{{"schema", schema}, {"texts", Json::array()}};
        const test::TextSampler sampler(*grammar);
        std::mt19937 random(20261129);
        for (int i = 0; i < test::scaled(kSamples); ++i) line["texts"].push_back(sampler.text(random));
        lines << line.dump() << '\n';
      }
    }
  }
  lines.close();
  for (const auto& [keyword, reasons] : refused) {
    std::cout << std::format("refused: {} for {}\n", reasons.size(), keyword);
    if (!std::getenv("BANYAN_SCHEMA_REASONS")) continue;
    for (const std::string& reason : reasons) std::cout << "    " << reason << '\n';
  }
  std::cout << std::format(
      "refused: {} of {} schemas ({:.0f} %); of others {} valid instances, {} without a text, and {} "
      "invalid; "
      "the longest took {:.1f} ms\n",
      refused_count, groups_count, 100.0 * refused_count / groups_count, valid, missing, invalid,
      1e3 * static_cast<double>(longest) / CLOCKS_PER_SEC);
  EXPECT_GT(groups_count, 100);
  EXPECT_LT(refused_count * 100, groups_count * kMostRefused) << "more than the documentation says";
  EXPECT_GT(valid, 150);

  expect_valid(cases, suite().filename());
}

// Schemas of what grammars keep, put together at random.
class RandomSchemas {
 public:
  explicit RandomSchemas(unsigned seed) : random_(seed) {}

  Json schema(int depth) {
    Json schema = Json::object();
    if (depth == 0 || pick(3) > 0) add_type(schema, depth);
    if (depth > 0 && pick(4) == 0) {
      for (const char* name : {"anyOf", "allOf", "oneOf"}) {
        if (pick(3) > 0) continue;
        for (std::size_t i = 0, count = 1 + pick(3); i < count; ++i)
          schema[name].push_back(this->schema(depth - 1));
      }
    }
    if (depth > 0 && pick(4) == 0) add_condition(schema, depth);
    if (pick(12) == 0) schema["$ref"] = pick(2) == 0 ? "#/$defs/a" : "#/$defs/b";
    if (pick(10) == 0) schema["enum"] = {1, "ab", nullptr, 2.5, {{"p", 1}}, {1, 2}, "b1", true};
    return schema;
  }
  Json document() {
    Json document = schema(3);
    document["$defs"] = {{"a", schema(1)}, {"b", schema(2)}};
    return document;
  }

 private:
  std::size_t pick(std::size_t choices) { return random_() % choices; }
  template <class Make>
  void maybe(Json& schema, const char* name, Make make) {
    if (pick(3) == 0) schema[name] = make();
  }

  void add_condition(Json& schema, int depth) {
    switch (pick(5)) {
      case 0:
        schema["not"] = this->schema(depth - 1);
        break;
      case 1:
        schema["if"] = this->schema(depth - 1);
        for (const char* name : {"then", "else"}) {
          if (pick(3) > 0) schema[name] = this->schema(depth - 1);
        }
        break;
      case 2:
        schema["contains"] = this->schema(depth - 1);
        maybe(schema, "minContains", [&] { return pick(3); });
        maybe(schema, "maxContains", [&] { return pick(3); });
        break;
      case 3:
        if (pick(2) == 0) schema["dependentRequired"]["a1"] = {"b"};
        if (pick(2) == 0) schema["dependentSchemas"]["p"] = this->schema(depth - 1);
        break;
      default:
        schema[pick(3) == 0 ? "unevaluatedItems" : "unevaluatedProperties"] =
            pick(2) == 0 ? Json(false) : this->schema(depth - 1);
    }
  }

  void add_type(Json& schema, int depth) {
    const auto small = [&] { return pick(4); };
    const auto inner = [&] { return this->schema(depth - 1); };
    const auto number = [&] {
      const int value = static_cast<int>(pick(2000)) - 1000;
      return pick(2) == 0 ? Json(value) : Json(value / 8.0);
    };
    const auto pattern = [&] {
      constexpr const char* kPatterns[] = {"^a", "b$", "^[a-c]{1,3}$", "[0-9]", "^(x|y)*$", "p", "^\\w+$"};
      return kPatterns[pick(std::size(kPatterns))];
    };
    switch (pick(depth > 0 ? 6 : 3)) {
      case 0:
        if (pick(5) > 0) schema["type"] = pick(2) == 0 ? "integer" : "number";
        maybe(schema, "minimum", number);
        maybe(schema, "exclusiveMaximum", number);
        maybe(schema, "maximum", number);
        maybe(schema, "multipleOf", [&] { return Json(pick(2) == 0 ? 0.25 : 3); });
        break;
      case 1:
        if (pick(5) > 0) schema["type"] = "string";
        maybe(schema, "minLength", small);
        maybe(schema, "maxLength", [&] { return 2 + pick(300); });
        maybe(schema, "pattern", pattern);
        break;
      case 2:
        schema["type"] = {"null", "boolean", "string"};
        break;
      case 3:
        if (pick(5) > 0) schema["type"] = "array";
        maybe(schema, "items", inner);
        maybe(schema, "minItems", small);
        maybe(schema, "maxItems", [&] { return 1 + pick(5); });
        if (pick(6) == 0) schema["uniqueItems"] = true;
        maybe(schema, "prefixItems", [&] { return Json::array({inner(), inner()}); });
        break;
      default:
        if (pick(5) > 0) schema["type"] = "object";
        for (const char* name : {"p", "a1", "b", "xy"}) {
          if (pick(2) == 0) schema["properties"][name] = inner();
          if (pick(3) == 0) schema["required"].push_back(name);
        }
        maybe(schema, "additionalProperties", [&] { return pick(2) == 0 ? Json(pick(2) == 0) : inner(); });
        if (pick(4) == 0) schema["patternProperties"][pattern()] = inner();
        if (pick(6) == 0) schema["minProperties"] = small();
        if (pick(6) == 0) schema["maxProperties"] = 1 + small();
        if (pick(8) == 0) schema["propertyNames"] = {{"pattern", pattern()}};
    }
  }

  std::mt19937 random_;
};

TEST(SchemaSuite, SamplesOfRandomSchemasAreValid) {
  const unsigned seed = std::getenv("BANYAN_SCHEMA_SEED")
                            ? static_cast<unsigned>(std::atoi(std::getenv("BANYAN_SCHEMA_SEED")))
                            : 20261129;
  std::cout << "seed " << seed << '\n';
  const test::TemporaryFolder folder;
  const std::string cases = folder.path("cases.jsonl");
  std::ofstream lines(cases);
  std::map<std::string, int> refused;
  int made = 0;
  RandomSchemas schemas(seed);
  for (int round = 0; round < test::scaled(1000); ++round) {
    const Json schema = schemas.document();
    const auto text = schema_grammar(schema, {.is_strict = true, .to_the_letter = round % 2 == 0});
    if (!text) {
      const std::string& message = text.error().message;
      ++refused[message.contains("oneOf") ? "oneOf" : message.substr(0, message.find(':'))];
      continue;
    }
    ++made;
    const auto grammar = test::compiled(*text);
    Json line{{"schema", schema}, {"texts", Json::array()}};
    const test::TextSampler sampler(*grammar);
    std::mt19937 random(seed);
    for (int i = 0; i < kSamples; ++i) {
      line["texts"].push_back(sampler.text(random));
      if (i < 5) {
        EXPECT_TRUE(test::fits(grammar, line["texts"].back().get<std::string>())) << schema;
      }
    }
    lines << line.dump() << '\n';
  }
  lines.close();
  std::cout << made << " made\n";
  if (std::getenv("BANYAN_SCHEMA_REASONS")) {
    for (const auto& [reason, count] : refused) std::cout << count << " refused: " << reason << '\n';
  }
  EXPECT_GT(made, test::scaled(300));
  expect_valid(cases, "draft2020-12");
}

}  // namespace
}  // namespace banyan
