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
  if (rank && !may_go) return name(node) + " may not go and is in the order of eviction";
  if (!rank && may_go && !tree.is_behind()) {
    return name(node) + " may go and is not in the order of eviction";
  }
  if (node.is_root()) return {};
  if (rank && *rank != tree.rank(node)) return name(node) + " has an outdated rank for eviction";
  if (may_go && tree.merges_freely(node) && !tree.is_behind())
    return name(node) + " should have merged with its child";

  const Parts& parts = NodeSnapshot::of(node).parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (const std::string wrong = groups[i]->check(parts[i].get(), node.edge().size()); !wrong.empty()) {
      return name(node) + " has a part of group " + std::to_string(i) + " that " + wrong;
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
    const Parts& parts = NodeSnapshot::of(*node).parts();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i] == nullptr) continue;
      // A whole state is of one offset of one path. Segments are shared by nodes.
      const std::size_t before = allocations.size();
      parts[i]->visit_allocations(count);
      if (keeps_whole_states(*impl_->groups[i]) && allocations.size() == before) {
        return name(*node) + " has the " + std::string(impl_->groups[i]->kind()) + " state of another node";
      }
    }
  }
  for (const Session::Impl* session : impl_->open) {
    for (const auto& state : session->states) state->visit_allocations(count);
  }
  if (impl_->lower != nullptr) {
    if (std::string wrong = impl_->lower->check(); !wrong.empty()) return wrong;
    impl_->lower->visit_allocations(count);
  }
  if (budget().overhead() != impl_->own_bytes()) {
    return "the tries take " + std::to_string(impl_->own_bytes()) + " bytes, and the budget counts " +
           std::to_string(budget().overhead());
  }
  std::size_t reached = other_bytes;
  for (const auto& [id, bytes] : allocations) reached += bytes;
  // What is being stored may hold on to what the trie has evicted.
  const bool may_be_more = impl_->lower != nullptr && impl_->lower->is_storing();
  if (may_be_more ? reached > budget().charged() : reached != budget().charged()) {
    return "the budget has given out " + std::to_string(budget().charged()) + " bytes and " +
           std::to_string(reached) + " are accounted for";
  }
  return {};
}

}  // namespace banyan
