/// Chooses a reply's next token from logits: libllama's samplers in llama.cpp's order, which is
/// grammar, logit bias, penalties, top-k, top-p, min-p, temperature, then the draw.
///
/// create: any thread. A Sampler: one thread at a time.
#pragma once

#include <llama.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "banyan/engine.h"

namespace banyan {

/// Working memory of sample(), which any number of samplers may share one after the other.
using SamplerScratch = std::vector<llama_token_data>;

struct SamplerOptions {
  bool ignore_end = false;   ///< tokens that end a reply are never chosen
  int context = 0;           ///< most tokens that penalties can look back
  std::uint32_t choice = 0;  ///< added to the seed
};

class Sampler {
 public:
  /// Penalties look back into the prompt. Errors: invalid_argument, naming the field of Sampling.
  static Result<Sampler> create(const Vocabulary& vocabulary, const Sampling& sampling, TokenSpan prompt,
                                const SamplerOptions& options);

  /// Chooses a token and counts it as said. Nothing when grammar and biases rule out every token.
  /// Errors: corrupt (the logits are not numbers). REQUIRES: one logit for each token.
  Result<std::optional<Token>> sample(std::span<const float> logits, SamplerScratch& scratch);

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
  };
  using Handle = std::unique_ptr<llama_sampler, Free>;

  std::optional<Token> choose(std::span<const float> logits, SamplerScratch& scratch, bool with_grammar);

  Handle grammar_;  // null: none
  Handle adjust_;   // bias and penalties; null: none
  Handle draw_;     // narrows and draws; null: the most probable
};

}  // namespace banyan
