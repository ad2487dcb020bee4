#include "banyan/recurrent_state.h"

#include <algorithm>
#include <format>
#include <utility>

#include "state/memory.h"
#include "state/recurrent_part.h"

namespace banyan {

Result<std::shared_ptr<StateBlock>> StateBlock::create(const RecurrentLayout& layout, Budget& budget) {
  // Made first: should the system have no memory for it, nothing is lost.
  std::shared_ptr<StateBlock> block(new StateBlock);
  auto memory = allocate(layout.bytes(), "recurrent states", budget);
  if (!memory) return std::unexpected(std::move(memory.error()));
  block->data_ = reinterpret_cast<float*>(memory->data);
  block->charge_ = std::move(memory->charge);
  return block;
}

std::shared_ptr<StateBlock> StateBlock::stored(std::shared_ptr<StoredBlock> block) {
  require(block != nullptr, "StateBlock::stored: no block");
  return std::shared_ptr<StateBlock>(new StateBlock(std::move(block)));
}

StateBlock::StateBlock(std::shared_ptr<StoredBlock> block) : block_(std::move(block)) {}

StateBlock::~StateBlock() {
  if (data_ != nullptr) release(reinterpret_cast<std::byte*>(data_), charge_.bytes());
}

RecurrentState::RecurrentState(const RecurrentLayout& layout, Budget& budget, std::size_t tokens,
                               std::shared_ptr<const StateBlock> block)
    : layout_(layout), budget_(&budget), tokens_(tokens), reserved_end_(tokens), current_(std::move(block)) {}

std::vector<std::size_t> RecurrentState::piece_ends(std::size_t end) const {
  if (end == tokens_) return {};
  std::vector<std::size_t> ends(scheduled_.upper_bound(tokens_), scheduled_.lower_bound(end));
  ends.push_back(end);
  return ends;
}

Result<> RecurrentState::reserve(std::size_t count) {
  if (count == 0) return {};
  while (blank_.empty()) {
    auto block = StateBlock::create(layout_, *budget_);
    if (block) {
      blank_.push_back(std::move(*block));
    } else if (!captured_.empty()) {
      captured_.erase(captured_.begin());
    } else {
      return std::unexpected(std::move(block.error()));
    }
  }
  reserved_end_ += count;
  make_room_for_captures();
  return {};
}

void RecurrentState::schedule_capture(std::size_t offset) {
  require(offset > tokens_, "RecurrentState::schedule_capture: seen already");
  scheduled_.insert(offset);
  make_room_for_captures();
}

void RecurrentState::make_room_for_captures() {
  while (blank_.size() < piece_ends(reserved_end_).size()) {
    if (auto block = StateBlock::create(layout_, *budget_)) {
      blank_.push_back(std::move(*block));
    } else {
      scheduled_.erase(scheduled_.upper_bound(tokens_));
    }
  }
}

std::vector<RecurrentState::Piece> RecurrentState::plan(int rows) {
  planned_ends_ = piece_ends(tokens_ + rows);
  std::vector<Piece> pieces;
  std::size_t start = tokens_;
  const StateBlock* from = current_.get();
  for (std::size_t i = 0; i < planned_ends_.size(); ++i) {
    const StateBlock& to = *blank_[i];
    pieces.push_back({static_cast<int>(planned_ends_[i] - start), from ? from->data() : nullptr, to.data()});
    start = planned_ends_[i];
    from = &to;
  }
  return pieces;
}

void RecurrentState::commit(std::size_t count) {
  require(count <= reserved_end_ - tokens_, "RecurrentState::commit: more than was reserved");
  require(count == 0 || (!planned_ends_.empty() && planned_ends_.back() == tokens_ + count),
          "RecurrentState::commit: not what the step computed");
  if (reserved_end_ == tokens_) return;

  const std::vector<std::shared_ptr<StateBlock>> written = std::exchange(blank_, {});
  const std::vector<std::size_t> ends = std::exchange(planned_ends_, {});
  reserved_end_ = tokens_ + count;
  if (count == 0) return;

  // What a part holds already is in the part's hands.
  std::erase_if(captured_, [](const auto& capture) { return capture.second.use_count() > 1; });
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) captured_.emplace(ends[i], written[i]);
  const std::shared_ptr<const StateBlock> before = std::exchange(current_, written[ends.size() - 1]);
  if (before.use_count() == 1) {
    if (scheduled_.contains(tokens_)) {
      captured_.emplace(tokens_, before);
    } else {
      blank_.push_back(std::const_pointer_cast<StateBlock>(before));
    }
  }
  tokens_ += count;
  scheduled_.erase(scheduled_.begin(), scheduled_.lower_bound(tokens_));
}

std::unique_ptr<StatePart> RecurrentState::snapshot(std::size_t from, std::size_t to) const {
  require(from < to && to <= tokens_, "RecurrentState::snapshot: outside what the state has seen");
  if (to == tokens_) return std::make_unique<RecurrentPart>(current_);
  const auto capture = captured_.find(to);
  return capture == captured_.end() ? nullptr : std::make_unique<RecurrentPart>(capture->second);
}

void RecurrentState::visit_allocations(const AllocationVisitor& visit) const {
  if (current_ != nullptr) visit(current_.get(), current_->bytes());
  for (const auto& block : blank_) visit(block.get(), block->bytes());
  for (const auto& [offset, block] : captured_) visit(block.get(), block->bytes());
}

RecurrentGroup::RecurrentGroup(const RecurrentLayout& layout) : layout_(layout) {
  require(layout.layers > 0 && layout.conv_taps > 0 && layout.conv_channels > 0 && layout.value_heads > 0 &&
              layout.value_dim > 0 && layout.key_dim > 0,
          "RecurrentGroup: a layout without size");
  require(layout.conv_taps <= RecurrentLayout::kMostTaps, "RecurrentGroup: the convolution is too long");
}

std::string RecurrentGroup::description() const {
  return std::format("recurrent: {} layers, {} taps of {}, {} heads, keys {}, values {}", layout_.layers,
                     layout_.conv_taps, layout_.conv_channels, layout_.value_heads, layout_.key_dim,
                     layout_.value_dim);
}

// A step reads one block and writes another.
std::size_t RecurrentGroup::least_bytes(std::size_t tokens) const {
  return tokens == 0 ? 0 : (tokens == 1 ? 1 : 2) * layout_.bytes();
}

std::size_t RecurrentGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  std::size_t offset = 0;
  for (const PathPart& node : path) {
    if (node.part != nullptr && node.end <= limit) offset = node.end;
  }
  return offset;
}

std::unique_ptr<LiveState> RecurrentGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                                  Budget& budget) const {
  if (offset == 0) return std::make_unique<RecurrentState>(layout_, budget);
  const auto node = std::ranges::find(path, offset, &PathPart::end);
  require(node != path.end() && node->part != nullptr, "RecurrentGroup::resume: no state was kept there");
  return std::make_unique<RecurrentState>(layout_, budget, offset,
                                          static_cast<const RecurrentPart*>(node->part)->block());
}

std::string RecurrentGroup::check(const StatePart* part, std::size_t) const {
  return part == nullptr || part->bytes() == layout_.bytes() ? "" : "is not a whole state";
}

}  // namespace banyan
