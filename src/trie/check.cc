#include <string>
#include <vector>

#include "banyan/trie.h"

namespace banyan {
namespace {

std::string describe(const Node& node) {
  return "node [" + std::to_string(node.start()) + ", " + std::to_string(node.end()) + ")";
}

std::string compare(const char* what, std::size_t counter, std::size_t sum) {
  if (counter == sum) return {};
  return std::string("the counter of ") + what + " says " + std::to_string(counter) +
         "; the nodes add up to " + std::to_string(sum);
}

}  // namespace

std::string Trie::check() const {
  if (root_->parent_ != nullptr || !root_->edge_.empty() || root_->end_ != 0) {
    return "the root is not an empty node without parent";
  }
  std::size_t nodes = 0;
  std::size_t tokens = 0;
  std::size_t bytes = 0;
  std::vector<const Node*> pending = {root_.get()};
  while (!pending.empty()) {
    const Node* const node = pending.back();
    pending.pop_back();
    ++nodes;
    tokens += node->edge_.size();
    if (node->snapshot_ != nullptr) bytes += node->snapshot_->bytes();

    std::size_t uses = node->tips_;
    for (const auto& [first, owned] : node->children_) {
      const Node* const child = owned.get();
      if (child == nullptr) return describe(*node) + " has an entry for a child but no child";
      if (child->edge_.empty()) return "a child of " + describe(*node) + " has an empty edge";
      if (child->edge_.front() != first) {
        return describe(*child) + " begins with token " + std::to_string(child->edge_.front()) +
               " but is listed under " + std::to_string(first);
      }
      if (child->parent_ != node)
        return describe(*child) + " does not point to its parent " + describe(*node);
      if (child->start() != node->end_) {
        return describe(*child) + " does not start where its parent " + describe(*node) + " ends";
      }
      uses += child->uses_;
      pending.push_back(child);
    }
    if (node->uses_ != uses) {
      return describe(*node) + " counts " + std::to_string(node->uses_) +
             " uses; its sessions and children have " + std::to_string(uses);
    }
  }
  for (const std::string& wrong : {compare("nodes", nodes_, nodes), compare("tokens", tokens_, tokens),
                                   compare("snapshot bytes", bytes_, bytes)}) {
    if (!wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace banyan
