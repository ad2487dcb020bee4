/// Blocks of a lower tier that is a map, and what groups store in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "banyan/state.h"

namespace banyan::test {

/// Must outlive the blocks.
class Blocks {
 public:
  /// Keeps a block until its last owner lets go.
  std::shared_ptr<StoredBlock> write(std::size_t bytes,
                                     const std::function<void(std::span<std::byte>)>& fill);
  /// Gives each block to what takes it.
  void take(std::span<const LoadingState::Block> wanted) const;
  std::size_t count() const { return payloads_.size(); }

 private:
  class Block;
  std::map<std::uint64_t, std::vector<std::byte>> payloads_;
  std::uint64_t last_ = 0;
};

/// The nodes of a path, with parts of one group.
struct Nodes {
  struct Node {
    std::unique_ptr<StatePart> part;
    std::size_t start = 0;
    std::size_t end = 0;
  };
  std::vector<Node> nodes;

  std::vector<PathPart> parts() const;
  /// Cuts the node that `offset` lies in; nothing if a node ends there.
  void split(std::size_t offset);
  /// Joins a node with the one before it.
  void merge(std::size_t node);
};

/// What the nodes of a path that ends at these offsets would own.
Nodes nodes_of(const LiveState& state, std::span<const std::size_t> ends);

/// What a group stores of a part in memory, in blocks of at most `most_tokens`; null of null.
std::unique_ptr<StatePart> store_in(Blocks& blocks, const LayerGroup& group, const StatePart* part,
                                    std::size_t length, std::size_t most_tokens);
Nodes store_in(Blocks& blocks, const LayerGroup& group, const Nodes& path, std::size_t most_tokens);

}  // namespace banyan::test
