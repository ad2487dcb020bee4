/// The engine: one thread that steps all live sequences of one model.
///
/// Each step evaluates one batch: a token of every running reply and a chunk of the prompts that
/// are being read, so that a long prompt does not stall the replies beside it. Requests wait in a
/// queue while there is no place, or while another reads the beginning that they share with it. A
/// request whose client has gone stops before the next step.
/// When memory runs short, the youngest reply is set aside (its tokens stay in the cache as long as
/// they can) and goes on later.
/// A reply whose prompt comes back from the disk starts when it is there; steps never wait for it.
///
/// Engine and Generation: any thread. All work is done on the engine's own thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banyan/base.h"
#include "banyan/cache.h"
#include "banyan/chat_template.h"
#include "banyan/kv_layout.h"
#include "banyan/model.h"
#include "banyan/sampling.h"
#include "banyan/vocabulary.h"

namespace banyan {

struct Request {
  /// More choices would be a mistake rather than a wish.
  static constexpr int kMaxChoices = 128;

  std::vector<Token> prompt = {};
  Sampling sampling = {};
  int max_tokens = -1;                 ///< -1: as far as the context goes
  int choices = 1;                     ///< replies to the same prompt; choice i samples with seed + i
  std::vector<std::string> stop = {};  ///< the reply ends before the first of these; none is empty
  bool ignore_eos = false;
  bool special_text = false;  ///< the reply's text has that of control tokens, but of the one that ends it
  int top_logprobs = 0;       ///< for each token, the log-probabilities of so many best; 0: none
  bool logprobs = false;      ///< for each token, its own log-probability
  bool logprobs_drawn =
      false;  ///< log-probabilities are those by which the token was drawn, as sampling left them
  bool reuse_cache = true;      ///< false: evaluate the whole prompt
  bool tells_progress = false;  ///< while the prompt is read, deltas without text say how far (Timings)
  /// The reply ends at its first token that is later than this after its first, once it has a line break. 0:
  /// no such limit.
  std::chrono::milliseconds time_limit{0};
  /// Where later prompts may part from this one: the user's, and where messages begin (ChatPrompt), of
  /// which place_restore_points() chooses.
  std::vector<RestorePoint> restore_points = {};
};

struct TokenProbability {
  Token token = 0;
  std::string bytes;  ///< of the token; perhaps not whole UTF-8
  float logprob = 0;
};

struct GeneratedToken {
  Token token = 0;
  std::string bytes;
  float logprob = 0;                  ///< where asked for
  std::vector<TokenProbability> top;  ///< best first
};

enum class Finish : std::uint8_t {
  none,    ///< goes on
  end,     ///< the model ended its reply
  stop,    ///< a stop string
  length,  ///< max_tokens, time_limit, or the end of the context
  error,   ///< Delta::error says what
};

struct Timings {
  SessionStats cache;           ///< total, matched, restored, evaluated, and why
  std::size_t prompt_done = 0;  ///< tokens of the prompt restored or evaluated so far
  int generated = 0;            ///< tokens so far, with the one that ended the reply
  double queue_ms = 0;          ///< from submit to the first step
  double prompt_ms = 0;         ///< from the first step to the first token, or until now
  double generate_ms = 0;       ///< from the first token on
  double first_token_ms = 0;    ///< from submit to the first token
};

/// A piece of a reply.
struct Delta {
  int choice = 0;
  std::string text;  ///< whole UTF-8 characters; held back while a stop string may begin
  /// Generated since the last delta of the choice, each with the first of its text. A token that
  /// ended the reply and what only makes up a stop string are not among them.
  std::vector<GeneratedToken> tokens;
  Finish finish = Finish::none;
  std::string stop_word;  ///< for Finish::stop
  std::optional<Error> error;
  /// Exact in the last delta of a choice. By then what was evaluated is in the cache.
  Timings timings;
};

class DeltaQueue;

/// A client's end of a request. Destroying it before the last delta cancels the request: no step
/// after the running one works for it.
class Generation {
 public:
  Generation(Generation&&) noexcept;
  Generation& operator=(Generation&&) noexcept;
  ~Generation();

