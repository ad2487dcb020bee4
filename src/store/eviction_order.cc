#include <tuple>

#include "banyan/store.h"

namespace banyan {

bool EvictionRank::operator<(const EvictionRank& other) const {
  // What has swapped sides goes first when it is larger.
  const auto above = std::tie(user_mark, other.cheap);
  const auto below = std::tie(other.user_mark, cheap);
  if (above != below) return above < below;
  if (cheap) return std::tie(depth, last_use, other.bytes) < std::tie(other.depth, other.last_use, bytes);
  return std::tie(last_use, leaf, other.depth, other.bytes) <
         std::tie(other.last_use, other.leaf, depth, bytes);
}

void EvictionOrder::put(Key key, const EvictionRank& rank) {
  const auto [entry, added] = entries_.try_emplace(key);
  if (added) {
    try {
      entry->second = order_.emplace(rank, key).first;
      bytes_ += rank.bytes;
    } catch (...) {
      entries_.erase(entry);
      throw;
    }
    return;
  }
  if (entry->second->first == rank) return;
  // Moving the set's own node allocates nothing, so it cannot fail half-way.
  auto moved = order_.extract(entry->second);
  bytes_ += rank.bytes - moved.value().first.bytes;
  moved.value() = {rank, key};
  entry->second = order_.insert(std::move(moved)).position;
}

void EvictionOrder::drop(Key key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  bytes_ -= entry->second->first.bytes;
  order_.erase(entry->second);
  entries_.erase(entry);
}

std::optional<EvictionOrder::Key> EvictionOrder::victim() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->second;
}

std::optional<EvictionRank> EvictionOrder::rank(Key key) const {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second->first;
}

}  // namespace banyan
