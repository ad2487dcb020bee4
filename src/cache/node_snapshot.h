/// What a node of the cache's trie owns: a part for each layer group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "banyan/state.h"
#include "banyan/trie.h"

namespace banyan {

using Groups = std::vector<std::unique_ptr<LayerGroup>>;

/// One part for each layer group of the cache, in its order; null where the group keeps nothing.
using Parts = std::vector<std::unique_ptr<StatePart>>;

/// Every node of the cache but the root owns one, perhaps with null parts only.
class NodeSnapshot final : public Snapshot {
 public:
  explicit NodeSnapshot(Parts parts) : parts_(std::move(parts)) {}

  std::size_t bytes() const override;
  std::unique_ptr<Snapshot> split_front(std::size_t at) override;
  /// A group that has nothing here loses what the parent has: a part must span its edge.
  void merge_front(const Snapshot* parent) override;
  void shorten(std::size_t length) override;

  const Parts& parts() const { return parts_; }
  /// Puts another part in the place of one.
  void replace(std::size_t group, std::unique_ptr<StatePart> part) { parts_[group] = std::move(part); }
  /// Takes over what its parts lack from those of `parts` that are not null. What throws changes nothing.
  void complete(Parts parts);
  /// Where in the edge the shortest tail begins that frees at least `bytes`; 0 where only all of it does.
  std::size_t tail(std::size_t bytes) const;
  /// Whether joining this one in front of `child` loses no offset to resume at.
  bool merges_freely(const NodeSnapshot& child) const;

  static const NodeSnapshot& of(const Node& node) {
    return static_cast<const NodeSnapshot&>(*node.snapshot());
  }

  /// In the index of a lower tier: a record whose path goes through the node's end.
  std::uint64_t record = 0;

 private:
  Parts parts_;
};

}  // namespace banyan
