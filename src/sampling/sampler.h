/// Chooses a reply's next token from logits: libllama's samplers in llama.cpp's order, which is
/// grammar, logit bias, penalties, top-k, top-p, min-p, temperature, then the draw. libllama is given
/// only the tokens that a step of it can change or choose; over a whole vocabulary it is slow. Grammars are
/// our own (grammar/matcher.h), as libllama's have no bounds. Where a thought has come to its limit, the
/// tokens of its end are chosen, whatever the logits, biases and penalties say.
///
/// create: any thread. A Sampler: one thread at a time. The vocabulary outlives it.
#pragma once

#include <llama.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "banyan/sampling.h"
#include "banyan/vocabulary.h"
#include "sampling/grammar_filter.h"
#include "sampling/thought_budget.h"

namespace banyan {

/// Working memory of sample(), which any number of samplers may share one after the other.
struct SamplerScratch {
  std::vector<float> logits;
  std::vector<llama_token_data> candidates;
  std::size_t drawn =
      0;  ///< of the candidates, the first: those that the token was drawn from, with how likely
};

struct SamplerOptions {
  bool ignore_end = false;   ///< tokens that end a reply are never chosen
  int context = 0;           ///< most tokens that penalties can look back
  std::uint32_t choice = 0;  ///< added to the seed
  /// The reply's text has that of control tokens, which may be said where a grammar's literals have it.
  bool special_text = false;
};

class Sampler {
 public:
  /// Penalties look back into the prompt. Errors: invalid_argument, naming the field of Sampling.
  static Result<Sampler> create(const Vocabulary& vocabulary, const Sampling& sampling, TokenSpan prompt,
                                const SamplerOptions& options);

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max() / 2;

  /// Chooses a token and counts it as said. Nothing when grammar and biases rule out every token, and nothing
  /// yet when is_choosing() is true afterwards: to follow the grammar has taken about `grammar_steps` steps
  /// (2^18: some ten milliseconds) and would take more. Then call it again with the same logits.
  /// Errors: corrupt (the logits are not numbers), invalid_argument (the grammar is too ambiguous to follow).
  /// REQUIRES: one logit for each token.
  Result<std::optional<Token>> sample(std::span<const float> logits, SamplerScratch& scratch,
                                      std::size_t grammar_steps = kNoLimit);
  bool is_choosing() const { return choice_.has_value(); }

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
  };
  using Handle = std::unique_ptr<llama_sampler, Free>;

  explicit Sampler(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}
  bool drop_grammar();
  std::optional<Token> forced();
  std::optional<Token> find(std::span<const float> logits, SamplerScratch& scratch,
                            std::size_t grammar_steps);
  void accept(Token token);
  void penalize(Token token);
  std::span<const float> adjust(std::span<const float> logits, SamplerScratch& scratch);
  std::optional<Token> choose(SamplerScratch& scratch, bool sorted);
  bool try_best(std::size_t until);
  void fill_with_found(std::span<const float> logits, SamplerScratch& scratch) const;

  // A choice among what fits the grammar: first of the best tokens, then, where too few of them fit, of all.
  struct Choice {
    std::vector<llama_token_data> best;  // best first; those that fit come to the front
    std::size_t tried = 0, fitting = 0;  // of them
    std::optional<GrammarMatcher::Search> all;
  };

  const Vocabulary* vocabulary_;
  std::optional<GrammarFilter> grammar_;
  bool grammar_is_optional_ = false;
  std::optional<Choice> choice_;  // that is not made yet
  std::optional<ThoughtBudget> thought_;
  std::vector<std::pair<Token, float>> biases_;
  Handle penalties_;           // null: none
  std::set<Token> penalized_;  // and more: of the prompt's end, or said
  Handle draw_;                // narrows and draws; null: the most probable
  std::size_t narrow_ = 1;     // candidates that draw_ needs; 0: all
};

}  // namespace banyan
