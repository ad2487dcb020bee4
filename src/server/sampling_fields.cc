#include "server/sampling_fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <format>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/samplers.h"

namespace banyan {
namespace {

constexpr double kMaxBias = 1e6;
constexpr std::size_t kMaxBiasBytes = 64 << 10;    // of the texts that name tokens, which are tokenized
constexpr std::uint32_t kRandomSeed = 0xFFFFFFFF;  // llama.cpp's -1
// Every token looks for every stop string, and each of several prompts has its own copy of them.
constexpr std::size_t kMaxStops = 1024;
constexpr std::size_t kMaxStopBytes = 64 << 10;

// The token ids that a key of logit_bias names: "42", 42 or, as llama-server has it, any text.
// `text_bytes`: of the texts so far; one that passes the limit names none.
std::vector<Token> biased_tokens(const Json& key, const Vocabulary& vocabulary, std::size_t& text_bytes) {
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
  text_bytes += text.size();
  if (text_bytes > kMaxBiasBytes) return {};
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
  const auto most = static_cast<std::size_t>(vocabulary.size());
  std::size_t text_bytes = 0;
  const auto add = [&](const std::string& name, const Json& key, const Json& value) {
    const std::optional<float> bias = bias_value(value);
    if (!bias) return fields.wrong(name, "must be a number, or false for never");
    const std::vector<Token> tokens = biased_tokens(key, vocabulary, text_bytes);
    if (text_bytes > kMaxBiasBytes) {
      return fields.wrong("logit_bias", std::format("must have at most {} bytes of text", kMaxBiasBytes));
    }
    if (tokens.empty()) return fields.wrong(name, "names no token of the vocabulary");
    if (tokens.size() > most - sampling.logit_bias.size()) {
      return fields.wrong("logit_bias", std::format("must name at most {} tokens", most));
    }
    for (const Token token : tokens) sampling.logit_bias.emplace_back(token, *bias);
  };
  if (all->is_object()) {
    for (const auto& [key, value] : all->items()) {
      if (fields.error()) return;
      add(std::format("logit_bias[\"{}\"]", key.substr(0, kMaxNamed)), key, value);
    }
  } else if (all->is_array()) {
    for (std::size_t i = 0; i < all->size() && !fields.error(); ++i) {
      const Json& pair = (*all)[i];
      const std::string name = std::format("logit_bias[{}]", i);
      if (!pair.is_array() || pair.size() != 2) return fields.wrong(name, "must be a pair [token, bias]");
      add(name, pair[0], pair[1]);
    }
  } else {
    fields.wrong("logit_bias", "must be an object of token ids, or an array of pairs");
  }
}

// Any integer, however large or negative, modulo 2^32; only -1 itself, also as 32 bits write it, is random.
void read_seed(Fields& fields, Sampling& sampling) {
  const Json* value = fields.any("seed");
  if (!value) return;
  constexpr double kRange = 4294967296.0;
  const double number = value->is_number() ? value->get<double>() : 0.5;
  if (number != std::trunc(number)) return fields.wrong("seed", "must be an integer");
  if (number == -1 || number == kRandomSeed) return sampling.seed.reset();
  // A number beyond 64 bits, or one that is written with a fraction, is a double.
  const double rest = std::fmod(number, kRange);
  const auto seed = value->is_number_integer() ? static_cast<std::uint32_t>(value->get<std::uint64_t>())
                                               : static_cast<std::uint32_t>(static_cast<std::int64_t>(rest));
  sampling.seed = seed == kRandomSeed ? 0 : seed;
}

}  // namespace

void read_stop(Fields& fields, const char* name, std::vector<std::string>& stop) {
  const Json* words = fields.any(name);
  if (!words) return;
  std::size_t bytes = 0;
  // An empty word would end every reply; llama-server's clients send it to mean none.
  const auto add = [&](const std::string& place, const Json& word) {
    if (!word.is_string()) return fields.wrong(place, "must be a string");
    auto text = word.get<std::string>();
    bytes += text.size();
    if (bytes > kMaxStopBytes) {
      return fields.wrong(name, std::format("must have at most {} bytes in all", kMaxStopBytes));
    }
    if (!text.empty()) stop.push_back(std::move(text));
  };
  if (!words->is_array()) return add(name, *words);
  if (words->size() > kMaxStops) {
    return fields.wrong(name, std::format("must have at most {} strings", kMaxStops));
  }
  for (std::size_t i = 0; i < words->size(); ++i) add(std::format("{}[{}]", name, i), (*words)[i]);
}

void read_sampling_numbers(Fields& fields, Sampling& s) {
  s.temperature = fields.number("temperature", s.temperature, -1, 100);
  s.top_k = static_cast<int>(std::max<std::int64_t>(0, fields.integer("top_k", s.top_k, -1, kMaxInt)));
  s.top_p = fields.number("top_p", s.top_p, 0, 1);
  s.min_p = fields.number("min_p", s.min_p, 0, 1);
  // repetition_penalty is vLLM's name.
  s.repeat_penalty = fields.number("repetition_penalty", s.repeat_penalty, 0.01f, 100);
  s.repeat_penalty = fields.number("repeat_penalty", s.repeat_penalty, 0.01f, 100);
  s.penalty_last_n = static_cast<int>(fields.integer("repeat_last_n", s.penalty_last_n, -1, kMaxInt));
  s.presence_penalty = fields.number("presence_penalty", s.presence_penalty, -2, 2);
  s.frequency_penalty = fields.number("frequency_penalty", s.frequency_penalty, -2, 2);
  read_seed(fields, s);
}

namespace {

// What would change a reply and is not offered, with the values that leave it as it is.
void refuse_other_sampling(Fields& fields) {
  // llama-server's
  fields.refuse_unless("mirostat", 0);
  fields.refuse_unless("typical_p", 1);
  fields.refuse_unless("dry_multiplier", 0);
  fields.refuse_unless("xtc_probability", 0);
  fields.refuse_unless("dynatemp_range", 0);
  fields.refuse_unless("top_n_sigma", 0, -1);
  fields.refuse_unless("adaptive_target", -1);
  fields.refuse_unless("lora", Json::array());
  fields.refuse_unless("grammar_lazy", false);
  fields.refuse_unless("min_keep", 0);
  fields.refuse_unless("n_indent", 0);
  fields.refuse_unless("image_data", Json::array());
  // vLLM's, which many clients send
  fields.refuse_unless("min_tokens", 0);
  fields.refuse_unless("stop_token_ids", Json::array());
  fields.refuse_unless("bad_words", Json::array());
  fields.refuse_unless("allowed_token_ids", Json::array());
  fields.refuse_unless("use_beam_search", false);
  fields.refuse_unless("length_penalty", 1);
  fields.refuse_unless("include_stop_str_in_output", false);
  fields.refuse_unless("skip_special_tokens", true);
  fields.refuse_unless("truncate_prompt_tokens", 0);
  fields.refuse_unless("prompt_logprobs", 0);
  fields.refuse_unless("guided_json", "");
  fields.refuse_unless("guided_regex", "");
  fields.refuse_unless("guided_choice", "", Json::array());
  fields.refuse_unless("guided_grammar", "");
  fields.refuse_unless("structured_outputs", Json::object());
  // OpenAI's
  fields.refuse_unless("suffix", "");
}

}  // namespace

void read_sampling(Fields& fields, const Vocabulary& vocabulary, Request& request) {
  Sampling& s = request.sampling;
  // As samplers name it. llama-server passes over it, and answers with another temperature than was meant.
  s.temperature = fields.number("temp", s.temperature, -1, 100);
  read_sampling_numbers(fields, s);
  read_logit_bias(fields, vocabulary, s);
  read_stop(fields, "stop", request.stop);
  read_samplers(fields, s);
  request.time_limit = std::chrono::milliseconds(fields.integer("t_max_predict_ms", 0, -1, kMaxInt));
  request.ignore_eos = fields.boolean("ignore_eos", false);
  request.reuse_cache = fields.boolean("cache_prompt", true);

  refuse_other_sampling(fields);
}

int read_max_tokens(Fields& fields, std::initializer_list<const char*> names, int fallback) {
  std::int64_t most = fallback;
  for (const char* name : names) most = fields.integer(name, most, -1, kMaxInt);
  return static_cast<int>(most);
}

}  // namespace banyan
