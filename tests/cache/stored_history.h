/// Histories of requests, damage and restarts on a cache with a lower tier.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "cache/fake_model.h"

namespace banyan {

struct StoredHistoryResult {
  /// What was wrong first; empty when all is well.
  std::string wrong;
  /// How often each thing happened.
  std::map<std::string, int> done;
};

/// Does what `bytes` spell, any bytes, on a cache with these layers, so much memory and so large a tier.
/// After every step the cache's validator is run, and what sessions restored is compared with what computing
/// their paths from nothing would leave.
StoredHistoryResult run_stored_history(const LayerKinds& kinds, std::size_t memory, std::size_t tier_bytes,
                                       std::span<const std::uint8_t> bytes);

}  // namespace banyan
