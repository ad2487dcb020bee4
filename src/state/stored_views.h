/// What the groups whose memory is segments do alike with lower tiers.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "banyan/segment.h"
#include "banyan/state.h"

namespace banyan {

/// REQUIRES: the run lies in its block.
SegmentView view_of(const StoredRun& run);

/// Adds what stored views that begin at token `begin` of an edge are.
void append_runs(std::vector<StoredRun>& runs, std::size_t begin, std::span<const SegmentView> views);

/// Writes a block of the tokens that `views` hold in memory.
std::function<void(std::span<std::byte>)> block_writer(const KvLayout& layout,
                                                       std::vector<SegmentView> views);

/// The blocks that hold the tokens of the stored views `from`, each with what copies them to as many tokens
/// in memory, `to`.
std::vector<LoadingState::Block> blocks_to_load(const KvLayout& layout, std::span<const SegmentView> from,
                                                std::span<const SegmentView> to);

}  // namespace banyan
