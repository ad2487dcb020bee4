/// A client's GBNF grammar, compiled to one small automaton for each rule.
///
/// A grammar may be ambiguous, nullable and left recursive: GrammarMatcher copes with all of it. What is
/// bounded here is its size.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/vocabulary.h"

namespace banyan {

/// Code points in order, as ranges that neither touch nor overlap, without surrogates.
struct CharSet {
  struct Range {
    char32_t first, last;
  };
  std::vector<Range> ranges;

  bool has_any_of(char32_t first, char32_t last) const;
};

/// The automata. A rule is entered at its start and left at a state of kind `end`.
struct Grammar {
  static constexpr std::size_t kMaxBytes = 256 * 1024;  ///< of the text
  static constexpr std::size_t kMaxRules = 16384;
  static constexpr std::size_t kMaxStates = 1 << 17;  ///< with what repetitions are expanded to
  static constexpr int kMaxDepth = 64;                ///< of nested groups

  struct State {
    enum class Kind : std::uint8_t {
      end,        ///< the rule is complete
      chars,      ///< takes a character of the set `arg`
      token,      ///< takes the token `arg`
      not_token,  ///< takes any token but `arg`
      call,       ///< what the rule `arg` takes
      split,      ///< goes on at `next` or at `arg`
    };
    Kind kind = Kind::end;
    std::uint32_t arg = 0;
    std::uint32_t next = 0;
  };

  std::vector<State> states;
  std::vector<CharSet> sets;
  std::vector<std::uint32_t> starts;  ///< of each rule
  std::uint32_t root = 0;             ///< a rule

  /// Reads llama.cpp's dialect of GBNF. With `special_text`, control tokens stand for their text where all of
  /// it is in one literal (but those that end a reply). Errors: invalid_argument (field "grammar"), with what
  /// is wrong and at which line and column. The time is linear in the text and the states. Any thread.
  static Result<std::shared_ptr<const Grammar>> parse(const Vocabulary& vocabulary, std::string_view text,
                                                      bool special_text = false);
};

}  // namespace banyan
