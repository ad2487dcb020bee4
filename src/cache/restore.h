/// Where on a path of the trie all layer groups can resume together, and what keeps them from
/// resuming later.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "banyan/cache.h"
#include "banyan/state.h"
#include "banyan/trie.h"
#include "cache/node_snapshot.h"

namespace banyan {

/// Whether a group can resume wherever it has parts, so that it needs no restore points.
inline bool resumes_anywhere(const LayerGroup& group) { return group.reach() == LayerGroup::kWholePath; }

/// Whether a group's part is a state of the node's end as a whole: large, however short the node.
inline bool keeps_whole_states(const LayerGroup& group) { return group.reach() == 0; }

/// Whether some group can resume at restore points only.
inline bool needs_points(const Groups& groups) {
  return !std::ranges::all_of(groups, [](const auto& group) { return resumes_anywhere(*group); });
}

/// The parts on the way from the root to one node, for each of the groups.
std::vector<std::vector<PathPart>> path_parts(const Node& node, std::size_t groups);

struct Resumption {
  std::size_t offset = 0;
  RestoreLimit limit = RestoreLimit::none;   ///< none, no_state or no_point
  const LayerGroup* held_back_by = nullptr;  ///< null when offset is the deepest that was asked for
};

/// The deepest offset <= deepest at which every group can resume.
Resumption find_resumption(const Groups& groups, const std::vector<std::vector<PathPart>>& paths,
                           std::size_t deepest);

/// Whether a group can resume at an offset in the last node of a path, given that it can at the end of the
/// node above. So of a window's parts all may matter, of other groups' the last alone.
bool resumes_in_last(const LayerGroup& group, std::span<const PathPart> path, std::size_t offset);

/// Whether every group can resume at the ends of nodes, for a walk of the trie. What is above a node is not
/// looked at again for it, but for as many tokens as a window reaches back.
class ResumableEnds {
 public:
  explicit ResumableEnds(const Groups& groups) : groups_(groups), paths_(groups.size()) {}

  /// REQUIRES: nodes come in the order of Trie::walk(), without the root.
  bool visit(const Node& node);
  /// How many nodes there are above the node that was visited last, without the root.
  std::size_t depth() const { return way_.size() - 1; }

 private:
  struct Visited {
    const Node* node;
    bool spans = true;  // groups that resume anywhere have all of the path
  };
  const Groups& groups_;
  std::vector<Visited> way_;                  // to the node, and with it
  std::vector<std::vector<PathPart>> paths_;  // for each group, the parts on it
};

}  // namespace banyan
