/// What closed sessions leave on its way to a lower tier.
///
/// A path is stored in turn: of every node on it what the index lacks, in blocks of at most 256 tokens or one
/// whole state. Nothing is written twice while it stays in the tier, so no more is written than was
/// evaluated; an end of fewer than 16 tokens is written with what follows it. What is being stored holds on
/// to at most an eighth of the memory's budget, or one insert. The paths that wait are charged to the budget
/// and take at most a 64th of it, or are one; of more, the oldest are not stored. What memory evicts before
/// its turn is not stored either.
///
/// A path is walked once, in memory's trie and in the index together. Where the walk is interrupted, because
/// the tier has enough to do or a poll() has done its share, it goes on from the place reached. It is
/// interrupted at most some 32 times, so that storing a path takes a time in proportion to its length.
///
/// One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banyan/budget.h"
#include "banyan/tier.h"
#include "cache/cache_trie.h"
#include "cache/stored/index.h"

namespace banyan {

class Storing {
 public:
  /// `memory` is the cache's trie and `budget` its budget. All must outlive it.
  Storing(const Groups& groups, const CacheTrie& memory, Budget& budget, StoredIndex& index, Tier& tier,
          std::vector<std::string>& notes);

  /// The path is stored when its turn comes.
  void store(std::vector<Token> path);
  /// Takes up what inserts have ended, and goes on with storing. Never throws: a path that cannot be stored,
  /// whatever the reason, is given up, and no other is begun for half a minute.
  void poll() noexcept;
  /// Whether poll() would go on at once.
  bool wants_poll() const;
  /// As poll(), for all that waits, as far as the tier has room for it.
  void store_all() noexcept;
  /// Ends the pause after a failure.
  void try_again() { resume_ = {}; }
  /// Takes what has become of an insert. Returns false where it is not one. Takes no memory.
  bool take(Tier::Outcome& outcome);
  /// Forgets the paths that wait. Whether there were any.
  bool give_up_waiting();

  /// Whether inserts are under way, which hold on to memory that no one else may know.
  bool is_under_way() const { return !inserts_.empty(); }
  /// Bytes of records since they were rewritten.
  std::size_t new_record_bytes() const { return new_record_bytes_; }
  void records_were_rewritten() { new_record_bytes_ = 0; }
  std::uint64_t failed() const { return failed_; }
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  void visit_allocations(const AllocationVisitor& visit) const;

 private:
  // A path that waits or is being stored, in memory once.
  struct KeptPath {
    std::vector<Token> tokens;
    Charge charge;
  };
  struct Waiting {
    std::shared_ptr<const KeptPath> path;
    std::size_t done = 0;  // of its tokens, what the walk has passed
  };
  struct Insert {
    std::shared_ptr<const KeptPath> path;
    std::size_t end = 0;  // of what it stores, on the path
    std::vector<BlockId> blocks;
    std::size_t bytes = 0;
    Tier::Ticket ticket = 0;
    std::optional<Result<>> result;  // once it has ended
  };
  // What the next insert stores: a stretch of a path.
  struct Stretch {
    std::size_t from = 0;
    std::size_t to = 0;
    GroupRuns runs;
    std::vector<Tier::BlockToInsert> blocks;
    std::size_t bytes = 0;
    bool is_marked = false;  // the user's point is its end
  };
  struct Walk {
    Waiting& waiting;
    TokenSpan path;
    Place place;                     // in the index
    std::optional<Stretch> stretch;  // that is not inserted yet
    std::size_t inserts_left = 0;    // before others have their turn
  };
  // Path offsets that are to be stored, for each group.
  using Lacking = std::vector<std::vector<EdgeRange>>;

  enum class Progress : std::uint8_t {
    done,
    interrupted,  // it goes on later
    refused,      // the rest cannot be stored
  };

  void end_inserts();
  void store_waiting(bool all) noexcept;
  Progress store_path(Waiting& waiting, bool all);
  Progress store_node(const Node& node, Walk& walk);
  bool add_to_stretch(const Node& node, const Lacking& lacking, std::size_t from, std::size_t to, Walk& walk);
  void insert_stretch(Walk& walk);
  Lacking lacking(const Node& node, std::size_t end, const Walk& walk) const;
  std::size_t most_tokens() const;
  bool is_full() const;
  bool is_paused() const;
  void drop_first();
  void fail_for_a_while(const std::string& why);

  const Groups& groups_;
  const CacheTrie& memory_;
  Budget& budget_;
  StoredIndex& index_;
  Tier& tier_;
  std::vector<std::string>& notes_;

  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::list<Insert> inserts_;        // that have not been taken up, in order
  std::size_t bytes_under_way_ = 0;  // that inserts hold on to
  bool was_full_ = false;
  std::size_t new_record_bytes_ = 0;
  std::chrono::steady_clock::time_point resume_;  // not before, as the tier has failed
  std::uint64_t failed_ = 0;
};

}  // namespace banyan
