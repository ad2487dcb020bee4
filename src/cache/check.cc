#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "cache/impl.h"

namespace banyan {
namespace {

std::string name(const Node& node) {
  return "node [" + std::to_string(node.start()) + ", " + std::to_string(node.end()) + ")";
}

}  // namespace

std::string PrefixCache::Impl::check_node(const Node& node, std::size_t expected_uses) const {
  if (node.uses() != expected_uses) {
    return name(node) + " counts " + std::to_string(node.uses()) + " uses; " + std::to_string(expected_uses) +
           " sessions go through it";
  }
  const auto rank = tree.order().rank(CacheTrie::key(node));
  const bool may_go = tree.may_go(node);
  if (rank.has_value() != may_go) {
    return name(node) + (may_go ? " may go and is not in the order of eviction"
                                : " may not go and is in the order of eviction");
  }
  if (node.is_root()) return {};
  if (rank && *rank != tree.rank(node)) return name(node) + " has an outdated rank for eviction";
  if (may_go && tree.merges_freely(node)) return name(node) + " should have merged with its child";

  // Attention covers every edge. Groups of other kinds keep what they can.
  const auto paths = path_parts(node, groups.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (groups[i]->kind() == "attention" && groups[i]->resumable(paths[i], node.end()) != node.end()) {
      return name(node) + " has a part of group " + std::to_string(i) + " that does not span its edge";
    }
  }
  return {};
}

std::string Session::Impl::check() const {
  for (const auto& state : states) {
    if (state->tokens() == position) continue;
    return "a session stands at " + std::to_string(position) + " and one of its states at " +
           std::to_string(state->tokens());
  }
  return {};
}

std::string PrefixCache::check(std::size_t other_bytes) const {
  if (std::string wrong = trie().check(); !wrong.empty()) return wrong;

  std::unordered_set<const Node*> nodes;
  const Node* bare = nullptr;
  trie().walk([&](const Node& node) {
    if (!node.is_root() && dynamic_cast<const NodeSnapshot*>(node.snapshot()) == nullptr) bare = &node;
    return nodes.insert(&node).second;
  });
  if (bare != nullptr) return name(*bare) + " has no snapshot";
  std::unordered_map<const Node*, std::size_t> uses;
  for (const Session::Impl* session : impl_->open) {
    if (std::string wrong = session->check(); !wrong.empty()) return wrong;
    if (!nodes.contains(session->tip)) return "a session holds a node that is not in the trie";
    for (const Node* node = session->tip; node != nullptr; node = node->parent()) ++uses[node];
  }

  std::size_t may_go = 0;
  for (const Node* node : nodes) {
    if (std::string wrong = impl_->check_node(*node, uses[node]); !wrong.empty()) return wrong;
    if (impl_->tree.may_go(*node)) ++may_go;
  }
  if (may_go != impl_->tree.order().size()) return "the order of eviction holds nodes that are gone";

  std::unordered_map<const void*, std::size_t> allocations;
  const AllocationVisitor count = [&](const void* id, std::size_t bytes) { allocations[id] = bytes; };
  for (const Node* node : nodes) {
    if (node->is_root()) continue;
    for (const auto& part : NodeSnapshot::of(*node).parts()) {
      if (part != nullptr) part->visit_allocations(count);
    }
  }
  for (const Session::Impl* session : impl_->open) {
    for (const auto& state : session->states) state->visit_allocations(count);
  }
  std::size_t reached = other_bytes;
  for (const auto& [id, bytes] : allocations) reached += bytes;
  if (reached != budget().used()) {
    return "the budget has given out " + std::to_string(budget().used()) + " bytes and " +
           std::to_string(reached) + " are accounted for";
  }
  return {};
}

}  // namespace banyan
