#include "state/slab_heap.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <new>
#include <utility>

#include "banyan/base.h"

namespace banyan {
namespace {

constexpr std::size_t kBits = 64;

}  // namespace

std::size_t SlabHeap::Slab::next(std::size_t from, bool is_taken) const {
  while (from < pages) {
    const std::uint64_t bits = (is_taken ? taken[from / kBits] : ~taken[from / kBits]) >> (from % kBits);
    if (bits != 0) return std::min(from + static_cast<std::size_t>(std::countr_zero(bits)), pages);
    from = (from / kBits + 1) * kBits;
  }
  return pages;
}

std::size_t SlabHeap::Slab::find(std::size_t count) {
  if (longest_run < count) return pages;
  std::size_t longest = 0;
  for (std::size_t begin = next(0, false); begin < pages;) {
    const std::size_t end = next(begin, true);
    if (end - begin >= count) return begin;
    longest = std::max(longest, end - begin);
    begin = next(end, false);
  }
  longest_run = longest;
  return pages;
}

void SlabHeap::Slab::mark(std::size_t begin, std::size_t end, bool is_taken) {
  taken_pages = is_taken ? taken_pages + (end - begin) : taken_pages - (end - begin);
  while (begin < end) {
    const std::size_t count = std::min(kBits - begin % kBits, end - begin);
    const std::uint64_t bits = (~std::uint64_t{0} >> (kBits - count)) << (begin % kBits);
    std::uint64_t& word = taken[begin / kBits];
    word = is_taken ? word | bits : word & ~bits;
    begin += count;
  }
}

SlabHeap::SlabHeap(std::size_t slab_bytes, bool huge_pages)
    : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
      slab_pages_(pages_of(slab_bytes)),
      huge_pages_(huge_pages) {}

SlabHeap::~SlabHeap() {
  while (!slabs_.empty() && unmap(slabs_.begin())) {
  }
}

std::byte* SlabHeap::allocate(std::size_t bytes) {
  const std::size_t count = pages_of(bytes);
  const std::scoped_lock lock(mutex_);
  auto at = slabs_.begin();
  std::size_t begin = 0;
  for (; at != slabs_.end(); ++at) {
    begin = at->second.find(count);
    if (begin < at->second.pages) break;
  }
  if (at == slabs_.end()) {
    begin = 0;
    if (count <= slab_pages_ / 4) at = make_slab(slab_pages_);
    if (at == slabs_.end()) at = make_slab(count);
    if (at == slabs_.end()) return nullptr;
  }
  at->second.mark(begin, begin + count, true);
  std::byte* const data = at->first + begin * page_;
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  return data;
}

void SlabHeap::release(std::byte* data, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto after = slabs_.upper_bound(data);
  require(after != slabs_.begin(), "SlabHeap::release: not a block of this heap");
  const auto at = std::prev(after);
  Slab& slab = at->second;
  const std::size_t begin = static_cast<std::size_t>(data - at->first) / page_;
  const std::size_t end = begin + pages_of(bytes);
  slab.mark(begin, end, false);
  slab.longest_run = slab.pages - slab.taken_pages;
  ASAN_POISON_MEMORY_REGION(data, (end - begin) * page_);
  if (slab.taken_pages > 0 || !unmap(at)) give_back(at, begin, end);
}

std::size_t SlabHeap::slabs() const {
  const std::scoped_lock lock(mutex_);
  return slabs_.size();
}

std::size_t SlabHeap::unreturned_bytes() const {
  const std::scoped_lock lock(mutex_);
  std::size_t pages = 0;
  for (const auto& [data, slab] : slabs_) pages += slab.unreturned_pages;
  return pages * page_;
}

// Returns the end of `slabs_` where the system has no memory.
SlabHeap::Slabs::iterator SlabHeap::make_slab(std::size_t pages) {
  Slab slab;
  slab.pages = slab.longest_run = pages;
  slab.mapped_bytes = pages * page_ + (huge_pages_ ? kHugePage : 0);
  void* const mapped =
      mmap(nullptr, slab.mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return slabs_.end();
  slab.mapped = static_cast<std::byte*>(mapped);
  std::byte* data = slab.mapped;
  if (huge_pages_) data += -reinterpret_cast<std::uintptr_t>(data) % kHugePage;
  // A system without huge pages refuses, which changes nothing. Small blocks must not have them: one that is
  // left of many would keep the memory of those around it.
  static_cast<void>(madvise(data, pages * page_, huge_pages_ ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
  try {
    slab.taken.resize((pages + kBits - 1) / kBits);
    const auto at = slabs_.emplace(data, std::move(slab)).first;
    ASAN_POISON_MEMORY_REGION(data, pages * page_);
    return at;
  } catch (const std::bad_alloc&) {
    // Nothing was written to it yet, so it is address space only if the system keeps it.
    static_cast<void>(munmap(mapped, pages * page_ + (huge_pages_ ? kHugePage : 0)));
    return slabs_.end();
  }
}

// Gives an empty slab back. Returns false when the system does not take it.
bool SlabHeap::unmap(Slabs::iterator at) {
  const Slab& slab = at->second;
  ASAN_UNPOISON_MEMORY_REGION(at->first, slab.pages * page_);
  if (munmap(slab.mapped, slab.mapped_bytes) != 0) {
    ASAN_POISON_MEMORY_REGION(at->first, slab.pages * page_);
    return false;
  }
  slabs_.erase(at);
  return true;
}

// Gives free pages [begin, end) back, and what the system did not take before.
void SlabHeap::give_back(Slabs::iterator at, std::size_t begin, std::size_t end) {
  Slab& slab = at->second;
  const auto give = [&](std::size_t from, std::size_t to) {
    return madvise(at->first + from * page_, (to - from) * page_, MADV_DONTNEED) == 0;
  };
  if (!give(begin, end)) {
    slab.unreturned_pages = std::min(slab.unreturned_pages + end - begin, slab.pages - slab.taken_pages);
    return;
  }
  if (slab.unreturned_pages == 0) return;
  slab.unreturned_pages = 0;
  for (std::size_t from = slab.next(0, false), to; from < slab.pages; from = slab.next(to, false)) {
    to = slab.next(from, true);
    if (!give(from, to)) slab.unreturned_pages += to - from;
  }
}

}  // namespace banyan
