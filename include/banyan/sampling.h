/// What a request says about how its tokens are chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banyan/base.h"

namespace banyan {

/// How the next token is chosen. Names and defaults are llama.cpp's.
struct Sampling {
  float temperature = 0.8f;  ///< 0 or less: the most probable token
  int top_k = 40;            ///< 0: all
  float top_p = 0.95f;       ///< 1: off
  float min_p = 0.05f;       ///< 0: off
  float repeat_penalty = 1;  ///< 1: off
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int penalty_last_n = 64;                 ///< tokens that penalties look back; -1: all of the context
  std::optional<std::uint32_t> seed = {};  ///< none: a random one
  std::vector<std::pair<Token, float>> logit_bias = {};
  std::string grammar = {};  ///< GBNF; empty: none
};

}  // namespace banyan
