/// Large blocks of memory, cut from slabs: large mappings of the system's, of which a process may have only
/// some ten thousand.
///
/// A block takes whole pages. What is freed goes back to the system at once, and a slab that is empty is
/// unmapped, so free memory in slabs is address space only. In slabs with huge pages the system may
/// keep, or later fill in, the rest of a huge page that a block has a part of: at most two megabytes at
/// each end of a free range.
///
/// Where the system does not take memory back, it stays in its slab, is counted, is used for the next blocks
/// and is offered again when something else is freed.
///
/// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace banyan {

class SlabHeap {
 public:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  /// A block of more than a fourth of a slab may get a slab of its own size.
  SlabHeap(std::size_t slab_bytes, bool huge_pages);
  /// No block is used any more.
  ~SlabHeap();
  SlabHeap(const SlabHeap&) = delete;
  SlabHeap& operator=(const SlabHeap&) = delete;

  /// A block that begins at a page; null when the system has no memory for it. Its bytes are zero, or what
  /// they were where the system did not take memory back.
  std::byte* allocate(std::size_t bytes);
  /// Frees a block.
  void release(std::byte* data, std::size_t bytes);

  std::size_t slabs() const;
  /// Most bytes of free memory that the system did not take back.
  std::size_t unreturned_bytes() const;

 private:
  struct Slab {
    std::size_t pages = 0;
    std::vector<std::uint64_t> taken;  // a bit for each page
    std::size_t taken_pages = 0;
    std::size_t longest_run = 0;  // of free pages; no run is longer
    std::size_t unreturned_pages = 0;
    std::byte* mapped = nullptr;  // may begin before the slab, which is aligned
    std::size_t mapped_bytes = 0;

    /// The first page from `from` on that is taken, or not; `pages` if there is none.
    std::size_t next(std::size_t from, bool is_taken) const;
    /// The first of so many free pages; `pages` if there are none.
    std::size_t find(std::size_t count);
    void mark(std::size_t begin, std::size_t end, bool is_taken);
  };
  using Slabs = std::map<std::byte*, Slab>;  // by where they begin

  std::size_t pages_of(std::size_t bytes) const { return (bytes + page_ - 1) / page_; }
  Slabs::iterator make_slab(std::size_t pages);
  bool unmap(Slabs::iterator at);
  void give_back(Slabs::iterator at, std::size_t begin, std::size_t end);

  const std::size_t page_;
  const std::size_t slab_pages_;
  const bool huge_pages_;
  mutable std::mutex mutex_;
  Slabs slabs_;
};

}  // namespace banyan
