#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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
  std::vector<Token> tokens(logits_.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto middle = tokens.begin() + std::min<std::ptrdiff_t>(count, std::ssize(tokens));
  std::partial_sort(tokens.begin(), middle, tokens.end(), [&](Token a, Token b) {
    const float x = logits_[static_cast<std::size_t>(a)], y = logits_[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  });
  tokens.erase(middle, tokens.end());
  return tokens;
}

}  // namespace banyan
