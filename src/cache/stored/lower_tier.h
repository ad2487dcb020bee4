/// The cache's side of a lower tier: what is stored, when, and how it comes back.
///
/// A path whose session has closed is stored in turn: of every node on it what the index lacks, in blocks of
/// at most 256 tokens or one whole state. Nothing is written twice while it stays in the tier, so no more is
/// written than was evaluated; an end of fewer than 16 tokens is written with what follows it. What is being
/// stored holds on to at most an eighth of the memory's budget, or one insert; the rest waits, and what
/// memory evicts before its turn is not stored.
///
/// One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "cache/cache_trie.h"
#include "cache/stored/index.h"

namespace banyan {

/// What comes back of a path.
struct Loaded {
  std::size_t offset = 0;
  std::size_t matched = 0;  ///< that the index goes along with the prompt
  Resumption resumption;
  std::vector<std::unique_ptr<LiveState>> states;  ///< at `offset`, one for each group
};

class LowerTier {
 public:
  /// Who waits for a load, which is given back to it.
  using Waiter = void*;
  struct Ended {
    Waiter waiter = nullptr;
    std::optional<Loaded> loaded;  ///< none where something is damaged or gone
  };

  /// `memory` is the cache's trie and `budget` its budget. All must outlive it.
  LowerTier(const Groups& groups, const CacheTrie& memory, Budget& budget, std::unique_ptr<Tier> tier,
            std::size_t limit);
  /// Ends what is under way; what is stored stays.
  ~LowerTier();
  LowerTier(const LowerTier&) = delete;
  LowerTier& operator=(const LowerTier&) = delete;

  /// Has what the tier knows more of `prompt` than memory come back, where that is worth it: whether it does.
  /// `paths` are memory's parts on the path, which goes along with the prompt for `matched` tokens;
  /// `restored` of them are restored. What comes back ends before the prompt's last token.
  bool begin_load(Waiter waiter, TokenSpan prompt, const std::vector<std::vector<PathPart>>& paths,
                  std::size_t matched, std::size_t restored);
  /// No one waits any more.
  void abandon(Waiter waiter);

  /// The path is stored when its turn comes.
  void store(std::vector<Token> path);

  /// Takes up what the tier has done, and goes on with storing.
  void poll();
  /// The next load that has ended, if any.
  std::optional<Ended> next_ended();
  void set_busy(bool busy) { tier_->set_busy(busy); }
  /// Stores all that waits for its turn, and rewrites the records with their present ages; waits until that
  /// is done.
  void flush();
  /// Gives memory back that inserts which have not begun hold on to. Whether there were any.
  bool give_up_inserts();

  /// Sentences for the log since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  void add_counters(PrefixCache::Counters& counters) const;

  /// Memory that loads are filling.
  void visit_allocations(const AllocationVisitor& visit) const;
  /// Whether inserts hold on to memory that no one else may know.
  bool is_storing() const { return !inserts_.empty(); }
  /// Whether poll() will give memory back once the tier is done with it.
  bool awaits_memory() const;
  std::string check() const;

 private:
  struct Insert {
    std::vector<Token> path;
    std::vector<BlockId> blocks;
    std::size_t bytes = 0;
  };
  struct Load {
    Waiter waiter = nullptr;  ///< null once it was abandoned
    std::vector<Token> path;
    Loaded loaded;
    std::vector<std::shared_ptr<StoredBlock>> blocks;
  };
  /// Path offsets that are to be stored, for each group.
  using Lacking = std::vector<std::vector<EdgeRange>>;

  enum class Progress : std::uint8_t { done, full, refused };

  bool collect();
  void end_inserts();
  void store_waiting();
  bool store_path(TokenSpan path);
  Progress store_node(const Node& node, TokenSpan path);
  bool is_full() const;
  bool store_piece(const Node& node, TokenSpan path, std::size_t from, const Lacking& lacking);
  Lacking lacking(const Node& node, TokenSpan path) const;
  std::size_t piece_tokens() const;
  void rewrite_records();

  const Groups& groups_;
  const CacheTrie& memory_;
  Budget& budget_;
  std::unique_ptr<Tier> tier_;
  std::vector<std::string> notes_;
  StoredIndex index_;

  std::deque<std::vector<Token>> waiting_;
  std::map<Tier::Ticket, Insert> inserts_;
  std::map<Tier::Ticket, Load> loads_;
  std::deque<Tier::Outcome> outcomes_;                    ///< that are not taken up yet
  std::size_t bytes_under_way_ = 0;                       ///< that inserts hold on to
  std::size_t new_record_bytes_ = 0;                      ///< since the records were rewritten
  std::chrono::steady_clock::time_point resume_storing_;  ///< not before, as the tier has failed

  std::uint64_t load_count_ = 0;
  std::uint64_t failed_loads_ = 0;
  std::uint64_t failed_stores_ = 0;
};

}  // namespace banyan
