/// Histories of operations, legal and not, on a trie and on a plain map beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace banyan {

struct HistoryResult {
  /// What differed first, or a broken invariant; empty when all is well.
  std::string wrong;
  std::size_t steps = 0;
  std::size_t most_nodes = 0;
  /// How often each operation was done, and how often its misuse was refused ("no split", ...).
  std::map<std::string, int> done;
};

/// Does what `bytes` spell, any bytes, and compares everything after every step.
HistoryResult run_history(std::span<const std::uint8_t> bytes);

}  // namespace banyan
