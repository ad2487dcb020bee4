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
  if (sampling.thought.tokens < -1) return wrong("thought", "limited to -1 (any number of) tokens or more");
  if (sampling.grammar.empty() && !sampling.grammar_triggers.empty()) {
    return wrong("grammar_triggers", "empty without a grammar");
  }
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
    Result<GrammarFilter> grammar = GrammarFilter::create(vocabulary, sampling, options.special_text);
    if (!grammar && !sampling.grammar_is_optional) return std::unexpected(grammar.error());
    if (grammar) sampler.grammar_.emplace(std::move(*grammar));
    sampler.grammar_is_optional_ = sampling.grammar_is_optional;
  }
  if (sampling.thought.tokens >= 0) {
    Result<ThoughtBudget> thought = ThoughtBudget::create(vocabulary, sampling.thought);
    if (!thought) return std::unexpected(thought.error());
    sampler.thought_.emplace(std::move(*thought));
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
      sampler.penalize(token);
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
  std::optional<Token> token = forced();
  if (!token) token = find(logits, scratch, grammar_steps);
  if (!token && drop_grammar()) token = find(logits, scratch, grammar_steps);
  if (token) accept(*token);
  drop_grammar();
  if (grammar_ && grammar_->is_exhausted()) return std::unexpected(too_ambiguous());
  return token;
}

// Where it is exhausted and the reply may go on without it.
bool Sampler::drop_grammar() {
  if (!grammar_is_optional_ || !grammar_ || !grammar_->is_exhausted()) return false;
  grammar_.reset();
  choice_.reset();
  return true;
}

// Not while a choice is being made, which goes on.
std::optional<Token> Sampler::forced() {
  if (!thought_ || choice_) return std::nullopt;
  const std::optional<Token> token = thought_->forced();
  return token && (!grammar_ || grammar_->fits(*token)) ? token : std::nullopt;
}

// The token that logits and grammar make likely. Nothing where none is left, and while choice_ is not made.
std::optional<Token> Sampler::find(std::span<const float> logits, SamplerScratch& scratch,
                                   std::size_t grammar_steps) {
  if (!biases_.empty() || penalties_) logits = adjust(logits, scratch);
  if (!choice_) {
    const bool narrow = narrow_ > 0;
    if (narrow) {
      find_best_logits(logits, narrow_, scratch.candidates);
    } else {
      fill_with_all(logits, scratch.candidates);
    }
    const std::optional<Token> token = choose(scratch, narrow);
    // Mostly the token that is chosen without the grammar fits it.
    if (!token || !grammar_ || grammar_->fits(*token)) return token;
    choice_ = Choice();
    if (narrow) find_best_logits(logits, kTriedFirst * narrow_, choice_->best);
  }
  const std::size_t until = grammar_->work() + grammar_steps;
  if (!try_best(until)) return std::nullopt;
  const bool enough = narrow_ > 0 && (choice_->fitting == narrow_ || choice_->best.size() == logits.size());
  if (enough || grammar_->is_exhausted()) {
    scratch.candidates.assign(choice_->best.begin(),
                              choice_->best.begin() + static_cast<std::ptrdiff_t>(choice_->fitting));
  } else {
    if (!choice_->all) choice_->all.emplace(logits.size());
    if (!grammar_->search(*choice_->all, until)) return std::nullopt;
    fill_with_found(logits, scratch);
  }
  choice_.reset();
  return grammar_->is_exhausted() ? std::nullopt : choose(scratch, enough);
}

void Sampler::accept(Token token) {
  if (grammar_) grammar_->accept(token);
  if (thought_) thought_->accept(token, vocabulary_->piece(token, true));
  if (penalties_) penalize(token);
}

// Looks for as many as are wanted among the best tokens; to look at all costs more. False where it has to go
// on.
bool Sampler::try_best(std::size_t until) {
  auto& [best, tried, fitting, all] = *choice_;
  for (; tried < best.size() && fitting < narrow_; ++tried) {
    if (grammar_->is_exhausted()) return true;
    if (grammar_->work() > until) return false;
    if (grammar_->fits(best[tried].id)) best[fitting++] = best[tried];
  }
  return true;
}

void Sampler::fill_with_found(std::span<const float> logits, SamplerScratch& scratch) const {
  scratch.candidates.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (choice_->all->allowed[i]) scratch.candidates.push_back({static_cast<Token>(i), logits[i], 0});
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
void Sampler::penalize(Token token) {
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
