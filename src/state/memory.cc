#include "state/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Pieces of this size and more are mappings of their own. Between them the allocator's heap would keep holes
// as large as what was freed, and the process more than its budget.
constexpr std::size_t kMapped = std::size_t{64} << 10;

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

std::byte* map(std::size_t bytes) {
  void* mapped =
      mmap(nullptr, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
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

std::byte* allocate_aligned(std::size_t bytes) {
  if (bytes >= kHugePage) return map_huge(bytes);
  if (bytes >= kMapped) return map(bytes);
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
  if (bytes >= kMapped) {
    munmap(data, whole_pages(bytes));
  } else {
    ::operator delete(data, std::align_val_t(kCacheLine));
  }
}

}  // namespace banyan
