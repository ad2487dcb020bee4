/// How much of the path of a reply that waits is in running replies' paths and in the cache.
///
/// The scheduler asks at every step, and paths may have a hundred thousand tokens. So what was compared once
/// is not compared again.
///
/// Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "banyan/cache.h"

namespace banyan {

class KnownPrefixes {
 public:
  /// How many tokens `path` and `other` have in common at their start. Compares what it has not compared for
  /// `id` before.
  /// REQUIRES: both paths go on from those that were given for `id` before.
  std::size_t in_reply(std::uint64_t id, TokenSpan path, TokenSpan other);

  /// True the first time that it is asked for `id`, false from then on: then what is in common is handed over
  /// to the cache, and in_cache() looks again.
  /// REQUIRES: in_reply() was asked for `id` just before.
  bool is_first_pass(std::uint64_t id);

  struct Cached {
    std::size_t matched = 0;     ///< tokens of the path that the cache holds
    std::size_t restorable = 0;  ///< tokens that a session would restore from memory
  };
  /// What of `path` the cache has. Looks only when the cache has gained or lost tokens since, or the path
  /// has. REQUIRES: `path` goes on from those that were given before.
  Cached in_cache(const PrefixCache& cache, TokenSpan path);

 private:
  struct Compared {
    std::size_t common = 0;
    bool parted = false;  // both go on, with different tokens
    bool passed = false;  // is_first_pass() was asked
  };
  struct Look {
    std::size_t path = 0;    // its size
    std::size_t gained = 0;  // tokens that the cache has gained by then,
    std::uint64_t lost = 0;  // and lost
    Cached found;
  };

  std::map<std::uint64_t, Compared> replies_;
  Look last_look_;
};

}  // namespace banyan
