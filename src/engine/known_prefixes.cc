#include "engine/known_prefixes.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/common_prefix.h"

namespace banyan {
namespace {

// Of more replies, the oldest are forgotten. Ids grow, so most of them have ended.
constexpr std::size_t kMostReplies = 256;

}  // namespace

std::size_t KnownPrefixes::in_reply(std::uint64_t id, TokenSpan path, TokenSpan other) try {
  Compared& compared = replies_[id];
  if (!compared.parted) {
    compared.common += common_prefix(path.subspan(compared.common), other.subspan(compared.common));
    compared.parted = compared.common < std::min(path.size(), other.size());
  }
  const std::size_t common = compared.common;
  if (replies_.size() > kMostReplies) replies_.erase(replies_.begin());
  return common;
} catch (const std::bad_alloc&) {
  return common_prefix(path, other);
}

bool KnownPrefixes::is_first_pass(std::uint64_t id) {
  const auto compared = replies_.find(id);
  if (compared != replies_.end() && std::exchange(compared->second.passed, true)) return false;
  last_look_ = {};
  return true;
}

KnownPrefixes::Cached KnownPrefixes::in_cache(const PrefixCache& cache, TokenSpan path) {
  const PrefixCache::Counters counters = cache.counters();
  // Which paths the cache holds changes only by tokens that come and go.
  const std::uint64_t lost = counters.evicted_tokens;
  const std::size_t gained = counters.tokens + lost;
  if (path.size() != last_look_.path || gained != last_look_.gained || lost != last_look_.lost) {
    last_look_ = {
        .path = path.size(),
        .gained = gained,
        .lost = lost,
        .found = {.matched = cache.match_length(path), .restorable = cache.restorable_length(path)}};
  }
  return last_look_.found;
}

}  // namespace banyan
