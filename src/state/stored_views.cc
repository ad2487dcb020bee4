#include "state/stored_views.h"

#include <map>
#include <memory>
#include <utility>

#include "state/segment_views.h"
#include "state/token_rows.h"

namespace banyan {

SegmentView view_of(const StoredRun& run) {
  require(run.range.begin < run.range.end && run.at >= 0 && run.at < run.block_tokens &&
              run.range.end - run.range.begin <= static_cast<std::size_t>(run.block_tokens - run.at),
          "stored_part: a run that its block does not hold");
  const int tokens = static_cast<int>(run.range.end - run.range.begin);
  return {Segment::stored(run.block, run.block_tokens), run.at, run.at + tokens};
}

void append_runs(std::vector<StoredRun>& runs, std::size_t begin, std::span<const SegmentView> views) {
  for (const SegmentView& view : views) {
    const std::size_t end = begin + view.size();
    runs.push_back({{begin, end}, view.segment->block(), view.begin, view.segment->capacity()});
    begin = end;
  }
}

std::function<void(std::span<std::byte>)> block_writer(const KvLayout& layout,
                                                       std::vector<SegmentView> views) {
  return [layout, views = std::move(views)](std::span<std::byte> block) {
    require(block.size() == count_tokens(views) * layout.bytes_per_token(), "block_writer: another block");
    int row = 0;
    for (const SegmentView& view : views) {
      copy_to_rows(layout, view, block, row);
      row += view.size();
    }
  };
}

std::vector<LoadingState::Block> blocks_to_load(const KvLayout& layout, std::span<const SegmentView> from,
                                                std::span<const SegmentView> to) {
  struct Copy {
    int row;
    SegmentView to;
  };
  struct Load {
    std::shared_ptr<Segment> from;
    std::vector<Copy> copies;
  };
  std::vector<Load> loads;
  std::map<const void*, std::size_t> load_of;
  std::size_t next = 0;  // token of `to`
  for (const SegmentView& view : from) {
    const auto [at, is_new] = load_of.try_emplace(view.segment->id(), loads.size());
    if (is_new) loads.push_back({view.segment, {}});
    int row = view.begin;
    for (SegmentView& target : clip_views(to, next, next + view.size())) {
      const int tokens = target.size();
      loads[at->second].copies.push_back({row, std::move(target)});
      row += tokens;
    }
    next += view.size();
  }

  std::vector<LoadingState::Block> blocks;
  for (Load& load : loads) {
    const Segment& segment = *load.from;
    blocks.push_back({segment.block(), layout.segment_bytes(segment.capacity()),
                      [layout, copies = std::move(load.copies)](std::span<const std::byte> block) {
                        for (const Copy& copy : copies) copy_from_rows(layout, block, copy.row, copy.to);
                      }});
  }
  return blocks;
}

}  // namespace banyan
