/// Tokens to measure with.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "banyan/base.h"

namespace banyan {

/// Tokens of no meaning, the same for the same seed.
inline std::vector<Token> some_tokens(std::size_t count, unsigned seed = 1) {
  std::minstd_rand random(seed);
  std::vector<Token> tokens(count);
  for (Token& token : tokens) token = static_cast<Token>(random() % 150'000);
  return tokens;
}

}  // namespace banyan
