#include "server/reply_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace banyan {
namespace {

// JSON has no infinity, which a forbidden token's logarithm is.
constexpr float kLeastLogprob = -9999;

Json named_token(Token id, const std::string& bytes) {
  return {{"id", id}, {"token", bytes}, {"bytes", std::vector<std::uint8_t>(bytes.begin(), bytes.end())}};
}

Json with_logprob(Token id, const std::string& bytes, float logprob) {
  Json json = named_token(id, bytes);
  json["logprob"] = std::max(logprob, kLeastLogprob);
  return json;
}

Json with_probability(Token id, const std::string& bytes, float logprob) {
  Json json = named_token(id, bytes);
  json["prob"] = std::exp(logprob);
  return json;
}

Json with_others(const GeneratedToken& token, const char* others,
                 Json (*write)(Token, const std::string&, float)) {
  Json json = write(token.token, token.bytes, token.logprob);
  Json& top = json[others] = Json::array();
  for (const TokenProbability& other : token.top) {
    top.push_back(write(other.token, other.bytes, other.logprob));
  }
  return json;
}

double ratio(double value, double by) { return by > 0 ? value / by : 0; }

}  // namespace

void add_timings(Json& object, const Timings& t) {
  const auto prompt_n = static_cast<double>(t.cache.total - t.cache.restored);
  // The first token comes with the prompt's evaluation.
  const double later = std::max(0, t.generated - 1);
  object["timings"] = {{"cache_n", t.cache.restored},
                       {"matched_n", t.cache.matched},
                       {"prompt_n", t.cache.total - t.cache.restored},
                       {"prompt_ms", t.prompt_ms},
                       {"prompt_per_token_ms", ratio(t.prompt_ms, prompt_n)},
                       {"prompt_per_second", ratio(prompt_n * 1e3, t.prompt_ms)},
                       {"predicted_n", t.generated},
                       {"predicted_ms", t.generate_ms},
                       {"predicted_per_token_ms", ratio(t.generate_ms, later)},
                       {"predicted_per_second", ratio(later * 1e3, t.generate_ms)}};
  object["restore_limit"] = to_string(t.cache.limit);
  if (!t.cache.limited_by.empty()) object["limited_by"] = t.cache.limited_by;
}

Json progress_json(const Timings& t) {
  return {{"total", t.cache.total},
          {"cache", t.cache.restored},
          {"processed", t.prompt_done},
          {"time_ms", t.prompt_ms}};
}

Json token_json(const GeneratedToken& token) { return with_others(token, "top_logprobs", with_logprob); }

Json drawn_token_json(const GeneratedToken& token) {
  return with_others(token, "top_probs", with_probability);
}

}  // namespace banyan
