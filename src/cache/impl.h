/// What sessions and their cache know of each other.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "banyan/cache.h"
#include "cache/cache_trie.h"
#include "cache/restore.h"
#include "cache/stored/lower_tier.h"

namespace banyan {

struct PrefixCache::Impl {
  Impl(Groups layer_groups, Budget& memory) : groups(std::move(layer_groups)), budget(memory) {}

  /// Has the node that goes first give up some `wanted` bytes.
  bool evict(std::size_t wanted);
  /// Evicts until `wanted` bytes have come back or nothing more can go. Whether any came back.
  bool reclaim(std::size_t wanted);
  /// Has no session keep a node beyond what is published of its path, so that the rest may be evicted; a node
  /// that the path ends in is split there, if the system has memory for that. Whether any more may go now.
  /// REQUIRES: no one holds pointers to nodes or parts.
  bool let_go_of_rests();
  /// What the tries take now. O(1).
  std::size_t own_bytes() const;
  /// Tells the budget.
  void count_overhead();
  std::string check_node(const Node& node, std::size_t expected_uses) const;

  const Groups groups;
  Budget& budget;
  CacheTrie tree{groups};
  std::set<Session::Impl*> open;
  Counters totals;                   ///< the sums; what describes the trie is filled in when asked for
  std::unique_ptr<LowerTier> lower;  ///< where there is one
  std::map<Loading::Id, Session::Impl*> loading;  ///< who waits for a load
};

struct Session::Impl {
  Impl(PrefixCache::Impl& owner, std::vector<Token> prompt);
  /// Resumes every state as far as the prompt matched. With `may_load`, more of it may come from a lower
  /// tier.
  void start(const Match& match, bool may_load);
  /// Goes on from what came back from a lower tier, if anything did.
  void take(Loading::Arrival arrival);
  void take_part(Loaded loaded);
  /// Has the states capture the points ahead, and marks the user's points behind.
  void schedule(std::span<const RestorePoint> restore_points);
  void set_states(std::vector<std::unique_ptr<LiveState>> new_states);
  Result<> reserve(std::size_t count);
  /// Makes the node that ends where the published path does the tip. Whether it was another.
  bool let_go_of_rest();
  /// Has the states capture points in a long reply.
  void schedule_in_reply();
  void give_back_reserved();
  void publish();
  /// Publishes if the system has memory for the trie's nodes.
  void try_publish();
  void close() noexcept;
  std::string check() const;

  TokenSpan evaluated() const { return TokenSpan(tokens).first(position); }
  Parts snapshot(std::size_t from, std::size_t to) const;
  Node* cut_shared(Node* node, std::size_t shared, const std::map<std::size_t, bool>& cuts);
  bool resumes_at(std::size_t offset, const std::vector<std::vector<PathPart>>& paths) const;
  void fill_shared(Node* node);
  /// Makes `node` the tip.
  void hold(Node* node);

  PrefixCache::Impl* cache;  ///< null once closed
  std::vector<Token> tokens;
  std::size_t position = 0;
  std::size_t published = 0;  ///< of the path up to position, what the trie has been given
  std::size_t reserved = 0;
  Loading::Id load = 0;                         ///< 0: nothing is loading
  std::size_t arriving = 0;                     ///< where its next part ends
  std::vector<RestorePoint> points_after_load;  ///< that begin() was given
  /// Offsets beyond what was restored at which later sessions shall resume; true: the user's.
  std::map<std::size_t, bool> points;
  std::vector<std::unique_ptr<LiveState>> states;
  std::vector<LiveState*> state_pointers;
  /// The deepest node that the session's path goes through; acquired.
  Node* tip = nullptr;
  SessionStats stats;
};

}  // namespace banyan
