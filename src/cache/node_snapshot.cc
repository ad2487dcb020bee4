#include "cache/node_snapshot.h"

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
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] != nullptr) front[i] = parts_[i]->split_front(at);
  }
  auto snapshot = std::make_unique<NodeSnapshot>(std::move(front));
  snapshot->record = record;
  return snapshot;
}

void NodeSnapshot::merge_front(std::unique_ptr<Snapshot> parent) {
  Parts& front = static_cast<NodeSnapshot&>(*parent).parts_;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] != nullptr) parts_[i]->merge_front(std::move(front[i]));
  }
}

void NodeSnapshot::complete(Parts parts) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts[i] == nullptr) continue;
    if (parts_[i] == nullptr) {
      parts_[i] = std::move(parts[i]);
    } else {
      parts_[i]->complete(std::move(parts[i]));
    }
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
