// Window groups and lower tiers.
#include <utility>

#include "banyan/window_state.h"
#include "state/segment_views.h"
#include "state/stored_views.h"
#include "state/window_part.h"

namespace banyan {

std::size_t WindowGroup::block_bytes(std::size_t tokens) const { return tokens * layout_.bytes_per_token(); }

std::vector<EdgeRange> WindowGroup::ranges(const StatePart& part, std::size_t) const {
  std::vector<EdgeRange> ranges;
  for (const auto& piece : static_cast<const WindowPart&>(part).pieces()) {
    ranges.push_back({piece.begin, piece.end});
  }
  return ranges;
}

std::function<void(std::span<std::byte>)> WindowGroup::writer(const StatePart& part, EdgeRange range) const {
  const PathPart node{&part, 0, range.end};
  std::vector<SegmentView> views = window_views({&node, 1}, range.begin, range.end);
  require(range.begin < range.end && count_tokens(views) == range.end - range.begin,
          "WindowGroup::writer: not what the part has");
  return block_writer(layout_, std::move(views));
}

std::unique_ptr<StatePart> WindowGroup::stored_part(std::size_t length,
                                                    std::span<const StoredRun> runs) const {
  auto part = std::make_unique<WindowPart>(layout_.bytes_per_token(), window_, length);
  for (const StoredRun& run : runs) {
    require(run.range.end <= length, "WindowGroup::stored_part: a run outside the edge");
    const SegmentView view = view_of(run);
    part->add(run.range.begin, {&view, 1});
  }
  return part;
}

std::vector<StoredRun> WindowGroup::stored_runs(const StatePart& part, std::size_t) const {
  std::vector<StoredRun> runs;
  for (const auto& piece : static_cast<const WindowPart&>(part).pieces()) {
    append_runs(runs, piece.begin, piece.views);
  }
  return runs;
}

Result<LoadingState> WindowGroup::load(std::span<const PathPart>, std::size_t,
                                       std::span<const PathPart> stored, std::size_t offset,
                                       Budget& budget) const {
  require(offset > 0 && resumable(stored, offset) == offset, "WindowGroup::load: the window is not kept");
  const std::size_t first = window_begin(offset, window_);
  const std::vector<SegmentView> from = window_views(stored, first, offset);
  auto state = std::make_unique<WindowState>(layout_, window_, budget, first);
  if (auto reserved = state->reserve(offset - first); !reserved) {
    return std::unexpected(std::move(reserved.error()));
  }
  state->commit(offset - first);
  std::vector<LoadingState::Block> blocks = blocks_to_load(layout_, from, state->path().views());
  return LoadingState{std::move(state), std::move(blocks)};
}

}  // namespace banyan
