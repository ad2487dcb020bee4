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
  Halves split(std::size_t) const override { return {nullptr, copy()}; }
  std::unique_ptr<StatePart> joined(const StatePart*) const override { return copy(); }
  bool merges_freely(const StatePart&) const override { return false; }
  /// Both are the state after the same tokens.
  std::unique_ptr<StatePart> completed(const StatePart&) const override { return copy(); }
  void visit_allocations(const AllocationVisitor& visit) const override {
    visit(block_->id(), block_->bytes());
  }

  const std::shared_ptr<const StateBlock>& block() const { return block_; }

 private:
  std::unique_ptr<StatePart> copy() const { return std::make_unique<RecurrentPart>(*this); }

  std::shared_ptr<const StateBlock> block_;
};

}  // namespace banyan
