#include "server/answer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace banyan {
namespace {

// JSON has no infinity, which a forbidden token's logarithm is.
constexpr float kLeastLogprob = -9999;

Json one_token(Token id, const std::string& bytes, float logprob) {
  return {{"id", id},
          {"token", bytes},
          {"bytes", std::vector<std::uint8_t>(bytes.begin(), bytes.end())},
          {"logprob", std::max(logprob, kLeastLogprob)}};
}

double ratio(double value, double by) { return by > 0 ? value / by : 0; }

}  // namespace

Answer::Answer(std::size_t prompts, int choices, bool streams)
    : per_prompt_(static_cast<std::size_t>(choices)), streams_(streams), choices_(prompts * per_prompt_) {}

std::vector<Json> Answer::add(std::size_t prompt, const Delta& delta) {
  const std::size_t index = prompt * per_prompt_ + static_cast<std::size_t>(delta.choice);
  Choice& choice = choices_.at(index);
  choice.finish = delta.finish;
  choice.stop_word = delta.stop_word;
  choice.timings = delta.timings;
  if (streams_) return events(index, delta);
  choice.text += delta.text;
  choice.tokens.insert(choice.tokens.end(), delta.tokens.begin(), delta.tokens.end());
  return {};
}

bool Answer::is_complete() const {
  return std::ranges::none_of(choices_, [](const Choice& choice) { return choice.finish == Finish::none; });
}

Json timings_json(const Timings& t) {
  const auto prompt_n = static_cast<double>(t.cache.total - t.cache.restored);
  // The first token comes with the prompt's evaluation.
  const double later = std::max(0, t.generated - 1);
  Json json = {{"cache_n", t.cache.restored},
               {"matched_n", t.cache.matched},
               {"restore_limit", to_string(t.cache.limit)},
               {"prompt_n", t.cache.total - t.cache.restored},
               {"prompt_ms", t.prompt_ms},
               {"prompt_per_token_ms", ratio(t.prompt_ms, prompt_n)},
               {"prompt_per_second", ratio(prompt_n * 1e3, t.prompt_ms)},
               {"predicted_n", t.generated},
               {"predicted_ms", t.generate_ms},
               {"predicted_per_token_ms", ratio(t.generate_ms, later)},
               {"predicted_per_second", ratio(later * 1e3, t.generate_ms)}};
  if (!t.cache.limited_by.empty()) json["limited_by"] = t.cache.limited_by;
  return json;
}

Json token_json(const GeneratedToken& token) {
  Json json = one_token(token.token, token.bytes, token.logprob);
  Json& top = json["top_logprobs"] = Json::array();
  for (const TokenProbability& other : token.top) {
    top.push_back(one_token(other.token, other.bytes, other.logprob));
  }
  return json;
}

}  // namespace banyan
