#include "banyan/segment.h"

#include <algorithm>
#include <utility>

#include "state/memory.h"

namespace banyan {

Result<std::shared_ptr<Segment>> Segment::create(const KvLayout& layout, int capacity, Budget& budget) {
  require(capacity > 0 && capacity % KvLayout::kTile == 0, "Segment::create: capacity is not whole tiles");
  auto memory = allocate(layout.segment_bytes(capacity), "keys and values", budget);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return std::shared_ptr<Segment>(new Segment(capacity, memory->data, std::move(memory->charge)));
}

std::shared_ptr<Segment> Segment::stored(std::shared_ptr<StoredBlock> block, int tokens) {
  require(block != nullptr && tokens > 0, "Segment::stored: no tokens");
  return std::shared_ptr<Segment>(new Segment(std::move(block), tokens));
}

Segment::Segment(int capacity, std::byte* data, Charge charge)
    : capacity_(capacity), data_(data), charge_(std::move(charge)) {}

Segment::Segment(std::shared_ptr<StoredBlock> block, int tokens)
    : capacity_(tokens), used_(tokens), block_(std::move(block)) {}

Segment::~Segment() {
  if (data_ != nullptr) release(data_, charge_.bytes());
}

int Segment::claim(int from, int count) {
  if (from != used_) return 0;
  const int claimed = std::min(count, capacity_ - used_);
  used_ += claimed;
  return claimed;
}

void Segment::unclaim(int from, int until) {
  if (until == used_) used_ = from;
}

}  // namespace banyan
