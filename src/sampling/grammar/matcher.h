/// Which bytes and tokens may follow in a text that keeps to a grammar.
///
/// All ways to read the text so far are followed at once. A graph records which rules they are inside: a node
/// is a rule that was entered at one position, and its edges say where to go on when the rule is complete.
/// Equal ways are merged, so that ambiguity costs places, not ways, and left recursion is a cycle. The work
/// for a character, the work for a token and the size of the graph are bounded. Passing a bound leaves the
/// matcher exhausted, which ends the reply.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sampling/grammar/grammar.h"
#include "text/token_trie.h"

namespace banyan {

class GrammarMatcher {
 public:
  static constexpr std::size_t kMaxWork = 1 << 14;  ///< steps for one character: under a millisecond
  static constexpr std::size_t kMaxTokenWork =
      1 << 24;                                       ///< steps from one accept() to the next: under a second
  static constexpr std::size_t kMaxNodes = 1 << 17;  ///< rules that are entered and not complete: some MiB
  static constexpr std::size_t kMaxEdges = 1 << 20;  ///< places to go on when they are complete: some MiB

  /// A token, or a text that is not one, or the rest of one.
  struct Piece {
    std::optional<Token> token;
    std::string bytes;
  };

  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  /// Whether a reply is likely to stay within the bounds: false when each of a few random texts that fit the
  /// grammar passes one within its first 256 characters. Takes some ten milliseconds at most, and mostly
  /// microseconds.
  static bool passes_trial(const std::shared_ptr<const Grammar>& grammar);

  /// Whether the text may end here.
  bool can_end() const { return frames_.back().can_end && frames_.back().cut.empty(); }
  /// Whether no text fits from here: nothing may follow, and it may not end.
  bool is_dead() const { return frames_.back().begin == terminals_.size() && !frames_.back().can_end; }
  /// Whether a token of these bytes may follow. False when exhausted.
  bool allows(Token token, std::string_view bytes);
  /// Whether these may follow, one after the other.
  bool allows(std::span<const Piece> pieces);
  /// A search for the tokens that may follow. At first none is found and nothing is looked at.
  struct Search {
    explicit Search(std::size_t tokens) : allowed(tokens) {}

    std::vector<bool> allowed;  ///< of each token, once all is looked at

    // How far it has come.
    std::size_t place = 0;                      // of those where the grammar may name a token
    std::optional<std::uint32_t> excluded;      // by a place that takes any other token
    bool are_all_named = false;                 // by two such places
    std::size_t token = 0;                      // of those in the trie
    std::size_t taken = 0;                      // of its bytes
    bool is_begun = false, is_refused = false;  // that token; its byte after those taken
  };
  /// Looks for all tokens that may follow, of those that have text in the trie and of those that the grammar
  /// names. Stops once work() has passed `until`; returns whether all is looked at, or the matcher exhausted.
  /// Until it is, only search() may be called.
  bool search(const TokenTrie& trie, Search& search, std::size_t until);
  /// Steps since the last accept().
  std::size_t work() const { return token_work_; }
  /// Goes on with a token. False, and nothing may follow any more, when it is not allowed or exhausted.
  bool accept(Token token, std::string_view bytes);
  /// As with a token. Of no pieces it takes nothing, and work() begins anew.
  bool accept(std::span<const Piece> pieces);
  /// Whether a bound was passed. It stays so.
  bool is_exhausted() const { return exhausted_; }
  /// Nodes of the graph that are held, for tests.
  std::size_t nodes() const { return nodes_.size(); }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Place {
    std::uint32_t state, node;
  };
  struct Edge {
    std::uint32_t state, parent;  // where to go on; no parent: the text may end
    std::uint32_t next;           // edge of the same node
  };
  struct Node {
    std::uint64_t step;  // when it was entered; only then it gets edges
    std::uint32_t edges;
    bool returned;  // completed in the same step
  };
  // The matcher after a byte. Taking a byte adds a frame, going back removes frames.
  struct Frame {
    std::size_t begin;  // of its places in terminals_, which end with the vector
    std::size_t nodes, edges;
    bool can_end;
    std::string cut;  // the bytes of a character that is not whole yet
  };
  // Triples that were seen in the step.
  class Seen {
   public:
    void clear();
    bool insert(std::uint32_t a, std::uint32_t b, std::uint32_t c);

   private:
    struct Slot {
      std::uint64_t stamp = 0;
      std::uint32_t a = 0, b = 0, c = 0;
    };
    Slot& find(std::uint32_t a, std::uint32_t b, std::uint32_t c);
    std::vector<Slot> slots_ = std::vector<Slot>(64);
    std::size_t used_ = 0;
    std::uint64_t stamp_ = 1;
  };

  bool accept_any(std::minstd_rand& random);
  bool push(std::optional<Token> token, std::string_view bytes);
  bool push_all(std::span<const Piece> pieces);
  bool settle_after(bool taken);
  bool push_byte(char byte);
  bool push_char(char32_t c, const Frame& from);
  bool push_token(Token token);
  void pop_to(std::size_t depth);
  bool search_named(Search& search, std::size_t until);
  bool search_texts(const TokenTrie& trie, Search& search, std::size_t until);
  void look_at(const Frame& from);
  bool cut_may_go_on(const Frame& from, std::string_view cut) const;
  bool takes_token(const Place& place, Token token) const;
  void begin_step();
  bool end_step(Frame frame);
  void follow();
  void reach(std::uint32_t state, std::uint32_t node);
  void call(const Grammar::State& state, std::uint32_t node);
  void add_edge(std::uint32_t node, std::uint32_t state, std::uint32_t parent);
  void settle();
  void collect();

  std::shared_ptr<const Grammar> grammar_;
  std::vector<Place> terminals_;  // of all frames: places where a character or token is taken
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<Frame> frames_;
  std::size_t collect_at_ = 1024;

  // Of the step that is made.
  std::uint64_t step_ = 0;
  std::vector<Place> todo_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> entered_;  // of each rule: the step, and its node
  std::vector<Place> tails_;
  Seen seen_;
  std::size_t work_ = 0, token_work_ = 0;
  bool can_end_ = false;
  bool exhausted_ = false;
};

}  // namespace banyan
