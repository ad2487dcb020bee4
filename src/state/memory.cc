#include "state/memory.h"

#include <new>
#include <string>
#include <utility>

#include "state/slab_heap.h"

namespace banyan {
namespace {

constexpr std::size_t kCacheLine = 64;
// Blocks of this size and more lie in slabs. Between them the allocator's heap would keep holes as large as
// what was freed, and the process more than its budget.
constexpr std::size_t kLarge = std::size_t{64} << 10;
// With slabs of these sizes four terabytes take at most half of the 65,530 mappings that Linux allows.
constexpr std::size_t kSlab = std::size_t{64} << 20;
constexpr std::size_t kHugeSlab = std::size_t{512} << 20;

// Of all memory in the process. They are never destroyed, as states may live as long as the process.
SlabHeap& heap_for(std::size_t bytes) {
  static SlabHeap* const small_pages = new SlabHeap(kSlab, false);
  static SlabHeap* const huge_pages = new SlabHeap(kHugeSlab, true);
  return bytes < SlabHeap::kHugePage ? *small_pages : *huge_pages;
}

std::byte* allocate_aligned(std::size_t bytes) {
  if (bytes >= kLarge) return heap_for(bytes).allocate(bytes);
  return static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kCacheLine), std::nothrow));
}

}  // namespace

Result<Memory> allocate(std::size_t bytes, const char* what, Budget& budget) {
  auto charge = budget.take(bytes, what);
  if (!charge) return std::unexpected(std::move(charge.error()));
  std::byte* data = allocate_aligned(bytes);
  while (data == nullptr && budget.reclaim(bytes)) data = allocate_aligned(bytes);
  if (data == nullptr) {
    return fail(Errc::out_of_memory,
                std::string(what) + " need " + std::to_string(bytes) + " bytes, which the system refuses");
  }
  return Memory{data, std::move(*charge)};
}

void release(std::byte* data, std::size_t bytes) {
  if (bytes >= kLarge) {
    heap_for(bytes).release(data, bytes);
  } else {
    ::operator delete(data, std::align_val_t(kCacheLine));
  }
}

}  // namespace banyan