  /// The next delta; blocks until there is one. Nothing after every choice has finished. Nothing, too, where
  /// the system had no memory for a delta: then the request has ended.
  std::optional<Delta> next();
  enum class Wait : std::uint8_t { ready, pending, done };
  /// As next(), waiting at most `timeout`; fills `delta` when ready.
  Wait next_for(std::chrono::milliseconds timeout, Delta& delta);
  /// Ends the request; there are no more deltas.
  void cancel();

 private:
  friend class Engine;
  explicit Generation(std::shared_ptr<DeltaQueue> queue);
  std::shared_ptr<DeltaQueue> queue_;
};

struct EngineOptions {
  std::string model_path = {};
  std::string chat_template = {};  ///< in the place of the file's; empty: the file's
  KvType kv_type = KvType::f16;
  std::size_t memory_bytes = 0;  ///< the budget (budget.h says of what); 0: from the machine
  int context = 0;               ///< most tokens of a sequence; 0: what the model was trained on
  int batch_tokens = 512;        ///< most rows of a step
  double delay_factor = 8;       ///< how many times as long a reply's next token may take beside prompts
  int max_running = 64;          ///< sequences that step together
  int max_queued = 256;          ///< choices of requests that wait; beyond it submit() answers busy
  /// The most threads that compute. Each step takes as many of them as are fastest just now, fewer where
  /// other programs use the cores. 0: one for each real core that the process may use.
  int threads = 0;
  /// A folder where conversations are kept too, so that they outlive the process and what memory has no room
  /// for comes back; made where there is none. Empty: none. One process at a time uses it.
  std::string disk_cache = {};
  std::size_t disk_bytes = std::size_t{20} << 30;  ///< budget of what is kept there of this model
  /// Bytes of memory that the machine has to spare; asked once, before the model is loaded. Empty: as the
  /// system says.
  std::function<std::size_t()> available_memory = {};
  std::function<bool(float)> load_progress = {};
  /// As load_progress, while all of the model's file is read to know it again in the folder; once for a file.
  std::function<bool(float)> hash_progress = {};
};

class Engine {
 public:
  /// Loads the model and starts the thread. Errors as Model::load, Vocabulary::load and open_disk_tier.
  static Result<std::unique_ptr<Engine>> start(const EngineOptions& options);
  /// stop(false).
  ~Engine();

  /// Queues a request. Errors: invalid_argument (naming the field), too_long (the context or the memory
  /// budget has no room for the prompt and one token), busy, cancelled (stopping).
  Result<Generation> submit(Request request);

  /// Takes no more requests; with `drain`, lets what runs and waits finish, else ends every reply
  /// with an error delta (cancelled). Returns when the thread has ended, and the disk cache has what was
  /// said. Idempotent.
  void stop(bool drain);

  const Model& model() const;
  const Vocabulary& vocabulary() const;
  const ChatTemplate& chat_template() const;
  const EngineOptions& options() const;  ///< with what 0 stood for filled in

  struct Status {
    int running = 0;
    int queued = 0;  ///< choices of requests that wait
    PrefixCache::Counters cache;
    std::size_t memory_used = 0;
    std::size_t memory_peak = 0;
    std::size_t memory_limit = 0;
    std::uint64_t steps = 0;
    std::uint64_t generated_tokens = 0;
    std::uint64_t set_aside = 0;  ///< times that a reply made room for others
  };
  /// As of the last step.
  Status status() const;
  /// PrefixCache::dump_text and dump_json, made between two steps. Blocks.
  std::string dump_cache_text() const;
  std::string dump_cache_json() const;
  /// PrefixCache::check, made between two steps. Blocks. For tests.
  std::string check() const;

 private:
  Engine();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
