#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "sampling/best_logits.h"

namespace banyan {
namespace {

constexpr float kRuledOut = -std::numeric_limits<float>::infinity();
// A lower temperature would take logits out of a float's range; the draw is decided long before.
constexpr float kLeastTemperature = 1e-5f;
// Keeps biased and penalised logits finite.
constexpr float kMostBias = 1e6f;
// Of the best tokens, this many times as many as are wanted are tried before all are.
constexpr std::size_t kTriedFirst = 16;

Error too_ambiguous() {
  return {Errc::invalid_argument,
          "the grammar is too ambiguous: there are too many ways to read the text so far", "grammar"};
}

Result<> check(const Sampling& sampling, int vocabulary) {
  const auto wrong = [](const char* field, const char* must) {
    return fail(Errc::invalid_argument, std::string(field) + " must be " + must, field);
  };
  const auto within = [](float value, float least, float most) { return value >= least && value <= most; };
  if (!std::isfinite(sampling.temperature)) return wrong("temperature", "a finite number");
  if (sampling.top_k < 0) return wrong("top_k", "0 (off) or more");
  if (!within(sampling.top_p, 0, 1)) return wrong("top_p", "between 0 and 1");
  if (!within(sampling.min_p, 0, 1)) return wrong("min_p", "between 0 and 1");
  if (!within(sampling.repeat_penalty, 1e-3f, 1e3f)) return wrong("repeat_penalty", "between 0.001 and 1000");
  if (!within(sampling.presence_penalty, -100, 100)) return wrong("presence_penalty", "between -100 and 100");
  if (!within(sampling.frequency_penalty, -100, 100))
    return wrong("frequency_penalty", "between -100 and 100");
  if (sampling.penalty_last_n < -1) return wrong("penalty_last_n", "-1 (all), 0 (off) or more");
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (token < 0 || token >= vocabulary) return wrong("logit_bias", "for tokens of the vocabulary");
    if (bias != kRuledOut && !within(bias, -kMostBias, kMostBias)) {
      return wrong("logit_bias", "between -1e6 and 1e6, or minus infinity");
    }
  }
  return {};
}

std::uint32_t seed_of(const Sampling& sampling, std::uint32_t choice) {
  const std::uint32_t seed = sampling.seed ? *sampling.seed + choice : std::random_device{}();
  // libllama takes its default seed for "a random one".
  return seed == LLAMA_DEFAULT_SEED ? 0 : seed;
}

llama_sampler* new_chain() {
  llama_sampler_chain_params params = llama_sampler_chain_default_params();
  params.no_perf = true;
  return llama_sampler_chain_init(params);
}

bool any_left(std::span<const llama_token_data> candidates) {
  return std::ranges::any_of(candidates, [](const auto& candidate) { return candidate.logit > kRuledOut; });
}

void fill_with_all(std::span<const float> logits, std::vector<llama_token_data>& candidates) {
  candidates.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) candidates[i] = {static_cast<Token>(i), logits[i], 0};
}

}  // namespace

Result<Sampler> Sampler::create(const Vocabulary& vocabulary, const Sampling& sampling, TokenSpan prompt,
                                const SamplerOptions& options) {
  if (auto valid = check(sampling, vocabulary.size()); !valid) return std::unexpected(valid.error());
  Sampler sampler(vocabulary);
  if (!sampling.grammar.empty()) {
    Result<std::shared_ptr<const Grammar>> grammar = Grammar::parse(vocabulary, sampling.grammar);
    if (!grammar) return std::unexpected(grammar.error());
    if (!GrammarMatcher::passes_trial(*grammar)) {
      return fail(Errc::invalid_argument,
                  "the grammar is too ambiguous: already a short text can be read in too many ways",
                  "grammar");
    }
    sampler.grammar_.emplace(std::move(*grammar));
    if (sampler.grammar_->is_dead()) {
      return fail(Errc::invalid_argument, "no text fits the grammar: its rule \"root\" never ends",
                  "grammar");
    }
  }

  sampler.biases_ = sampling.logit_bias;
  if (options.ignore_end) {
    for (Token token = 0; token < vocabulary.size(); ++token) {
      if (vocabulary.is_end(token)) sampler.biases_.emplace_back(token, kRuledOut);
    }
  }
  const int last_n =
      sampling.penalty_last_n < 0 ? options.context : std::min(sampling.penalty_last_n, options.context);
  if (last_n > 0 &&
      (sampling.repeat_penalty != 1 || sampling.presence_penalty != 0 || sampling.frequency_penalty != 0)) {
    sampler.penalties_.reset(llama_sampler_init_penalties(vocabulary.size(), last_n, sampling.repeat_penalty,
                                                          sampling.frequency_penalty,
                                                          sampling.presence_penalty));
    for (const Token token : prompt.last(std::min(prompt.size(), static_cast<std::size_t>(last_n)))) {
      sampler.accept(token);
    }
  }

  if (sampling.temperature >= kLeastTemperature) {
    sampler.narrow_ = static_cast<std::size_t>(sampling.top_k);
    sampler.draw_.reset(new_chain());
    const auto add = [&](llama_sampler* next) { llama_sampler_chain_add(sampler.draw_.get(), next); };
    add(llama_sampler_init_top_k(sampling.top_k));
    add(llama_sampler_init_top_p(sampling.top_p, 1));
    add(llama_sampler_init_min_p(sampling.min_p, 1));
    add(llama_sampler_init_temp(sampling.temperature));
    add(llama_sampler_init_dist(seed_of(sampling, options.choice)));
  }
  return sampler;
}

