/// A record of a lower tier: a piece of a token path, and in which blocks its states are stored.
///
/// Its bytes are in docs/disk-cache.md. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "banyan/base.h"
#include "banyan/state.h"
#include "banyan/tier.h"

namespace banyan {

/// Tokens of most blocks of keys and values.
inline constexpr std::size_t kBlockTokens = 256;

struct StoredRecord {
  /// As StoredRun, with the block's number.
  struct Run {
    EdgeRange range;  ///< counted from `start`
    BlockId block = 0;
    std::uint32_t at = 0;
    std::uint32_t block_tokens = 0;
    bool operator==(const Run&) const = default;
  };

  std::uint64_t id = 0;  ///< never 0, and greater than those of the records before
  /// The record that this one goes on from: this path begins with the first `start` tokens of that one's. 0:
  /// none.
  std::uint64_t parent = 0;
  std::uint64_t last_use = 0;
  bool user_mark = false;
  std::uint64_t start = 0;
  std::vector<Token> tokens;
  std::vector<std::vector<Run>> groups;  ///< for each layer group, in order; no two overlap
  bool operator==(const StoredRecord&) const = default;
};

/// What of a range lies in [from, to), if anything; of a whole state all, if its offset lies in (from, to].
std::optional<EdgeRange> clip(EdgeRange range, std::size_t from, std::size_t to);
/// What of the runs does, counted from `from`.
std::vector<StoredRun> clip_runs(std::span<const StoredRun> runs, std::size_t from, std::size_t to);

Tier::Record encode(const StoredRecord& record);
/// Errors: corrupt: not what encode() makes of a record with so many groups.
Result<StoredRecord> decode(std::span<const std::byte> bytes, std::size_t groups);

}  // namespace banyan
