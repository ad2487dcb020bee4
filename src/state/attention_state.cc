#include "banyan/attention_state.h"

#include <algorithm>
#include <utility>

#include "state/attention_part.h"
#include "state/describe.h"

namespace banyan {
namespace {

// Tokens of the part, none where the node has none.
std::size_t covered(const PathPart& node) {
  return node.part == nullptr ? 0 : static_cast<const AttentionPart*>(node.part)->tokens();
}

}  // namespace

AttentionState::AttentionState(const KvLayout& layout, Budget& budget, std::vector<SegmentView> views)
    : path_(layout, budget, AttentionGroup::kSegmentTokens, 0, std::move(views)) {}

std::unique_ptr<StatePart> AttentionState::snapshot(std::size_t from, std::size_t to) const {
  require(from < to && to <= tokens(), "AttentionState::snapshot: outside what the state has seen");
  return std::make_unique<AttentionPart>(path_.layout().bytes_per_token(), path_.clip(from, to));
}

void AttentionState::visit_allocations(const AllocationVisitor& visit) const {
  visit_views(path_.views(), visit);
}

std::string AttentionGroup::description() const { return "attention: " + describe(layout_); }

std::size_t AttentionGroup::least_bytes(std::size_t tokens) const {
  return layout_.bytes_per_token() * tokens;
}

std::size_t AttentionGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  std::size_t offset = 0;
  for (const PathPart& node : path) {
    if (offset >= limit || covered(node) != node.end - node.start) break;
    offset = node.end;
  }
  return std::min(offset, limit);
}

std::unique_ptr<LiveState> AttentionGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                                  Budget& budget) const {
  require(resumable(path, offset) == offset, "AttentionGroup::resume: the path has a gap");
  return std::make_unique<AttentionState>(layout_, budget, attention_views(path, 0, offset));
}

std::string AttentionGroup::check(const StatePart* part, std::size_t length) const {
  return covered({part, 0, length}) == length ? "" : "does not span its edge";
}

}  // namespace banyan
