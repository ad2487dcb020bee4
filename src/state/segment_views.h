/// What states and the trie's parts do with lists of views.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "banyan/segment.h"

namespace banyan {

std::size_t count_tokens(std::span<const SegmentView> views);

/// Adds a view at the end, joined with the last where it goes on in the same segment.
void append_view(std::vector<SegmentView>& views, SegmentView view);
/// Adds views at the end, one after the other.
void append_views(std::vector<SegmentView>& views, std::vector<SegmentView> more);

/// The tokens [from, to) of `views`.
std::vector<SegmentView> clip_views(std::span<const SegmentView> views, std::size_t from, std::size_t to);

/// Bytes that come back when this view goes: none while the segment or its block has another owner.
std::size_t freed_with(const SegmentView& view);

void visit_views(std::span<const SegmentView> views, const AllocationVisitor& visit);

}  // namespace banyan
