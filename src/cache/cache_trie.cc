#include "cache/cache_trie.h"

#include <algorithm>
#include <memory>
#include <new>
#include <ranges>
#include <utility>
#include <vector>

#include "base/common_prefix.h"
#include "cache/restore.h"
#include "cache/worth.h"

namespace banyan {
namespace {

// What the system gives for a node with its parts and its places in the trie and in the order of eviction.
constexpr std::size_t kNodeBytes = 768;

}  // namespace

std::size_t CacheTrie::own_bytes(std::size_t nodes, std::size_t tokens) {
  return nodes * kNodeBytes + tokens * sizeof(Token);
}

void go_on(Place& place, TokenSpan path) {
  auto& [node, matched] = place;
  while (matched < path.size()) {
    if (matched == node->end()) {
      Node* const child = node->child(path[matched]);
      if (child == nullptr) return;
      node = child;
    }
    matched += common_prefix(node->edge().subspan(matched - node->start()), path.subspan(matched));
    if (matched < node->end()) return;
  }
}

Node* CacheTrie::append(Node* node, TokenSpan tokens, Parts parts) {
  auto snapshot = std::make_unique<NodeSnapshot>(std::move(parts));
  Node* child = trie_.append(node, tokens);
  trie_.set_snapshot(child, std::move(snapshot));
  refresh(*node);
  refresh(*child);
  return child;
}

Node* CacheTrie::split(Node* node, std::size_t offset) {
  Node* front = trie_.split(node, offset);
  refresh(*front);
  refresh(*node);
  return front;
}

void CacheTrie::complete(Node* node, Parts parts) {
  change(node, [&](NodeSnapshot& snapshot) { snapshot.complete(std::move(parts)); });
}

void CacheTrie::mark(Node* node) {
  trie_.set_user_mark(node, true);
  refresh(*node);
}

void CacheTrie::use(Node* node, std::size_t offset) {
  ++now_;
  for (; node->end() > offset; node = node->parent()) {
    trie_.set_last_use(node, now_);
    refresh(*node);
  }
}

void CacheTrie::thin(const Node* node, std::size_t offset) {
  if (std::ranges::none_of(groups_, [](const auto& group) { return keeps_whole_states(*group); })) return;
  std::vector<Node*> path;
  for (Node* at = node->parent(); at != nullptr && !at->is_root(); at = at->parent()) path.push_back(at);
  for (Node* at : std::views::reverse(path)) {
    const Node& before = *at->parent();
    const bool has_point_before = before.is_root() || keeps_state(before);
    const bool is_plain = at->uses() == 1 && at->child_count() == 1 && !at->user_mark();
    if (at->end() < offset && is_plain && has_point_before && is_cheap(*at)) merge(at);
  }
}

void CacheTrie::acquire(Node* node) {
  trie_.acquire(node);
  // A node that was in use before is not in the order, and no node above it is.
  for (; node != nullptr && node->uses() == 1; node = node->parent()) order_.drop(key(*node));
}

void CacheTrie::release(Node* node) {
  trie_.release(node);
  try {
    for (Node* at = node; at != nullptr && at->uses() == 0; at = at->parent()) refresh(*at);
    settle_path(node);
    if (is_behind_) catch_up();  // last, as it may merge `node` away
  } catch (const std::bad_alloc&) {
    is_behind_ = true;
  }
}

void CacheTrie::catch_up() {
  std::vector<Node*> leaves;  // merging removes only what is above them
  trie_.walk([&](Node& node) {
    refresh(node);
    if (node.is_leaf() && node.uses() == 0) leaves.push_back(&node);
    return true;
  });
  for (Node* node : leaves) {
    for (; !node->is_root() && node->uses() == 0; node = node->parent()) node = settle(node);
  }
  is_behind_ = false;
}

void CacheTrie::settle_path(Node* node) {
  for (; !node->is_root(); node = node->parent()) node = settle(node);
}

Node* CacheTrie::settle_path(Node* node, std::size_t from) {
  const std::size_t end = node->end();
  Node* last = node;
  for (Node* at = node; !at->is_root() && at->end() > from; at = at->parent()) {
    at = settle(at);
    if (at->end() >= end) last = at;  // it has merged with what is below
  }
  return last;
}

void CacheTrie::remove_all(Node* node) {
  // Children before parents. It goes on from where the last one was removed, so each edge is walked once.
  Node* const parent = node->parent();
  for (Node* at = node; at != parent;) {
    while (!at->is_leaf()) at = at->any_child();
    Node* const above = at->parent();
    remove_leaf(at);
    at = above;
  }
  settle_path(parent);
}

void CacheTrie::replace_part(Node* node, std::size_t group, std::unique_ptr<StatePart> part) {
  change(node, [&](NodeSnapshot& snapshot) { snapshot.replace(group, std::move(part)); });
}

void CacheTrie::set_age(Node* node, std::uint64_t time) {
  now_ = std::max(now_, time);
  for (; !node->is_root() && node->last_use() < time; node = node->parent()) {
    trie_.set_last_use(node, time);
    refresh(*node);
  }
}

bool CacheTrie::evict(std::size_t wanted) {
  try {
    if (is_behind_) catch_up();
  } catch (const std::bad_alloc&) {
    // What is in order goes first, and makes room for the rest.
  }
  const auto victim = order_.victim();
  if (!victim) return false;
  Node* node = reinterpret_cast<Node*>(*victim);
  if (!node->is_leaf()) {
    settle(merge(node));
    return true;
  }
  if (shorten(node, wanted)) return true;
  Node* parent = node->parent();
  remove_leaf(node);
  if (parent->uses() == 0) settle(parent);
  return true;
}

bool CacheTrie::shorten(Node* node, std::size_t wanted) {
  if (needs_points(groups_)) return false;
  const std::size_t length = NodeSnapshot::of(*node).tail(wanted);
  if (length == 0) return false;
  trie_.shorten(node, node->start() + length);
  refresh(*node);
  return true;
}

void CacheTrie::remove_leaf(Node* node) {
  Node* const parent = node->parent();
  order_.drop(key(*node));
  trie_.remove(node);
  refresh(*parent);
}

bool CacheTrie::may_go(const Node& node) const {
  if (node.is_root() || node.uses() > 0) return false;
  return node.is_leaf() || (node.child_count() == 1 && !node.user_mark());
}

bool CacheTrie::merges_freely(const Node& node) const {
  if (node.is_root() || node.child_count() != 1 || node.user_mark()) return false;
  const Node& child = *node.only_child();
  return node.uses() == child.uses() && NodeSnapshot::of(node).merges_freely(NodeSnapshot::of(child));
}

EvictionRank CacheTrie::rank(const Node& node) const {
  return {.user_mark = node.user_mark(),
          .cheap = is_cheap(node),
          .last_use = node.last_use(),
          .leaf = node.is_leaf(),
          .depth = node.end(),
          .bytes = node.snapshot()->bytes()};
}

// Whether resuming where the parent ends does nearly as well, and saves a whole state.
bool CacheTrie::is_cheap(const Node& node) const {
  return !node.is_leaf() && is_near(node.start(), node.end()) && keeps_state(node);
}

bool CacheTrie::keeps_state(const Node& node) const {
  const Parts& parts = NodeSnapshot::of(node).parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != nullptr && keeps_whole_states(*groups_[i])) return true;
  }
  return false;
}

template <class Change>
void CacheTrie::change(Node* node, const Change& change) {
  {
    const auto put_back = [&](Snapshot* snapshot) {
      trie_.set_snapshot(node, std::unique_ptr<Snapshot>(snapshot));
    };
    const std::unique_ptr<Snapshot, decltype(put_back)> snapshot(trie_.take_snapshot(node).release(),
                                                                 put_back);
    change(static_cast<NodeSnapshot&>(*snapshot));
  }
  refresh(*node);
}

void CacheTrie::refresh(const Node& node) {
  if (may_go(node)) {
    order_.put(key(node), rank(node));
  } else {
    order_.drop(key(node));
  }
}

Node* CacheTrie::merge(Node* node) {
  const EvictionOrder::Key gone = key(*node);
  Node* child = trie_.merge_with_child(node);
  order_.drop(gone);
  refresh(*child);
  return child;
}

// Merges `node` with its neighbours while that loses nothing. Returns the node that is left.
Node* CacheTrie::settle(Node* node) {
  for (;;) {
    if (merges_freely(*node)) {
      node = merge(node);
    } else if (!node->is_root() && merges_freely(*node->parent())) {
      node = merge(node->parent());
    } else {
      return node;
    }
  }
}

}  // namespace banyan
