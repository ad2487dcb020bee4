/// A grammar that takes long to follow, and biases that have all tokens looked at.
#pragma once

#include <cctype>
#include <format>
#include <string>

#include "banyan/sampling.h"
#include "support/shipped_model.h"

namespace banyan::test {

/// Greedy. Hundreds of ways to read each text, and the most probable tokens do not fit.
inline Sampling slow_grammar() {
  Sampling sampling{.temperature = 0};
  for (int length = 50; length < 400; ++length) {
    sampling.grammar += std::format("{}[a-z ]{{{}}} \"!\"", length == 50 ? "root ::= " : " | ", length);
  }
  const Vocabulary& vocabulary = shipped_vocabulary();
  for (Token token = 0; token < vocabulary.size() && sampling.logit_bias.size() < 40; ++token) {
    const std::string piece = vocabulary.piece(token);
    if (!piece.empty() && std::isupper(static_cast<unsigned char>(piece.front())) != 0) {
      sampling.logit_bias.emplace_back(token, 1000.0f);
    }
  }
  return sampling;
}

}  // namespace banyan::test
