/// The prefix cache: sessions over the trie, the layers' states and the memory tier.
///
/// A session is one request at work. begin() matches its prompt against the trie and resumes every
/// layer group at the deepest offset that all of them can; the caller then evaluates what is
/// pending (the model writes into the session's states), advances the session, samples, and goes
/// on. publish() and close() hand what was evaluated over to the trie, where other sessions find
/// it. Nothing of this copies keys or values.
///
///   auto session = cache.begin(prompt);
///   while (!session->pending().empty()) {
///     auto chunk = session->pending().first(n);
///     session->reserve(chunk.size());      // room in every layer group
///     model.forward(session->states(), chunk);
///     session->advance(chunk);
///   }
///   ... sample a token, reserve(1), forward, advance({token}) ...
///   session->close();
///
/// Any number of sessions may be open. One thread at a time; a session is closed when its cache goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/budget.h"
#include "banyan/state.h"
#include "banyan/store.h"
#include "banyan/tier.h"
#include "banyan/trie.h"

namespace banyan {

/// Why a session restored less than it matched.
enum class RestoreLimit : std::uint8_t {
  none,        ///< restored everything that matched
  last_token,  ///< the whole prompt matched; its last token is evaluated again, for its logits
  no_state,    ///< a layer group keeps no state on a part of the path (it was evicted)
  no_point,    ///< a layer group can resume only at restore points, and the last one is earlier
};

/// "none", "last_token", "no_state" or "no_point".
const char* to_string(RestoreLimit limit);

struct SessionStats {
  std::size_t total = 0;      ///< tokens of the prompt
  std::size_t matched = 0;    ///< of these, found in the trie
  std::size_t restored = 0;   ///< of these, not evaluated again
  std::size_t loaded = 0;     ///< of these, from a lower tier
  std::size_t evaluated = 0;  ///< evaluated by this session so far, prompt and reply
  RestoreLimit limit = RestoreLimit::none;
  /// The kind of the layer group that held the session back, for no_state and no_point.
  std::string limited_by;
};

/// An offset of the prompt at which later sessions should be able to resume. Scheduled before it
/// is evaluated, captured while the prefill runs.
struct RestorePoint {
  std::size_t offset = 0;
  bool user = false;  ///< set by the user: resists merging, and is evicted after all else
};

/// The restore points that are worth their memory in a prompt of `size` tokens whose messages begin at
/// `points`, in any order: the user's, the first message's beginning (where the system prompt ends), the
/// last one's, the prompt's end less a few tokens (so that a reply can be retried), and, of the other
/// beginnings and of an interval that grows with depth, those that have no point close before them.
/// Returned in order. REQUIRES: no point lies beyond the prompt.
std::vector<RestorePoint> place_restore_points(std::span<const RestorePoint> points, std::size_t size);

class PrefixCache;

class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  /// Closes the session.
  ~Session();

  /// The prompt and what was advanced beyond it.
  TokenSpan tokens() const;
  /// Tokens of the path that every state has seen.
  std::size_t position() const;
  /// What is left of the prompt to evaluate. At least one token at begin.
  TokenSpan pending() const;
  /// Whether more of the prompt is on its way from a lower tier. PrefixCache::poll() takes up what has come,
  /// part by part: it is published, and position() moves. Until all has come that is waited for, the session
  /// can only be closed.
  bool is_loading() const;
  /// Where position() will be when the next part has come; position() when nothing is loading.
  std::size_t arriving() const;
  const SessionStats& stats() const;

  /// One state for each layer group of the cache, in its order.
  /// None once it is closed.
  std::span<LiveState* const> states() const;

  /// Room for `count` more tokens in every state, evicting what idles. What was reserved before
  /// and not used is given back first. Errors: out_of_memory (nothing is reserved; the session can
  /// go on later or be closed).
  Result<> reserve(std::size_t count);

  /// The states have seen `tokens`: the next of pending(), or, when none is pending, new ones.
  /// REQUIRES: reserve(tokens.size()) succeeded; tokens agree with pending().
  void advance(TokenSpan tokens);

  /// Has later sessions be able to resume at an offset of the prompt, whichever layers the model has. Nothing
  /// happens where the session has seen that offset, or takes it from a lower tier.
  /// REQUIRES: the session is open.
  void add_restore_point(std::size_t offset);

  /// Hands what was evaluated so far to the trie, so that other sessions share it; goes on.
  void publish();

  /// publish(), then ends. A session may be closed at any time: a prefill cut short keeps what it
  /// passed, and a retry resumes there. Idempotent. Never throws: whatever fails on the way (the system has
  /// no memory for the trie's new nodes, or a state throws), what the session would have left is lost, and
  /// nothing else.
  void close() noexcept;
  bool is_open() const;

