/// Log-probabilities of tokens as the model gave them: the log-softmax of the raw logits, before
/// grammar, penalties and temperature.
#pragma once

#include <span>
#include <vector>

#include "banyan/base.h"

namespace banyan {

class LogProbs {
 public:
  /// The logits must outlive it.
  explicit LogProbs(std::span<const float> logits);

  float of(Token token) const;
  /// The `count` (or all, when fewer) most probable tokens, best first; of equals the lower id.
  std::vector<Token> top(int count) const;

 private:
  std::span<const float> logits_;
  double log_sum_ = 0;  // log of the sum of exp(logits)
};

}  // namespace banyan
