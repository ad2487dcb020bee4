/// One reply on its way from the queue to its last token.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "banyan/engine.h"
#include "engine/delta_queue.h"
#include "engine/known_prefixes.h"
#include "sampling/sampler.h"
#include "text/text_stream.h"

namespace banyan {

/// What the choices of one request share.
struct Submission {
  Request request;
  std::shared_ptr<DeltaQueue> deltas;
  std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
};

/// Engine thread only, once made. The client sees nothing of a step before send().
class Reply {
 public:
  Reply(std::shared_ptr<const Submission> submission, int choice, Sampler sampler);
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  const Request& request() const { return submission_->request; }
  bool cancelled() const { return submission_->deltas->cancelled(); }

  /// The prompt and what was said so far.
  TokenSpan path() const { return path_.empty() ? TokenSpan(request().prompt) : path_; }
  int generated() const { return generated_; }
  /// Whether it may share what others evaluate. The first choice of a request may be told not to.
  bool reuses_cache() const { return request().reuse_cache || choice_ > 0 || started_; }
  bool is_finished() const { return finished_; }
  bool was_started() const { return started_.has_value(); }

  /// Begins on the path, or goes on after set_aside(); `anew` with nothing of what the cache has. Errors as
  /// PrefixCache::begin.
  Result<> start(PrefixCache& cache, bool anew = false);

  /// The following are of a reply that was started and is neither set aside nor finished.
  Session& session() { return *session_; }
  /// Whether it has to wait for what of its path comes from a lower tier.
  bool is_loading() const { return session_->is_loading(); }
  /// What of the path is not evaluated. One token when the reply waits for its next.
  TokenSpan todo() const { return path().subspan(session_->position()); }
  /// Whether it evaluates tokens that the cache has not been given yet and others may wait for.
  bool is_reading() const { return !prompt_published_ || todo().size() > 1; }
  /// Closes the session. What it evaluated stays in the cache as long as it can.
  void set_aside();

  /// Takes note of tokens of the path that were evaluated in this step.
  void note_evaluated(TokenSpan tokens);
  /// Publishes the prompt once all of it is evaluated. Whether that was now.
  bool publish_prompt();
  /// Samples the next token from the logits of the path's end, which may finish the reply. May leave it
  /// choosing, as Sampler::sample() does after so many steps of its grammar.
  void advance(std::span<const float> logits, const Vocabulary& vocabulary, int context,
               SamplerScratch& scratch, std::size_t grammar_steps);
  /// Whether all of the path is evaluated and the next token not chosen yet. advance() goes on with the
  /// logits that it keeps.
  bool is_choosing() const { return !finished_ && sampler_.is_choosing() && todo().empty(); }
  std::span<const float> logits() const { return logits_; }
  /// Ends the reply and closes the session. Also before it was started.
  void finish(Finish how, std::optional<Error> error = {});
  /// Ends the reply where finish() has failed: the client's stream ends without a reason.
  void drop() noexcept;
  /// Sends the client what was said since the last time.
  void send() noexcept;

  /// The places in the queue that it takes with its followers.
  std::size_t places() const { return 1 + followers.size(); }
  /// Other choices of the request, which start when the prompt is published.
  std::vector<std::unique_ptr<Reply>> followers;

  /// The scheduler's name for it while it runs: greater than those of all that began to run before.
  std::uint64_t id = 0;
  /// While it waits.
  KnownPrefixes known;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct HeldToken {
    std::size_t offset;  // of its first byte in the text
    GeneratedToken token;
  };
  void say(Token token, std::span<const float> logits, const Vocabulary& vocabulary,
           const SamplerScratch& scratch);
  void release_tokens(std::size_t offset);
  void add_delta(Finish finish, std::optional<Error> error);
  SessionStats stats() const;
  Timings timings() const;

  std::shared_ptr<const Submission> submission_;
  int choice_;
  Sampler sampler_;
  TextStream text_;
  std::vector<Token> path_;  // empty before the first start: those that wait share the request's prompt
  std::optional<Session> session_;
  std::vector<float> logits_;  // of the path's end, while it is choosing
  bool prompt_published_ = false;
  bool has_line_ = false;  // a line break was said
  bool finished_ = false;

  std::vector<Delta> unsent_;
  std::string ready_text_;  // of the next delta
  std::vector<GeneratedToken> ready_tokens_;
  std::deque<HeldToken> held_;  // tokens none of whose text is ready
  std::size_t bytes_ = 0;       // of all tokens

  int generated_ = 0;
  std::optional<SessionStats> earlier_;  // stats() before the present session
  std::optional<Time> started_, first_token_, last_token_;
};

}  // namespace banyan
