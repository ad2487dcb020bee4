#include "sampling/logprobs.h"

#include <algorithm>
#include <cmath>

#include "sampling/best_logits.h"

namespace banyan {

LogProbs::LogProbs(std::span<const float> logits) : logits_(logits) {
  const float best = std::ranges::max(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - best);
  log_sum_ = best + std::log(sum);
}

float LogProbs::of(Token token) const {
  return static_cast<float>(logits_[static_cast<std::size_t>(token)] - log_sum_);
}

std::vector<Token> LogProbs::top(int count) const {
  std::vector<llama_token_data> best;
  find_best_logits(logits_, static_cast<std::size_t>(count), best);
  std::vector<Token> tokens;
  for (const llama_token_data& candidate : best) tokens.push_back(candidate.id);
  return tokens;
}

}  // namespace banyan
