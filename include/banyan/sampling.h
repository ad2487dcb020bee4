/// What a request says about how its tokens are chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banyan/base.h"

namespace banyan {

/// How long a reply may think. When so many tokens of thought are written, the end of the thought is written
/// for the model, whatever it would rather say, and it goes on from there. Tokens that a grammar does not let
/// through are not written so; then it is tried again at the next token.
///
/// The marks are looked for without the white space around them, and in the text with that of special tokens.
struct ThoughtLimit {
  int tokens = -1;         ///< most of all thoughts of a reply together; -1: no limit
  std::string begin = {};  ///< what opens a thought; empty: there is only one that is open at the start
  std::string end = {};    ///< what ends it; written as it is here
  bool is_open = false;    ///< the reply begins inside a thought
  /// A thought begins only where nothing but blanks was said since the reply's beginning or the last thought;
  /// what looks like its beginning elsewhere is text.
  bool begins_first = false;
};

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
  /// The grammar holds from the first byte of the first of these in the reply's text, with the text of
  /// special tokens, and any token may come before; a token in which one is complete comes only where the
  /// grammar takes the text from there on. Empty: the grammar holds from the start.
  std::vector<std::string> grammar_triggers = {};
  /// The grammar only helps: where it cannot be read or followed, the reply goes on without it.
  bool grammar_is_optional = false;
  ThoughtLimit thought = {};
};

}  // namespace banyan
