// How what a session evaluated becomes nodes of the trie.
#include <map>
#include <memory>
#include <utility>

#include "cache/impl.h"

namespace banyan {

void Session::Impl::publish() {
  if (published == position) return;
  CacheTrie& tree = cache->tree;
  const TokenSpan path = evaluated();
  // The trie has what is published, as the session holds its tip; so a long path is not compared again.
  Place shared{.node = tip, .matched = published};
  while (!shared.node->is_root() && shared.node->start() >= published) shared.node = shared.node->parent();
  go_on(shared, path);

  // Where nodes should end, on what is new to the trie and on what another session brought first.
  std::map<std::size_t, bool> cuts(points.upper_bound(published), points.upper_bound(position));
  cuts.emplace(position, false);

  // Making parts may allocate, and so evict: the path is acquired before, and nothing is appended
  // until all parts are made. It is acquired down to the last node that it reaches into, so that what
  // is cut off there merges with what is below, if it now can, when it is released.
  const auto release = [&](Node* node) { tree.release(node); };
  // The tip is acquired already, and mostly it is that node.
  std::unique_ptr<Node, decltype(release)> acquired(nullptr, release);
  if (shared.node != tip) {
    tree.acquire(shared.node);
    acquired.reset(shared.node);
  }
  Node* node = cut_shared(shared.node, shared.matched, cuts);
  fill_shared(node);
  std::vector<std::pair<std::size_t, Parts>> pieces;
  std::size_t start = shared.matched;
  for (auto cut = cuts.upper_bound(shared.matched); cut != cuts.end(); ++cut) {
    pieces.emplace_back(cut->first, snapshot(start, cut->first));
    start = cut->first;
  }
  for (auto& [end, parts] : pieces) {
    node = tree.append(node, path.subspan(node->end(), end - node->end()), std::move(parts));
    if (cuts.at(end)) tree.mark(node);
  }
  hold(node);
  published = position;
}

// Cuts the part of the path that the trie has already where it parts from the trie, and at cuts
// that need a node's end. Returns the node that the shared part ends in.
Node* Session::Impl::cut_shared(Node* node, std::size_t shared, const std::map<std::size_t, bool>& cuts) {
  CacheTrie& tree = cache->tree;
  if (shared < position && shared < node->end()) node = tree.split(node, shared);
  auto cut = cuts.upper_bound(shared);
  if (cut == cuts.begin()) return node;
  // From the last to the first: the walk up the path goes on.
  Node* at = node;
  auto paths = path_parts(*at, cache->groups.size());
  do {
    const auto [offset, user] = *--cut;
    for (; offset <= at->start(); at = at->parent()) {
      for (auto& path : paths) path.pop_back();
    }
    if (offset < at->end()) {
      if (!user && resumes_at(offset, paths)) continue;
      at = tree.split(at, offset);
      if (offset == shared) node = at;
      const Parts& parts = NodeSnapshot::of(*at).parts();
      for (std::size_t i = 0; i < parts.size(); ++i)
        paths[i].back() = {parts[i].get(), at->start(), at->end()};
    }
    if (user) tree.mark(at);
  } while (cut != cuts.begin());
  return node;
}

// Whether all groups resume at an offset in the last node of a path whose parts are given, once they do at
// the ends of the nodes above.
bool Session::Impl::resumes_at(std::size_t offset, const std::vector<std::vector<PathPart>>& paths) const {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!resumes_in_last(*cache->groups[i], paths[i], offset)) return false;
  }
  return true;
}

// Gives the nodes from `node` up what they lack to be resumed at their ends, and with that what is
// appended below needs of them: a window that reaches back to them is a part of the one at their ends.
void Session::Impl::fill_shared(Node* node) {
  if (node->end() <= published) return;
  auto paths = path_parts(*node, cache->groups.size());
  const auto go_up = [&] {
    node = node->parent();
    for (auto& path : paths) path.pop_back();
  };
  for (; node->end() > published; go_up()) {
    if (node->end() > position) continue;  // the path ends inside
    Parts parts(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (!resumes_in_last(*cache->groups[i], paths[i], node->end()))
        parts[i] = states[i]->snapshot(node->start(), node->end());
    }
    cache->tree.complete(node, std::move(parts));
  }
}

Parts Session::Impl::snapshot(std::size_t from, std::size_t to) const {
  Parts parts;
  for (const auto& state : states) parts.push_back(state->snapshot(from, to));
  return parts;
}

}  // namespace banyan
