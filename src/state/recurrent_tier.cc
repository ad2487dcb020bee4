// Recurrent groups and lower tiers: a block is a whole state, as RecurrentLayout has it.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "banyan/recurrent_state.h"
#include "state/recurrent_part.h"

namespace banyan {

static_assert(std::endian::native == std::endian::little, "blocks are little-endian");

std::size_t RecurrentGroup::block_bytes(std::size_t) const { return layout_.bytes(); }

std::vector<EdgeRange> RecurrentGroup::ranges(const StatePart&, std::size_t length) const {
  return {{length, length}};
}

std::function<void(std::span<std::byte>)> RecurrentGroup::writer(const StatePart& part, EdgeRange) const {
  return [state = static_cast<const RecurrentPart&>(part).block()](std::span<std::byte> block) {
    require(block.size() == state->bytes(), "RecurrentGroup::writer: another block");
    std::memcpy(block.data(), state->data(), block.size());
  };
}

std::unique_ptr<StatePart> RecurrentGroup::stored_part(std::size_t length,
                                                       std::span<const StoredRun> runs) const {
  if (runs.empty() || runs.back().range != EdgeRange{length, length}) return nullptr;
  return std::make_unique<RecurrentPart>(StateBlock::stored(runs.back().block));
}

std::vector<StoredRun> RecurrentGroup::stored_runs(const StatePart& part, std::size_t length) const {
  return {{{length, length}, static_cast<const RecurrentPart&>(part).block()->block(), 0, 0}};
}

Result<LoadingState> RecurrentGroup::load(std::span<const PathPart>, std::size_t,
                                          std::span<const PathPart> stored, std::size_t offset,
                                          Budget& budget) const {
  const auto node = std::ranges::find(stored, offset, &PathPart::end);
  require(node != stored.end() && node->part != nullptr, "RecurrentGroup::load: no state was kept there");
  auto state = StateBlock::create(layout_, budget);
  if (!state) return std::unexpected(std::move(state.error()));
  const auto take = [state = *state](std::span<const std::byte> block) {
    require(block.size() == state->bytes(), "RecurrentGroup::load: another block");
    std::memcpy(state->data(), block.data(), block.size());
  };
  LoadingState result;
  result.blocks.push_back(
      {static_cast<const RecurrentPart*>(node->part)->block()->block(), layout_.bytes(), take});
  result.state = std::make_unique<RecurrentState>(layout_, budget, offset, std::move(*state));
  return result;
}

}  // namespace banyan
