/// Where on a path of the trie all layer groups can resume together, and what keeps them from
/// resuming later.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "banyan/cache.h"
#include "banyan/state.h"
#include "banyan/trie.h"

namespace banyan {

using Groups = std::vector<std::unique_ptr<LayerGroup>>;

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

}  // namespace banyan
