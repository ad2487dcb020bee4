/// What the paths of a step share, found by the identity of their segments.
///
/// A path is a word whose letters are the places (segment, token) of its tokens. Both functions look at each
/// view of each path a fixed number of times; what else they do is for each run.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "banyan/segment.h"
#include "kernels/attention.h"

namespace banyan {

/// An order of the paths, up to their reserved ends, in which those with a common beginning are neighbours:
/// indices into `paths`.
std::vector<std::size_t> order_paths(std::span<const SegmentPath* const> paths);

/// A path up to position `end`, and its rows of the batch.
struct RowsOfPath {
  const SegmentPath* path = nullptr;
  std::size_t end = 0;
  int row_begin = 0;
  int row_end = 0;
};

struct SharedRuns {
  /// By position. A run is for all neighbours that stand at its place at its position.
  std::vector<kernels::SharedRun> runs;
  /// How often a path's place was looked at. For tests.
  std::size_t looks = 0;
};

/// The runs of all paths. Paths may begin at different positions.
SharedRuns find_shared_runs(std::span<const RowsOfPath> paths);

}  // namespace banyan
