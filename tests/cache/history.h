/// Histories of requests on a cache and on a plain map from token prefixes beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "cache/fake_model.h"

namespace banyan {

struct CacheHistoryResult {
  /// What differed first; empty when all is well.
  std::string wrong;
  std::size_t steps = 0;
  std::uint64_t evictions = 0;
  /// How often each thing happened.
  std::map<std::string, int> done;
};

/// Does what `bytes` spell, any bytes, on a cache with these layers and so much memory, and
/// compares everything after every step.
CacheHistoryResult run_cache_history(const LayerKinds& kinds, std::size_t limit,
                                     std::span<const std::uint8_t> bytes);

}  // namespace banyan
