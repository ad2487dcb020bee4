/// The syntax tree of a GBNF grammar, and its parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/vocabulary.h"
#include "sampling/grammar/grammar.h"

namespace banyan {

struct SyntaxNode {
  enum class Kind : std::uint8_t {
    sequence,   ///< the parts, one after the other; none: the empty text
    choice,     ///< one of the parts
    chars,      ///< one character of `set`
    token,      ///< the token `number`
    not_token,  ///< any token but `number`
    call,       ///< the rule `number`
    repeat,     ///< the only part, from `least` to `most` times
  };
  static constexpr std::uint32_t kNoMost = std::numeric_limits<std::uint32_t>::max();

  Kind kind = Kind::sequence;
  std::vector<SyntaxNode> parts = {};
  CharSet set = {};
  std::uint32_t number = 0;
  std::uint32_t least = 0, most = 0;
};

struct GrammarSyntax {
  std::vector<SyntaxNode> rules;
  std::uint32_t root = 0;
};

/// As Grammar::parse. The tree is at most a few hundred levels deep.
Result<GrammarSyntax> parse_grammar_syntax(const Vocabulary& vocabulary, std::string_view text,
                                           bool special_text = false);

}  // namespace banyan
