/// The memory tier's order of eviction: which of the kept entries goes first.
///
/// Knows keys, ages and bytes, not tokens. An entry is in the order while it may go; whoever owns
/// the entries puts and drops them as that changes.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace banyan {

/// Why one entry goes before another: an unmarked one before one that the user asked to keep, then a
/// cheap one before any other. Cheap ones go the least deep first: each that goes makes the next below it
/// dearer. Of the others, the least recently used goes first, then an inner node, whose tokens stay, then
/// the deepest, then the largest.
struct EvictionRank {
  bool user_mark = false;
  bool cheap = false;  ///< its loss costs next to nothing
  std::uint64_t last_use = 0;
  bool leaf = false;
  std::size_t depth = 0;
  std::size_t bytes = 0;

  /// Whether this one goes before `other`.
  bool operator<(const EvictionRank& other) const;
  bool operator==(const EvictionRank&) const = default;
};

class EvictionOrder {
 public:
  using Key = std::uintptr_t;

  /// Adds an entry or moves it to its new place. O(log n).
  void put(Key key, const EvictionRank& rank);
  /// Takes an entry out; no effect when it is not in. O(1) on average.
  void drop(Key key);
  /// The entry that goes first, if any. O(1).
  std::optional<Key> victim() const;

  /// The rank of an entry that is in, else nothing. O(1).
  std::optional<EvictionRank> rank(Key key) const;
  std::size_t size() const { return order_.size(); }
  /// Sum of the entries' bytes. O(1).
  std::size_t bytes() const { return bytes_; }

 private:
  using Order = std::set<std::pair<EvictionRank, Key>>;  // equal ranks go in the order of their keys
  Order order_;
  std::size_t bytes_ = 0;
  std::unordered_map<Key, Order::iterator> entries_;  // where in the order each of them stands
};

}  // namespace banyan
