// Attention groups and lower tiers.
#include <algorithm>
#include <utility>

#include "banyan/attention_state.h"
#include "state/attention_part.h"
#include "state/stored_views.h"

namespace banyan {

std::size_t AttentionGroup::block_bytes(std::size_t tokens) const {
  return tokens * layout_.bytes_per_token();
}

std::vector<EdgeRange> AttentionGroup::ranges(const StatePart& part, std::size_t length) const {
  if (static_cast<const AttentionPart&>(part).tokens() != length) return {};
  return {{0, length}};
}

std::function<void(std::span<std::byte>)> AttentionGroup::writer(const StatePart& part,
                                                                 EdgeRange range) const {
  const auto& attention = static_cast<const AttentionPart&>(part);
  require(range.begin < range.end && range.end <= attention.tokens(),
          "AttentionGroup::writer: not what the part has");
  return block_writer(layout_, clip_views(attention.views(), range.begin, range.end));
}

std::unique_ptr<StatePart> AttentionGroup::stored_part(std::size_t length,
                                                       std::span<const StoredRun> runs) const {
  std::vector<SegmentView> views;
  std::size_t end = 0;
  for (const StoredRun& run : runs) {
    if (run.range.begin != end) return nullptr;
    append_view(views, view_of(run));
    end = run.range.end;
  }
  if (end != length) return nullptr;
  return std::make_unique<AttentionPart>(layout_.bytes_per_token(), std::move(views));
}

std::vector<StoredRun> AttentionGroup::stored_runs(const StatePart& part, std::size_t) const {
  std::vector<StoredRun> runs;
  append_runs(runs, 0, static_cast<const AttentionPart&>(part).views());
  return runs;
}

Result<LoadingState> AttentionGroup::load(std::span<const PathPart> memory, std::size_t in_memory,
                                          std::span<const PathPart> stored, std::size_t offset,
                                          Budget& budget) const {
  require(offset > 0 && resumable(stored, offset) == offset, "AttentionGroup::load: the path has a gap");
  const std::size_t kept = resumable(memory, std::min(in_memory, offset));
  std::vector<SegmentView> views = attention_views(memory, 0, kept);
  const std::vector<SegmentView> from = attention_views(stored, kept, offset);

  // What is loaded never lies behind what memory has in a segment: others attend there meanwhile, and read
  // whole tiles.
  SegmentPath loaded(layout_, budget, kSegmentTokens, kept);
  if (auto reserved = loaded.reserve(offset - kept); !reserved) {
    return std::unexpected(std::move(reserved.error()));
  }
  loaded.commit(offset - kept);
  views.append_range(loaded.views());
  return LoadingState{std::make_unique<AttentionState>(layout_, budget, std::move(views)),
                      blocks_to_load(layout_, from, loaded.views())};
}

}  // namespace banyan
