/// The cache's side of a lower tier: an index of what is stored, storing (storing.h) and loading (loading.h).
///
/// Whatever the tier throws ends here: what was asked of it counts as failed.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "cache/cache_trie.h"
#include "cache/stored/index.h"
#include "cache/stored/loading.h"
#include "cache/stored/storing.h"

namespace banyan {

class LowerTier {
 public:
  /// `memory` is the cache's trie and `budget` its budget. All must outlive it.
  LowerTier(const Groups& groups, const CacheTrie& memory, Budget& budget, std::unique_ptr<Tier> tier,
            std::size_t limit);
  /// Ends what is under way; what is stored stays.
  ~LowerTier();
  LowerTier(const LowerTier&) = delete;
  LowerTier& operator=(const LowerTier&) = delete;

  Loading& loading() { return loading_; }
  Storing& storing() { return storing_; }

  /// Takes up what the tier has done, and goes on with storing.
  void poll();
  /// Stores all that waits for its turn, and rewrites the records with their present ages; waits until that
  /// is done.
  void flush();
  /// Gives memory back that inserts which have not begun hold on to, or else the paths that wait to be
  /// stored. Whether there were any.
  bool give_up_storing();

  void set_busy(bool busy, int spare_cores) { tier_->set_busy(busy, spare_cores); }
  /// Sentences for the log since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  void add_counters(PrefixCache::Counters& counters) const;

  /// Memory that loads are filling, and of the paths that wait.
  void visit_allocations(const AllocationVisitor& visit) const;
  /// Whether inserts hold on to memory that no one else may know.
  bool is_storing() const { return storing_.is_under_way(); }
  /// Whether poll() will give memory back once the tier is done with it.
  bool awaits_memory() const { return storing_.is_under_way() || loading_.awaits_memory(); }
  /// Memory that the index takes, and the most that it takes.
  std::size_t own_bytes() const { return index_.own_bytes(); }
  std::size_t most_own_bytes() const { return index_.own_limit(); }
  std::string check() const { return index_.check(loading_.held_blocks()); }

 private:
  bool collect();
  void rewrite_records();

  std::unique_ptr<Tier> tier_;
  std::vector<std::string> notes_;
  StoredIndex index_;
  Loading loading_;
  Storing storing_;
};

}  // namespace banyan
