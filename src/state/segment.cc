#include "banyan/segment.h"

#include <algorithm>
#include <utility>

#include "state/memory.h"

namespace banyan {

Result<std::shared_ptr<Segment>> Segment::create(const KvLayout& layout, int capacity, Budget& budget) {
  require(capacity > 0 && capacity % KvLayout::kTile == 0, "Segment::create: capacity is not whole tiles");
  // Made first: should the system have no memory for it, nothing is lost.
  std::shared_ptr<Segment> segment(new Segment(capacity));
  auto memory = allocate(layout.segment_bytes(capacity), "keys and values", budget);
  if (!memory) return std::unexpected(std::move(memory.error()));
  segment->data_ = memory->data;
  segment->charge_ = std::move(memory->charge);
  return segment;
}

std::shared_ptr<Segment> Segment::stored(std::shared_ptr<StoredBlock> block, int tokens) {
  require(block != nullptr && tokens > 0, "Segment::stored: no tokens");
  return std::shared_ptr<Segment>(new Segment(std::move(block), tokens));
}

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
