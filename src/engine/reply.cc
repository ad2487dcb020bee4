#include "engine/reply.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "sampling/logprobs.h"

namespace banyan {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// What the token was drawn from, in place of what the model says of it.
void tell_drawn(GeneratedToken& said, int most, const SamplerScratch& scratch, const Vocabulary& vocabulary) {
  std::vector<llama_token_data> drawn(
      scratch.candidates.begin(), scratch.candidates.begin() + static_cast<std::ptrdiff_t>(scratch.drawn));
  std::ranges::stable_sort(drawn, std::greater(), &llama_token_data::p);
  for (const llama_token_data& one : drawn) {
    const float logprob = std::log(one.p);
    if (one.id == said.token) said.logprob = logprob;
    if (std::ssize(said.top) == most) continue;
    said.top.push_back({.token = one.id, .bytes = vocabulary.piece(one.id, true), .logprob = logprob});
  }
}

}  // namespace

Reply::Reply(std::shared_ptr<const Submission> submission, int choice, Sampler sampler)
    : submission_(std::move(submission)),
      choice_(choice),
      sampler_(std::move(sampler)),
      text_(request().stop) {}

Reply::~Reply() {
  // Only where the client could not be told how it ended: no client waits for ever.
  if (!finished_ || !unsent_.empty()) submission_->deltas->cancel();
}

Result<> Reply::start(PrefixCache& cache, bool anew) {
  if (path_.empty()) path_ = request().prompt;
  const auto points = place_restore_points(request().restore_points, request().prompt.size());
  Result<Session> session = cache.begin(path_, points, reuses_cache() && !anew);
  if (!session) return std::unexpected(session.error());
  session_.emplace(std::move(*session));
  const SessionStats& stats = session_->stats();
  spdlog::debug("session: {} tokens, {} matched, {} restored, {} to evaluate{}", stats.total, stats.matched,
                stats.restored, todo().size(), is_loading() ? " or load" : "");
  if (!started_) started_ = Clock::now();
  return {};
}

void Reply::set_aside() {
  if (!is_loading()) earlier_ = stats();  // what it restores is not known before
  session_->close();
  session_.reset();
}

void Reply::note_evaluated(TokenSpan tokens) {
  session_->advance(tokens);
  if (request().tells_progress && !prompt_published_ && choice_ == 0) add_delta(Finish::none, {});
}

bool Reply::publish_prompt() {
  if (prompt_published_ || session_->position() < request().prompt.size()) return false;
  session_->publish();
  prompt_published_ = true;
  return true;
}

void Reply::advance(std::span<const float> logits, const Vocabulary& vocabulary, int context,
                    SamplerScratch& scratch, std::size_t grammar_steps) {
  std::vector<float> kept = std::exchange(logits_, {});  // which `logits` may be
  if (request().max_tokens == 0) {
    first_token_ = last_token_ = Clock::now();
    return finish(Finish::length);
  }
  const Result<std::optional<Token>> sampled = sampler_.sample(logits, scratch, grammar_steps);
  if (sampled && sampler_.is_choosing()) {
    if (logits.data() != kept.data()) kept.assign(logits.begin(), logits.end());
    logits_ = std::move(kept);
    return;
  }
  last_token_ = Clock::now();
  if (!first_token_) first_token_ = last_token_;
  if (!sampled) return finish(Finish::error, sampled.error());
  if (!*sampled) return finish(Finish::end);  // nothing may follow

  const Token token = **sampled;
  ++generated_;
  if (vocabulary.is_end(token)) return finish(Finish::end);
  path_.push_back(token);
  say(token, logits, vocabulary, scratch);
  if (!text_.stop_word().empty()) return finish(Finish::stop);
  if (has_line_ && request().time_limit.count() > 0 && *last_token_ - *first_token_ > request().time_limit) {
    return finish(Finish::length);
  }
  if (generated_ == request().max_tokens || std::ssize(path_) >= context) return finish(Finish::length);
  if (!ready_text_.empty()) add_delta(Finish::none, {});
}

void Reply::finish(Finish how, std::optional<Error> error) {
  ready_text_ += text_.finish();
  if (text_.stop_word().empty()) release_tokens(bytes_ + 1);
  add_delta(how, std::move(error));
  finished_ = true;
  if (session_) session_->close();
}

void Reply::drop() noexcept {
  finished_ = true;
  session_.reset();
  submission_->deltas->cancel();
}

// Adds a token to the text.
void Reply::say(Token token, std::span<const float> logits, const Vocabulary& vocabulary,
                const SamplerScratch& scratch) {
  GeneratedToken said{.token = token, .bytes = vocabulary.piece(token, true), .logprob = 0, .top = {}};
  if (request().logprobs_drawn) {
    tell_drawn(said, request().top_logprobs, scratch, vocabulary);
  } else if (request().logprobs || request().top_logprobs > 0) {
    const LogProbs logprobs(logits);
    said.logprob = logprobs.of(token);
    for (const Token other : logprobs.top(request().top_logprobs)) {
      said.top.push_back(
          {.token = other, .bytes = vocabulary.piece(other, true), .logprob = logprobs.of(other)});
    }
  }
  const std::string bytes = vocabulary.piece(token, request().special_text);
  has_line_ |= bytes.contains('\n');
  held_.push_back({bytes_, std::move(said)});
  bytes_ += bytes.size();
  ready_text_ += text_.push(bytes);
  release_tokens(text_.released());
}

// Tokens whose text begins before `offset` are ready.
void Reply::release_tokens(std::size_t offset) {
  for (; !held_.empty() && held_.front().offset < offset; held_.pop_front()) {
    ready_tokens_.push_back(std::move(held_.front().token));
  }
}

void Reply::add_delta(Finish finish, std::optional<Error> error) {
  unsent_.push_back({.choice = choice_,
                     .text = std::exchange(ready_text_, {}),
                     .tokens = std::exchange(ready_tokens_, {}),
                     .finish = finish,
                     .stop_word = text_.stop_word(),
                     .error = std::move(error),
                     .timings = timings()});
}

void Reply::send() noexcept {
  try {
    for (Delta& delta : unsent_) submission_->deltas->push(std::move(delta));
  } catch (const std::exception&) {
    submission_->deltas->cancel();
  }
  unsent_.clear();
}

// What the first session found in the cache, and what all have evaluated.
SessionStats Reply::stats() const {
  if (!session_) return earlier_.value_or(SessionStats());
  SessionStats stats = earlier_.value_or(session_->stats());
  if (earlier_) stats.evaluated += session_->stats().evaluated;
  return stats;
}

Timings Reply::timings() const {
  Timings timings{.cache = stats(), .generated = generated_};
  timings.cache.total = request().prompt.size();
  timings.prompt_done = session_ ? std::min(session_->position(), request().prompt.size()) : 0;
  if (started_) timings.queue_ms = milliseconds(submission_->time, *started_);
  if (started_ && !first_token_) timings.prompt_ms = milliseconds(*started_, Clock::now());
  if (first_token_) {
    timings.prompt_done = request().prompt.size();
    timings.prompt_ms = milliseconds(*started_, *first_token_);
    timings.generate_ms = milliseconds(*first_token_, *last_token_);
    timings.first_token_ms = milliseconds(submission_->time, *first_token_);
  }
  return timings;
}

}  // namespace banyan
