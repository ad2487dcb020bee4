#include "server/sampling_fields.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <format>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banyan {
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();
constexpr std::size_t kMaxNamed = 40;  // of a client's text in an error
constexpr double kMaxBias = 1e6;
constexpr std::int64_t kMaxSeed = std::int64_t{1} << 62;
constexpr std::uint32_t kRandomSeed = 0xFFFFFFFF;  // llama.cpp's -1

// Any JSON object. White space is bounded, for a model may like nothing better.
constexpr const char* kJsonGrammar = R"(root   ::= object
object ::= "{" space (member ("," space member)*)? "}" space
member ::= string ":" space value
array  ::= "[" space (value ("," space value)*)? "]" space
value  ::= object | array | string | number | ("true" | "false" | "null") space
string ::= "\"" char* "\"" space
char   ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})? space
space  ::= (" " | "\n" [ \t]{0,20})?
)";

// The token ids that a key of logit_bias names: "42", 42 or, as llama-server has it, any text.
std::vector<Token> biased_tokens(const Json& key, const Vocabulary& vocabulary) {
  if (key.is_number_integer()) {
    const auto id = key.get<std::int64_t>();
    if (id < 0 || id >= vocabulary.size()) return {};
    return {static_cast<Token>(id)};
  }
  if (!key.is_string()) return {};
  const auto& text = key.get_ref<const std::string&>();
  Token id = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (end == text.data() + text.size() && problem != std::errc::invalid_argument) {
    if (problem != std::errc() || id < 0 || id >= vocabulary.size()) return {};
    return {id};
  }
  return vocabulary.tokenize(text, false, true);
}

std::optional<float> bias_value(const Json& value) {
  if (value.is_boolean() && !value.get<bool>()) return -std::numeric_limits<float>::infinity();
  if (!value.is_number()) return std::nullopt;
  return static_cast<float>(std::clamp(value.get<double>(), -kMaxBias, kMaxBias));
}

void read_logit_bias(Fields& fields, const Vocabulary& vocabulary, Sampling& sampling) {
  const Json* all = fields.any("logit_bias");
  if (!all) return;
  const auto add = [&](const std::string& name, const Json& key, const Json& value) {
    const std::optional<float> bias = bias_value(value);
    if (!bias) return fields.wrong(name, "must be a number, or false for never");
    const std::vector<Token> tokens = biased_tokens(key, vocabulary);
    if (tokens.empty()) return fields.wrong(name, "names no token of the vocabulary");
    for (const Token token : tokens) sampling.logit_bias.emplace_back(token, *bias);
  };
  if (all->is_object()) {
    for (const auto& [key, value] : all->items()) {
      add(std::format("logit_bias[\"{}\"]", key.substr(0, kMaxNamed)), key, value);
    }
  } else if (all->is_array()) {
    for (std::size_t i = 0; i < all->size(); ++i) {
      const Json& pair = (*all)[i];
      const std::string name = std::format("logit_bias[{}]", i);
      if (!pair.is_array() || pair.size() != 2) return fields.wrong(name, "must be a pair [token, bias]");
      add(name, pair[0], pair[1]);
    }
  } else {
    fields.wrong("logit_bias", "must be an object of token ids, or an array of pairs");
  }
}

void read_stop(Fields& fields, std::vector<std::string>& stop) {
  const Json* words = fields.any("stop");
  if (!words) return;
  // An empty word would end every reply; llama-server's clients send it to mean none.
  const auto add = [&](const std::string& name, const Json& word) {
    if (!word.is_string()) return fields.wrong(name, "must be a string");
    if (auto text = word.get<std::string>(); !text.empty()) stop.push_back(std::move(text));
  };
  if (!words->is_array()) return add("stop", *words);
  for (std::size_t i = 0; i < words->size(); ++i) add(std::format("stop[{}]", i), (*words)[i]);
}

void read_grammar(Fields& fields, Sampling& sampling) {
  sampling.grammar = fields.string("grammar");
  const Json* format = fields.object("response_format");
  if (!format) return;
  Fields inner(*format, "response_format.");
  const std::string type = inner.string("type", "text");
  inner.refuse_unless("schema", Json::object());
  if (inner.error()) return fields.wrong(*inner.error());
  if (type == "json_schema") {
    return fields.wrong("response_format.type", "\"json_schema\" is not supported; \"json_object\" is",
                        Errc::unsupported);
  }
  if (type == "json_object") {
    if (!sampling.grammar.empty()) return fields.wrong("grammar", "and response_format exclude each other");
    sampling.grammar = kJsonGrammar;
  } else if (type != "text") {
    fields.wrong("response_format.type", "must be \"text\" or \"json_object\"");
  }
}

}  // namespace

void read_sampling(Fields& fields, const Vocabulary& vocabulary, Request& request) {
  Sampling& s = request.sampling;
  s.temperature = fields.number("temperature", s.temperature, -1, 100);
  s.top_k = static_cast<int>(std::max<std::int64_t>(0, fields.integer("top_k", s.top_k, -1, kMaxInt)));
  s.top_p = fields.number("top_p", s.top_p, 0, 1);
  s.min_p = fields.number("min_p", s.min_p, 0, 1);
  s.repeat_penalty = fields.number("repeat_penalty", s.repeat_penalty, 0.01f, 100);
  s.penalty_last_n = static_cast<int>(fields.integer("repeat_last_n", s.penalty_last_n, -1, kMaxInt));
  s.presence_penalty = fields.number("presence_penalty", s.presence_penalty, -2, 2);
  s.frequency_penalty = fields.number("frequency_penalty", s.frequency_penalty, -2, 2);
  const auto seed = static_cast<std::uint32_t>(fields.integer("seed", -1, -kMaxSeed, kMaxSeed));
  if (seed != kRandomSeed) s.seed = seed;
  read_logit_bias(fields, vocabulary, s);
  read_grammar(fields, s);
  read_stop(fields, request.stop);
  request.ignore_eos = fields.boolean("ignore_eos", false);
  request.reuse_cache = fields.boolean("cache_prompt", true);

  fields.refuse_unless("mirostat", 0);
  fields.refuse_unless("typical_p", 1);
  fields.refuse_unless("dry_multiplier", 0);
  fields.refuse_unless("xtc_probability", 0);
  fields.refuse_unless("dynatemp_range", 0);
  fields.refuse_unless("top_n_sigma", 0, -1);
  fields.refuse_unless("json_schema");
  fields.refuse_unless("lora", Json::array());
}

}  // namespace banyan
