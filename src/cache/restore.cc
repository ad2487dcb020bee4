#include "cache/restore.h"

#include <algorithm>

namespace banyan {

std::vector<std::vector<PathPart>> path_parts(const Node& node, std::size_t groups) {
  std::vector<std::vector<PathPart>> paths(groups);
  for (const Node* at = &node; !at->is_root(); at = at->parent()) {
    const Parts& parts = NodeSnapshot::of(*at).parts();
    for (std::size_t i = 0; i < groups; ++i) paths[i].push_back({parts[i].get(), at->start(), at->end()});
  }
  for (auto& path : paths) std::ranges::reverse(path);
  return paths;
}

Resumption find_resumption(const Groups& groups, const std::vector<std::vector<PathPart>>& paths,
                           std::size_t deepest) {
  Resumption found{.offset = deepest};
  std::size_t held_back_at = 0;
  // What one group falls back to may be no offset for another: again until all agree.
  for (std::size_t agreed = 0, i = 0; agreed < groups.size(); i = (i + 1) % groups.size()) {
    const std::size_t offset = groups[i]->resumable(paths[i], found.offset);
    agreed = offset == found.offset ? agreed + 1 : 1;
    if (offset == found.offset) continue;
    found.offset = offset;
    held_back_at = i;
    found.held_back_by = groups[i].get();
  }
  if (found.held_back_by != nullptr) {
    const bool missing = std::ranges::any_of(paths[held_back_at], [&](const PathPart& part) {
      return part.part == nullptr && part.end > found.offset && part.start < deepest;
    });
    found.limit = missing ? RestoreLimit::no_state : RestoreLimit::no_point;
  }
  return found;
}

bool resumes_in_last(const LayerGroup& group, std::span<const PathPart> path, std::size_t offset) {
  const bool is_last_enough = resumes_anywhere(group) || keeps_whole_states(group);
  return group.resumable(is_last_enough ? path.last(1) : path, offset) == offset;
}

bool ResumableEnds::visit(const Node& node) {
  while (!way_.empty() && way_.back().node != node.parent()) way_.pop_back();
  bool spans = way_.empty() || way_.back().spans;
  bool resumes = true;
  const Parts& parts = NodeSnapshot::of(node).parts();
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const LayerGroup& group = *groups_[i];
    paths_[i].resize(way_.size());
    paths_[i].push_back({parts[i].get(), node.start(), node.end()});
    const bool at_end = resumes_in_last(group, paths_[i], node.end());
    if (resumes_anywhere(group)) spans = spans && at_end;
    resumes = resumes && at_end;
  }
  way_.push_back({&node, spans});
  return resumes && spans;
}

}  // namespace banyan
