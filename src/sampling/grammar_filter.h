/// Which tokens the grammar of a reply lets through: those with which the text keeps to it, from the start or
/// from the first byte of one of its triggers on.
///
/// A token may hold the end of free text, a trigger and what follows it. It is let through where all of it
/// from the trigger on fits, together with the tokens before it that the trigger begins in; so a trigger that
/// comes is always the beginning of a text of the grammar.
///
/// One thread at a time. The vocabulary outlives it.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "banyan/sampling.h"
#include "banyan/vocabulary.h"
#include "sampling/grammar/matcher.h"

namespace banyan {

class GrammarFilter {
 public:
  static constexpr std::size_t kMaxTriggers = 256;
  static constexpr std::size_t kMaxTriggerBytes = 256;  ///< of each

  /// With `special_text`, the text that has to fit has that of control tokens, too. It always has where there
  /// are triggers. Errors: invalid_argument, naming the field of Sampling. REQUIRES: there is a grammar.
  static Result<GrammarFilter> create(const Vocabulary& vocabulary, const Sampling& sampling,
                                      bool special_text);

  /// Whether the token may follow. Where it ends the reply: whether that may end here.
  bool fits(Token token);
  /// Looks for all tokens that fit, as GrammarMatcher::search().
  bool search(GrammarMatcher::Search& search, std::size_t until);
  /// Goes on with a token that fits.
  void accept(Token token);

  /// Steps since the last accept().
  std::size_t work() const { return matcher_.work() + text_work_; }
  bool is_exhausted() const { return matcher_.is_exhausted(); }

 private:
  struct Said {
    Token token;
    std::string text;  // with that of control tokens
  };

  GrammarFilter(const Vocabulary& vocabulary, GrammarMatcher matcher, std::vector<std::string> triggers);
  bool is_waiting() const { return !triggers_.empty(); }
  std::vector<GrammarMatcher::Piece> from_trigger(Token token, const std::string& text) const;
  void remember(Token token, std::string text);

  const Vocabulary* vocabulary_;
  GrammarMatcher matcher_;
  std::vector<std::string> triggers_;  // none once the grammar holds
  std::size_t longest_trigger_ = 0;
  std::deque<Said> recent_;       // the last tokens, in which a trigger may have begun
  std::size_t recent_bytes_ = 0;  // of their text
  std::size_t text_work_ = 0;     // for looking at tokens while it waits for a trigger
};

}  // namespace banyan
