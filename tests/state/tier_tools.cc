#include "state/tier_tools.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "state/parts.h"

namespace banyan::test {

class Blocks::Block final : public StoredBlock {
 public:
  // A tier takes more than the payload.
  Block(Blocks& all, std::uint64_t id, std::size_t bytes) : StoredBlock(id, bytes + 64), all_(all) {}
  ~Block() override { all_.payloads_.erase(id()); }

 private:
  Blocks& all_;
};

std::shared_ptr<StoredBlock> Blocks::write(std::size_t bytes,
                                           const std::function<void(std::span<std::byte>)>& fill) {
  std::vector<std::byte>& payload = payloads_[++last_];
  payload.resize(bytes);
  fill(payload);
  return std::make_shared<Block>(*this, last_, bytes);
}

void Blocks::take(std::span<const LoadingState::Block> wanted) const {
  for (const LoadingState::Block& block : wanted) {
    const std::vector<std::byte>& payload = payloads_.at(block.block->id());
    EXPECT_EQ(block.bytes, payload.size());
    block.take(payload);
  }
}

std::vector<PathPart> Nodes::parts() const {
  std::vector<PathPart> parts;
  for (const Node& node : nodes) parts.push_back({node.part.get(), node.start, node.end});
  return parts;
}

void Nodes::split(std::size_t offset) {
  const auto node = std::ranges::upper_bound(nodes, offset, {}, &Node::end);
  if (node == nodes.end() || node->start == offset) return;
  Node front{nullptr, std::exchange(node->start, offset), offset};
  if (node->part != nullptr) front.part = split_front(node->part, offset - front.start);
  nodes.insert(node, std::move(front));
}

void Nodes::merge(std::size_t node) {
  Node& front = nodes[node - 1];
  nodes[node].start = front.start;
  if (nodes[node].part != nullptr) merge_front(nodes[node].part, std::move(front.part));
  nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(node) - 1);
}

Nodes nodes_of(const LiveState& state, std::span<const std::size_t> ends) {
  Nodes path;
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    path.nodes.push_back({state.snapshot(from, end), from, end});
    from = end;
  }
  return path;
}

std::unique_ptr<StatePart> store_in(Blocks& blocks, const LayerGroup& group, const StatePart* part,
                                    std::size_t length, std::size_t most_tokens) {
  if (part == nullptr) return nullptr;
  std::vector<StoredRun> runs;
  for (EdgeRange range : group.ranges(*part, length)) {
    do {
      const EdgeRange run{range.begin, std::min(range.end, range.begin + most_tokens)};
      const std::size_t tokens = run.end - run.begin;
      auto block = blocks.write(group.block_bytes(tokens), group.writer(*part, run));
      runs.push_back({run, std::move(block), 0, static_cast<int>(tokens)});
      range.begin = run.end;
    } while (range.begin < range.end);
  }
  return group.stored_part(length, runs);
}

Nodes store_in(Blocks& blocks, const LayerGroup& group, const Nodes& path, std::size_t most_tokens) {
  Nodes stored;
  for (const auto& [part, start, end] : path.nodes) {
    stored.nodes.push_back({store_in(blocks, group, part.get(), end - start, most_tokens), start, end});
  }
  return stored;
}

}  // namespace banyan::test
