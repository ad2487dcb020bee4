/// Decides, step by step, what is evaluated: who is admitted, who gets how many rows, and who has to
/// wait for memory.
///
/// Admission is in order of arrival, with one exception: a prompt that shares its beginning with one
/// that is being read waits until that is evaluated, and then shares it.
///
/// While replies run, prompts get as many rows as delay the replies' next tokens no more than
/// EngineOptions::delay_factor, by the times that the last steps took. While none runs, they get as many as
/// about a second evaluates, so that who comes then does not wait long.
///
/// The number of threads of each step is what the tuners found fastest, for steps with prompts and for those
/// without.
///
/// A reply whose prompt comes from a lower tier has no rows until what it waits for is there; the others go
/// on. Who shares its beginning waits for the next part of it, if at least half of that is of use.
///
/// A reply whose grammar makes the choice of its next token long stays out of steps until it is made, a
/// little between each two, so that the others wait for no more than that.
///
/// When memory runs short and a lower tier is about to give some back, who finds none waits for that.
/// Otherwise the youngest reply is set aside: it keeps its tokens, its sampler and its place at the head of
/// the queue, and goes on once another reply has ended. A reply that is alone and still does not fit ends
/// with an error.
///
/// Engine thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "banyan/engine.h"
#include "engine/reply.h"
#include "engine/step_cost.h"
#include "engine/thread_tuner.h"

namespace banyan {

class Scheduler {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  /// All must outlive it. The clock times the steps.
  Scheduler(PrefixCache& cache, Runner& runner, const Vocabulary& vocabulary, const EngineOptions& options,
            Clock clock = std::chrono::steady_clock::now);

  /// The reply stays the caller's where there is no memory for it.
  void add(std::unique_ptr<Reply>&& reply) { waiting_.push_back(std::move(reply)); }
  bool is_idle() const { return running_.empty() && waiting_.empty(); }
  /// Drops who was cancelled, admits, and evaluates a batch. Returns false when there was nothing to do; then
  /// there is nothing before someone comes or goes, or PrefixCache::poll() takes up what a lower tier has
  /// done. What goes wrong with one reply ends that one, and with the model's step those that it was for. May
  /// throw all the same; then fail_running() makes it usable again.
  bool step();
  /// Sends what the step said: when a client knows that its reply has ended, the cache has it.
  void send();
  /// Ends the replies that run, or all, with an error.
  void fail_running(const Error& error) noexcept;
  void fail_all(const Error& error) noexcept;

  std::size_t running() const { return running_.size(); }
  /// Choices that wait.
  std::size_t waiting() const;
  std::uint64_t steps() const { return steps_; }
  std::uint64_t generated() const { return generated_; }
  std::uint64_t set_aside() const { return set_aside_; }
  /// Tokens of a prompt that are evaluated in a second, to be compared with loading, which leaves the replies
  /// that run nine tenths of their speed. As evaluating makes each of them `delay_factor` times slower, a
  /// second of it counts so many times for each. 0: not known.
  double tokens_per_second() const;

 private:
  using Replies = std::vector<std::unique_ptr<Reply>>;
  struct Share {
    Reply* reply;
    std::size_t rows;
  };

  void drop_cancelled();
  void admit();
  bool fits_beside(Reply& reply) const;
  bool must_wait(Reply& reply);
  std::vector<Share> reserve_batch();
  std::size_t prompt_rows(std::span<const std::size_t> todo) const;
  void make_room(const Error& shortage);
  bool evaluate(std::span<const Share> batch);
  void follow_up(Reply& reply, std::span<const float> logits, std::size_t grammar_steps);
  void choose_next(Reply& reply, std::span<const float> logits, std::size_t grammar_steps);
  bool go_on_choosing();
  void fail(Reply& reply, const Error& error);
  void fail_quietly(Reply& reply, const Error& error) noexcept;
  template <class Work>
  void guard(Reply& reply, const Work& work);
  void end_with(std::unique_ptr<Reply> reply, const Error& error) noexcept;
  void keep_ended(std::unique_ptr<Reply> reply) noexcept;
  Result<> reserve(Reply& reply, std::size_t rows);
  Result<std::span<const float>> forward(std::span<const Runner::Sequence> sequences);
  void remove_finished();
  void memory_freed();

  PrefixCache& cache_;
  Runner& runner_;
  const Vocabulary& vocabulary_;
  const EngineOptions& options_;
  const Clock clock_;
  SamplerScratch scratch_;
  StepCost cost_;
  ThreadTuner reading_, writing_;  // threads of steps with prompts, and without

  Replies running_;  // the oldest first
  std::deque<std::unique_ptr<Reply>> waiting_;
  Replies ended_;          // and not sent
  std::size_t most_rows_;  // of a step; fewer than batch_tokens while memory is short
  /// Someone was set aside, and no one has ended since: only the small are admitted.
  bool memory_short_ = false;
  std::uint64_t last_id_ = 0;  // that a reply was given
  std::uint64_t steps_ = 0;
  std::uint64_t generated_ = 0;
  std::uint64_t set_aside_ = 0;
};

}  // namespace banyan
