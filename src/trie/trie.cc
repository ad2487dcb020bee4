#include "banyan/trie.h"

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "base/common_prefix.h"

namespace banyan {
namespace {

std::size_t bytes_of(const Snapshot* snapshot) { return snapshot == nullptr ? 0 : snapshot->bytes(); }

}  // namespace

Node* Node::child(Token first) const {
  const auto found = children_.find(first);
  return found == children_.end() ? nullptr : found->second.get();
}

Node* Node::only_child() const {
  require(children_.size() == 1, "Node::only_child: the node must have exactly one child");
  return children_.begin()->second.get();
}

Node* Node::any_child() const {
  require(!children_.empty(), "Node::any_child: the node has none");
  return children_.begin()->second.get();
}

std::vector<Node*> Node::children() const {
  std::vector<Node*> all;
  all.reserve(children_.size());
  for (const auto& [first, child] : children_) all.push_back(child.get());
  return all;
}

Trie::Trie() : root_(std::make_unique<Node>()) {}

// Leaves first: to let each node destroy its children would recurse as deep as the trie.
Trie::~Trie() {
  Node* node = root_.get();
  while (node != nullptr) {
    if (!node->children_.empty()) {
      node = node->children_.begin()->second.get();
    } else {
      node = node->parent_;
      if (node != nullptr) node->children_.erase(node->children_.begin());
    }
  }
}

std::unique_ptr<Node>& Trie::owner_of(Node* node) {
  return node->parent_->children_.find(node->edge_.front())->second;
}

Match Trie::match(TokenSpan tokens) const {
  Match match{.path = {root_.get()}};
  while (match.length < tokens.size()) {
    Node* next = match.path.back()->child(tokens[match.length]);
    if (next == nullptr) break;
    match.path.push_back(next);
    match.length += common_prefix(next->edge_, tokens.subspan(match.length));
    if (match.length < next->end_) break;
  }
  return match;
}

Node* Trie::append(Node* node, TokenSpan tokens) {
  require(!tokens.empty(), "Trie::append: there must be tokens");
  require(node->child(tokens[0]) == nullptr, "Trie::append: a child begins with the first token already");
  const bool in_place = node->is_leaf() && !node->is_root() && node->snapshot_ == nullptr &&
                        !node->user_mark_ && node->uses_ == 0;
  if (in_place) {
    node->edge_.insert(node->edge_.end(), tokens.begin(), tokens.end());
    node->end_ += tokens.size();
    tokens_ += tokens.size();
    return node;
  }
  auto made = std::make_unique<Node>();
  made->edge_.assign(tokens.begin(), tokens.end());
  made->end_ = node->end_ + tokens.size();
  made->parent_ = node;
  made->last_use_ = node->last_use_;
  Node* const child = made.get();
  node->children_.emplace(tokens[0], std::move(made));
  ++nodes_;
  tokens_ += tokens.size();
  return child;
}

Node* Trie::split(Node* node, std::size_t offset) {
  require(node->start() < offset && offset < node->end_, "Trie::split: the offset must lie inside the edge");
  const auto cut = node->edge_.begin() + static_cast<std::ptrdiff_t>(offset - node->start());

  // All that can throw comes first, and the snapshot, which is then changed, last of it.
  std::vector<Token> back(cut, node->edge_.end());
  auto made = std::make_unique<Node>();
  made->edge_.assign(node->edge_.begin(), cut);
  made->end_ = offset;
  made->parent_ = node->parent_;
  made->last_use_ = node->last_use_;
  made->uses_ = node->uses_;
  std::unique_ptr<Node>& below = made->children_[back.front()];
  if (node->snapshot_ != nullptr) {
    const std::size_t before = node->snapshot_->bytes();
    made->snapshot_ = node->snapshot_->split_front(offset - node->start());
    bytes_ += bytes_of(node->snapshot_.get()) + bytes_of(made->snapshot_.get()) - before;
  }

  std::unique_ptr<Node>& owner = owner_of(node);
  below = std::move(owner);
  owner = std::move(made);
  node->parent_ = owner.get();
  node->edge_ = std::move(back);
  ++nodes_;
  return owner.get();
}

Node* Trie::merge_with_child(Node* node) {
  require(!node->is_root(), "Trie::merge_with_child: the root cannot be merged");
  require(node->children_.size() == 1, "Trie::merge_with_child: the node must have exactly one child");
  Node* const child = node->only_child();
  require(node->uses_ == child->uses_, "Trie::merge_with_child: a session ends at the node");

  std::vector<Token> joined;
  joined.reserve(node->edge_.size() + child->edge_.size());
  joined.insert(joined.end(), node->edge_.begin(), node->edge_.end());
  joined.insert(joined.end(), child->edge_.begin(), child->edge_.end());
  if (child->snapshot_ != nullptr) {
    const std::size_t before = child->snapshot_->bytes();
    child->snapshot_->merge_front(node->snapshot());
    bytes_ += child->snapshot_->bytes() - before;
  }
  bytes_ -= bytes_of(node->snapshot());

  child->edge_ = std::move(joined);
  child->last_use_ = std::max(child->last_use_, node->last_use_);
  child->parent_ = node->parent_;
  std::unique_ptr<Node>& owner = owner_of(node);
  std::unique_ptr<Node> survivor = std::move(node->children_.begin()->second);
  owner = std::move(survivor);
  --nodes_;
  return child;
}

void Trie::shorten(Node* node, std::size_t end) {
  require(node->is_leaf(), "Trie::shorten: the node has children");
  require(node->uses_ == 0, "Trie::shorten: the node is in use");
  require(node->start() < end && end < node->end_, "Trie::shorten: the offset must lie inside the edge");
  const std::size_t length = end - node->start();
  tokens_ -= node->end_ - end;
  if (node->snapshot_ != nullptr) {
    bytes_ -= node->snapshot_->bytes();
    node->snapshot_->shorten(length);
    bytes_ += node->snapshot_->bytes();
  }
  node->edge_.resize(length);
  node->end_ = end;
  node->user_mark_ = false;
  if (length > node->edge_.capacity() / 2) return;
  try {
    node->edge_.shrink_to_fit();
  } catch (const std::bad_alloc&) {
    // Then the edge keeps its memory until the next time.
  }
}

void Trie::remove(Node* node) {
  require(!node->is_root(), "Trie::remove: the root cannot be removed");
  require(node->is_leaf(), "Trie::remove: the node has children");
  require(node->uses_ == 0, "Trie::remove: the node is in use");
  --nodes_;
  tokens_ -= node->edge_.size();
  bytes_ -= bytes_of(node->snapshot());
  const Token first = node->edge_.front();
  node->parent_->children_.erase(first);
}

void Trie::walk(const std::function<bool(Node&)>& visit) const {
  std::vector<Node*> pending = {root_.get()};
  while (!pending.empty()) {
    Node* const node = pending.back();
    pending.pop_back();
    if (!visit(*node)) return;
    std::vector<Node*> children = node->children();
    std::ranges::sort(children, std::greater(), [](const Node* child) { return child->edge_.front(); });
    pending.insert(pending.end(), children.begin(), children.end());
  }
}

void Trie::set_snapshot(Node* node, std::unique_ptr<Snapshot> snapshot) {
  bytes_ += bytes_of(snapshot.get()) - bytes_of(node->snapshot());
  node->snapshot_ = std::move(snapshot);
}

std::unique_ptr<Snapshot> Trie::take_snapshot(Node* node) {
  bytes_ -= bytes_of(node->snapshot());
  return std::move(node->snapshot_);
}

void Trie::acquire(Node* node) {
  ++node->tips_;
  for (; node != nullptr; node = node->parent_) ++node->uses_;
}

void Trie::release(Node* node) {
  require(node->tips_ > 0, "Trie::release: no session's path ends at the node");
  --node->tips_;
  for (; node != nullptr; node = node->parent_) --node->uses_;
}

}  // namespace banyan
