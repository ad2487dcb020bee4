/// What a lower tier holds: a trie like that of memory, whose nodes own stored parts (LayerGroup,
/// banyan/state.h), with a budget of its own for the tier's bytes. When that is used up, what was not used
/// for longest goes. The same happens when the index itself (its nodes, their tokens, what it knows of each
/// block) takes more memory than it may.
///
/// Where a group resumes anywhere, as attention does, its parts span every node: a path that lacks some of it
/// is cut there. Other parts are there or not.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "banyan/budget.h"
#include "banyan/tier.h"
#include "cache/cache_trie.h"
#include "cache/restore.h"
#include "cache/stored/record.h"

namespace banyan {

/// For each layer group.
using GroupRuns = std::vector<std::vector<StoredRun>>;

class StoredIndex {
 public:
  /// Takes over what an earlier process left in the tier. All must outlive the index. Damaged records, and
  /// those whose blocks are gone, are left out with a sentence in `notes`; blocks that nothing names are
  /// dropped. The tier holds at most `limit` bytes, and the index takes at most some `own_limit` of memory.
  StoredIndex(const Groups& groups, Tier& tier, std::size_t limit, std::size_t own_limit,
              std::vector<std::string>& notes);
  ~StoredIndex() { leave(); }
  StoredIndex(const StoredIndex&) = delete;
  StoredIndex& operator=(const StoredIndex&) = delete;

  /// From now on the tier is not used, and keeps what it has.
  void leave() { drain_->tier = nullptr; }

  const Trie& trie() const { return tree_.trie(); }
  const Budget& budget() const { return budget_; }
  /// Bytes of memory that the index takes, by what a node, a token and a block take.
  std::size_t own_bytes() const;
  std::size_t own_limit() const { return own_limit_; }

  /// The place where the first `size` tokens of a path end, or the index parts from it.
  Place place(TokenSpan path, std::size_t size) const;

  /// How far the index goes along with a path, and where on it all groups can resume.
  struct Found {
    std::size_t matched = 0;
    Resumption resumption;
    std::vector<std::vector<PathPart>> paths;  ///< for each group; valid until the index changes
  };
  /// REQUIRES: `path` is not empty. At most `deepest` tokens are resumed.
  Found find(TokenSpan path, std::size_t deepest) const;

  /// What is stored of [from, to) of the path to a place, for one group: ranges of path offsets, a whole
  /// state as the empty range at its offset, which lies in (from, to]. Takes the time of the nodes there.
  std::vector<EdgeRange> stored(const Place& place, std::size_t group, std::size_t from,
                                std::size_t to) const;

  /// A new block, for which older entries may go, but none on the path to a place. Null where there is no
  /// room.
  std::shared_ptr<StoredBlock> make_block(Place& place, TokenSpan path, std::size_t bytes);

  /// Adds what is stored of path [start, path.size()), in runs counted from `start`. Returns its record; the
  /// place is the path's end afterwards, as far as it is stored. Takes the time of the nodes there.
  /// REQUIRES: the place is on the path, at `start` or beyond.
  StoredRecord add(Place& place, TokenSpan path, std::size_t start, const GroupRuns& runs, bool user_mark);

  /// The path to a place was used.
  void use(const Place& place) { tree_.use(place.node, 0); }
  /// The path was used.
  void use(TokenSpan path) { use(place(path, path.size())); }
  /// Lets go of what on the path is in these blocks, and with that of what cannot be resumed without.
  void forget(TokenSpan path, const std::unordered_set<BlockId>& lost);

  /// All of the index as records, parents first.
  std::vector<Tier::Record> records();

  /// As PrefixCache::check. Blocks in `held` are in the hands of loads.
  std::string check(const std::vector<std::shared_ptr<StoredBlock>>& held) const;

 private:
  /// Where blocks go that nothing owns any more: nowhere once the index is gone.
  struct Drain {
    Tier* tier;
    std::size_t blocks = 0;  ///< that something owns
  };
  class Block;
  class Rebuild;

  std::shared_ptr<StoredBlock> block(BlockId id, Charge charge);
  /// Whether the index takes no more memory than it may, once what goes first has gone.
  bool shrink();
  Parts parts(const GroupRuns& runs, std::size_t from, std::size_t to) const;
  /// Adds to the trie at a place, which is `start` or beyond. Returns the last node of the path that there is
  /// now; null if none of it is new or known.
  Node* insert(const Place& place, TokenSpan path, std::size_t start, const GroupRuns& runs,
               std::uint64_t record);

  const Groups& groups_;
  Tier& tier_;
  Budget budget_;
  const std::size_t own_limit_;
  std::shared_ptr<Drain> drain_;
  CacheTrie tree_;
  std::uint64_t next_record_ = 1;
};

}  // namespace banyan
