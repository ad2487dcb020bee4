/// Attention states, with or without a window, whose contents tests can tell.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "banyan/attention_batch.h"
#include "banyan/state.h"

namespace banyan::test {

/// Small, with dims that are no multiple of a vector.
inline constexpr KvLayout kLayout{
    .layers = 2, .kv_heads = 2, .key_dim = 20, .value_dim = 12, .type = KvType::f16};

/// What the states of a group are like.
struct Kind {
  KvLayout layout = kLayout;
  int window = 0;  ///< 0: full attention
};

/// Names of tokens: what their keys and values are made of.
using Names = std::vector<std::uint64_t>;

/// A state, or what is stored of one, and the tokens that it should remember.
struct LivePath {
  std::unique_ptr<LiveState> state;
  Names names;

  int window() const;
  const SegmentPath& path() const;
};
struct StoredPath {
  struct Node {
    std::unique_ptr<StatePart> part;
    std::size_t start = 0;
    std::size_t end = 0;
  };
  std::vector<Node> nodes;
  Names names;

  std::vector<PathPart> parts() const;
};

/// New tokens of a path, of which the first `kept` are committed.
struct Step {
  LivePath* path = nullptr;
  Names added;
  std::size_t kept = 0;
};

/// Evaluates new tokens of some paths together, as a model would: writes their keys and values,
/// attends, compares every row with the textbook, and commits. What is added is reserved. Returns
/// how many tokens' keys attention read in a layer.
std::size_t evaluate(std::span<const Step> steps, Budget& budget);
/// Reserves and evaluates new tokens of one path.
void extend(LivePath& path, const Names& added, Budget& budget);

/// `count` names that no one else has.
Names new_names(std::size_t count);

std::unique_ptr<LayerGroup> make_group(const Kind& kind);
LivePath start(Budget& budget, const Kind& kind = {});
/// A state resumed at `offset` of a stored path.
LivePath resume(const StoredPath& path, std::size_t offset, Budget& budget, const Kind& kind = {});
/// What the nodes of a path that ends at these offsets would own.
StoredPath store(const LivePath& path, std::span<const std::size_t> ends);

}  // namespace banyan::test