Result<std::optional<Token>> Sampler::sample(std::span<const float> logits, SamplerScratch& scratch,
                                             std::size_t grammar_steps) {
  if (any_is_nan(logits)) return fail(Errc::corrupt, "the model's logits are not numbers");
  if (!biases_.empty() || penalties_) logits = adjust(logits, scratch);
  std::optional<Token> token;
  if (!choice_) {
    const bool narrow = narrow_ > 0;
    if (narrow) {
      find_best_logits(logits, narrow_, scratch.candidates);
    } else {
      fill_with_all(logits, scratch.candidates);
    }
    token = choose(scratch, narrow);
    // Mostly the token that is chosen without the grammar fits it.
    if (token && grammar_ && !fits_grammar(*token)) {
      choice_ = Choice();
      if (narrow) find_best_logits(logits, kTriedFirst * narrow_, choice_->best);
    }
  }
  if (choice_) {
    const std::size_t until = grammar_->work() + grammar_steps;
    if (!try_best(until)) return std::nullopt;
    const bool enough = narrow_ > 0 && (choice_->fitting == narrow_ || choice_->best.size() == logits.size());
    if (enough || grammar_->is_exhausted()) {
      scratch.candidates.assign(choice_->best.begin(),
                                choice_->best.begin() + static_cast<std::ptrdiff_t>(choice_->fitting));
    } else {
      if (!choice_->all) choice_->all.emplace(logits.size());
      if (!grammar_->search(vocabulary_->trie(), *choice_->all, until)) return std::nullopt;
      fill_with_found(logits, scratch);
    }
    choice_.reset();
    if (!grammar_->is_exhausted()) token = choose(scratch, enough);
  }
  if (token && grammar_ && !grammar_->is_exhausted() && !vocabulary_->is_end(*token)) {
    grammar_->accept(*token, vocabulary_->piece(*token));
  }
  if (grammar_ && grammar_->is_exhausted()) return std::unexpected(too_ambiguous());
  if (token && penalties_) accept(*token);
  return token;
}

bool Sampler::fits_grammar(Token token) {
  if (vocabulary_->is_end(token) && grammar_->can_end()) return true;
  return grammar_->allows(token, vocabulary_->piece(token));
}

// Looks for as many as are wanted among the best tokens; to look at all costs more. False where it has to go
// on.
bool Sampler::try_best(std::size_t until) {
  auto& [best, tried, fitting, all] = *choice_;
  for (; tried < best.size() && fitting < narrow_; ++tried) {
    if (grammar_->is_exhausted()) return true;
    if (grammar_->work() > until) return false;
    if (fits_grammar(best[tried].id)) best[fitting++] = best[tried];
  }
  return true;
}

void Sampler::fill_with_found(std::span<const float> logits, SamplerScratch& scratch) const {
  scratch.candidates.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (choice_->all->allowed[i] || (grammar_->can_end() && vocabulary_->is_end(token))) {
      scratch.candidates.push_back({token, logits[i], 0});
    }
  }
}

// The logits with bias and penalties.
std::span<const float> Sampler::adjust(std::span<const float> logits, SamplerScratch& scratch) {
  scratch.logits.assign(logits.begin(), logits.end());
  const auto logit = [&](Token token) -> float& { return scratch.logits[static_cast<std::size_t>(token)]; };
  for (const auto& [token, bias] : biases_) logit(token) += bias;
  if (penalties_) {
    scratch.candidates.clear();
    for (const Token token : penalized_) scratch.candidates.push_back({token, logit(token), 0});
    llama_token_data_array candidates{scratch.candidates.data(), scratch.candidates.size(), -1, false};
    llama_sampler_apply(penalties_.get(), &candidates);
    for (const llama_token_data& candidate : scratch.candidates) logit(candidate.id) = candidate.logit;
  }
  return scratch.logits;
}

// Penalties are for what was said.
void Sampler::accept(Token token) {
  llama_sampler_accept(penalties_.get(), token);
  penalized_.insert(token);
}

std::optional<Token> Sampler::choose(SamplerScratch& scratch, bool sorted) {
  llama_token_data_array candidates{scratch.candidates.data(), scratch.candidates.size(), -1, sorted};
  if (!any_left(scratch.candidates)) return std::nullopt;  // libllama's draw would take any
  if (!draw_) {
    std::ranges::iter_swap(scratch.candidates.begin(),
                           std::ranges::max_element(scratch.candidates, {}, &llama_token_data::logit));
    scratch.candidates[0].p = 1;
    scratch.drawn = 1;
    return scratch.candidates[0].id;
  }
  llama_sampler_apply(draw_.get(), &candidates);
  scratch.drawn = candidates.size;
  return candidates.data[candidates.selected].id;
}

}  // namespace banyan
