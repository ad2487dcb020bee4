/// What a node of the trie owns of a group of recurrent layers: the state at the end of its edge.
#pragma once

#include <memory>
#include <utility>

#include "banyan/recurrent_state.h"
#include "banyan/state.h"

namespace banyan {

class RecurrentPart final : public StatePart {
 public:
  explicit RecurrentPart(std::shared_ptr<const StateBlock> block) : block_(std::move(block)) {}

  std::size_t bytes() const override { return block_->bytes(); }
  std::unique_ptr<StatePart> split_front(std::size_t) override { return nullptr; }
  void merge_front(std::unique_ptr<StatePart>) override {}
  bool merges_freely(const StatePart&) const override { return false; }
  /// Both are the state after the same tokens.
  void complete(std::unique_ptr<StatePart>) override {}
  void visit_allocations(const AllocationVisitor& visit) const override {
    visit(block_->id(), block_->bytes());
  }

  const std::shared_ptr<const StateBlock>& block() const { return block_; }

 private:
  std::shared_ptr<const StateBlock> block_;
};

}  // namespace banyan
