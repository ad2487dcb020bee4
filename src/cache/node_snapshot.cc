#include "cache/node_snapshot.h"

#include <algorithm>
#include <utility>

namespace banyan {

std::size_t NodeSnapshot::bytes() const {
  std::size_t sum = 0;
  for (const auto& part : parts_) {
    if (part != nullptr) sum += part->bytes();
  }
  return sum;
}

std::unique_ptr<Snapshot> NodeSnapshot::split_front(std::size_t at) {
  Parts front(parts_.size());
  Parts back(parts_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] == nullptr) continue;
    StatePart::Halves halves = parts_[i]->split(at);
    front[i] = std::move(halves.front);
    back[i] = std::move(halves.back);
  }
  auto snapshot = std::make_unique<NodeSnapshot>(std::move(front));
  snapshot->record = record;
  parts_ = std::move(back);
  return snapshot;
}

void NodeSnapshot::merge_front(const Snapshot* parent) {
  const Parts& front = static_cast<const NodeSnapshot&>(*parent).parts_;
  Parts joined(parts_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] != nullptr) joined[i] = parts_[i]->joined(front[i].get());
  }
  parts_ = std::move(joined);
}

void NodeSnapshot::shorten(std::size_t length) {
  for (const auto& part : parts_) {
    if (part != nullptr) part->shorten(length);
  }
}

std::size_t NodeSnapshot::tail(std::size_t bytes) const {
  // The shortest tail of which one group alone frees as much.
  std::size_t begin = 0;
  for (const auto& part : parts_) {
    if (part != nullptr) begin = std::max(begin, part->tail(bytes));
  }
  return begin;
}

void NodeSnapshot::complete(Parts parts) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] != nullptr && parts[i] != nullptr) parts[i] = parts_[i]->completed(*parts[i]);
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts[i] != nullptr) parts_[i] = std::move(parts[i]);
  }
}

bool NodeSnapshot::merges_freely(const NodeSnapshot& child) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] == nullptr) continue;
    if (child.parts_[i] == nullptr || !parts_[i]->merges_freely(*child.parts_[i])) return false;
  }
  return true;
}

}  // namespace banyan