 private:
  friend class PrefixCache;
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class PrefixCache {
 public:
  /// `groups` are the model's layer groups with state (stateless layers have none). Installs
  /// itself as the budget's reclaimer. The budget must outlive the cache.
  /// With a `tier`, what sessions leave is stored there too, at most `tier_bytes` of it, and comes back from
  /// there when memory has it no more, also from an earlier process.
  PrefixCache(std::vector<std::unique_ptr<LayerGroup>> groups, Budget& budget,
              std::unique_ptr<Tier> tier = nullptr, std::size_t tier_bytes = 0);
  /// Closes the sessions that are still open. What is not yet stored is lost; flush() stores it.
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// Starts a session on `prompt`; with `reuse` false, from nothing, as if nothing matched (what it
  /// evaluates joins the trie all the same). Restore points beyond what is restored are captured on the
  /// way, as they are given (place_restore_points chooses); where all layers can resume anywhere, only the
  /// user's. A user point on what is restored already marks the trie at once. A prompt that is moved here is
  /// not copied. Errors:
  /// invalid_argument (empty prompt, a point outside the prompt, a negative token).
  Result<Session> begin(std::vector<Token> prompt, std::span<const RestorePoint> points = {},
                        bool reuse = true);

  /// Goes on with what lower tiers have done: ends loads, and stores more. Call it when the tier notifies,
  /// and between steps. Never waits, and does a bounded share of the work. Returns sentences for the log.
  std::vector<std::string> poll();
  /// Whether poll() would go on with storing at once, though the tier has nothing new to tell.
  bool wants_poll() const;
  /// Whether a lower tier is at work on memory that poll() will give back.
  bool awaits_memory() const;
  /// While `busy`, steps are computed: a lower tier's threads use the cores that those leave free, and hold
  /// themselves back where there are none. Not busy at first.
  void set_busy(bool busy, int spare_cores = 0);
  /// How fast prompts are evaluated just now, beside what else runs: what comes sooner so than from a lower
  /// tier is not loaded. 0, as at first: not known.
  void set_evaluation_speed(double tokens_per_second);
  /// Stores all that sessions have left, and waits until it is kept.
  void flush();

  /// The least bytes of the budget that a session takes once it has seen `tokens` tokens, and with a lower
  /// tier the most that its index may take. Any thread.
  std::size_t least_bytes(std::size_t tokens) const;
  /// Bytes of the budget that are free, or that eviction could free at once. More may follow when what is
  /// left then may go too.
  std::size_t room() const;

  /// How many tokens of `prompt` the trie holds. Changes nothing, not even the age of a node.
  std::size_t match_length(TokenSpan prompt) const;
  /// How many of them, less the prompt's last, a session would restore from memory: all layers have to be
  /// able to resume there. Changes nothing either.
  std::size_t restorable_length(TokenSpan prompt) const;

  /// Evicts one node as a whole. Returns false when nothing can go.
  bool evict_one();
  /// Evicts all that no session uses.
  void clear();

  struct Counters {
    std::size_t nodes = 0;           ///< of the trie, the root included
    std::size_t tokens = 0;          ///< on the trie's edges
    std::size_t snapshot_bytes = 0;  ///< that the nodes' tokens account for
    std::size_t open_sessions = 0;
    std::uint64_t sessions = 0;  ///< begun since the start; the sums below are over these
    std::uint64_t prompt_tokens = 0;
    std::uint64_t matched_tokens = 0;
    std::uint64_t restored_tokens = 0;
    std::uint64_t evaluated_tokens = 0;
    std::uint64_t evictions = 0;       ///< nodes that went, merged or gave up their tail, each time
    std::uint64_t evicted_tokens = 0;  ///< that the trie lost by that
    /// How often sessions let go of what they only share the beginning of, as nothing else could be evicted.
    std::uint64_t let_go = 0;
    // Of the lower tier, where there is one.
    std::size_t stored_tokens = 0;  ///< on its index's edges
    std::size_t stored_bytes = 0;   ///< that its blocks take
    std::size_t waiting_bytes = 0;  ///< of paths that wait to be stored, in the budget
    std::uint64_t loads = 0;        ///< sessions that took something from it
    std::uint64_t loaded_tokens = 0;
    std::uint64_t failed_loads = 0;   ///< for damage, or what the system refused
    std::uint64_t failed_stores = 0;  ///< inserts that the tier could not keep
  };
  Counters counters() const;
  const Trie& trie() const;
  const Budget& budget() const;

  /// Writes some of a node's tokens as text, for dumps.
  using Detokenizer = std::function<std::string(TokenSpan)>;
  /// The trie as an indented tree, a node a line: range, bytes, age, marks, for models with several
  /// layer groups what each of them keeps, and, with a detokenizer, how its text begins. At most the first
  /// 1,000 nodes, and how many more there are, so that it never takes long.
  std::string dump_text(const Detokenizer& text = {}) const;
  /// The same nodes and the counters as JSON (fields in docs/cache.md).
  std::string dump_json(const Detokenizer& text = {}) const;

  /// Verifies the trie, that every snapshot spans its edge or lies in it, that no two nodes hold the same
  /// recurrent state, that the eviction order holds exactly what may go, and that all memory that
  /// trie and sessions reach, each piece counted once, plus `other_bytes` (charges of others, such as
  /// scratch) is what the budget has given out. Empty when all holds, else a sentence on the first that
  /// does not. O(everything).
  std::string check(std::size_t other_bytes = 0) const;

 private:
  friend class Session;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
