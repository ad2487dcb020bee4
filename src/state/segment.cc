#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "banyan/attention_state.h"

namespace banyan {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// A mapping of its own, which goes back to the system when it is freed, aligned for huge pages.
std::byte* map_huge(std::size_t bytes) {
  const std::size_t length = whole_pages(bytes);
  void* mapped =
      mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(mapped);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(start) % kHugePage;
  if (before > 0) munmap(start, before);
  munmap(start + before + length, kHugePage - before);
  madvise(start + before, length, MADV_HUGEPAGE);
  return start + before;
}

std::byte* allocate(std::size_t bytes) {
  if (bytes >= kHugePage) return map_huge(bytes);
  return static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kCacheLine), std::nothrow));
}

void release(std::byte* data, std::size_t bytes) {
  if (bytes >= kHugePage) {
    munmap(data, whole_pages(bytes));
  } else {
    ::operator delete(data, std::align_val_t(kCacheLine));
  }
}

}  // namespace

Result<std::shared_ptr<Segment>> Segment::create(const KvLayout& layout, int capacity, Budget& budget) {
  require(capacity > 0 && capacity % KvLayout::kTile == 0, "Segment::create: capacity is not whole tiles");
  const std::size_t bytes = layout.segment_bytes(capacity);
  auto charge = budget.take(bytes, "keys and values");
  if (!charge) return std::unexpected(std::move(charge.error()));
  std::byte* data = allocate(bytes);
  while (data == nullptr && budget.reclaim(bytes)) data = allocate(bytes);
  if (data == nullptr) {
    return fail(Errc::out_of_memory,
                "keys and values need " + std::to_string(bytes) + " bytes, which the system refuses");
  }
  return std::shared_ptr<Segment>(new Segment(capacity, data, std::move(*charge)));
}

Segment::Segment(int capacity, std::byte* data, Charge charge)
    : capacity_(capacity), data_(data), charge_(std::move(charge)) {}

Segment::~Segment() { release(data_, charge_.bytes()); }

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
