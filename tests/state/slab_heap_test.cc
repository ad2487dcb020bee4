#include "state/slab_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "banyan/budget.h"
#include "state/memory.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;

std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

// Of the process, in bytes.
std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, pages = 0;
  statm >> size >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(SlabHeapTest, BlocksNeverOverlapAndAreFreedWithTheirSlabs) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const bool huge_pages : {false, true}) {
    SlabHeap heap(2 * kMiB, huge_pages);
    std::mt19937_64 random(1);
    const auto pick = [&](std::size_t least, std::size_t most) {
      return std::uniform_int_distribution(least, most)(random);
    };
    struct Block {
      std::size_t bytes;
      unsigned char mark;
    };
    std::map<std::byte*, Block> blocks;
    std::size_t most_slabs = 0;
    for (int round = 0; round < scaled(4000); ++round) {
      // It fills up and empties, again and again.
      const bool filling = round / 200 % 2 == 0;
      if (blocks.empty() || pick(0, 99) < (filling ? 70 : 30)) {
        const std::size_t bytes = pick(0, 20) == 0 ? pick(kMiB, 4 * kMiB) : pick(1, 600 * kKiB);
        std::byte* const data = heap.allocate(bytes);
        ASSERT_NE(data, nullptr);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(data) % page, 0);
        const auto next = blocks.lower_bound(data);
        if (next != blocks.end()) {
          ASSERT_LE(data + bytes, next->first);
        }
        if (next != blocks.begin()) {
          ASSERT_LE(std::prev(next)->first + std::prev(next)->second.bytes, data);
        }
        const auto mark = static_cast<unsigned char>(random());
        blocks[data] = {bytes, mark};
        data[0] = data[bytes - 1] = std::byte{mark};
      } else {
        const auto at = std::next(blocks.begin(), static_cast<std::ptrdiff_t>(pick(0, blocks.size() - 1)));
        const auto [data, block] = *at;
        ASSERT_EQ(data[0], std::byte{block.mark});
        ASSERT_EQ(data[block.bytes - 1], std::byte{block.mark});
        heap.release(data, block.bytes);
        blocks.erase(at);
      }
      most_slabs = std::max(most_slabs, heap.slabs());
    }
    EXPECT_GT(most_slabs, 10);
    for (const auto& [data, block] : blocks) heap.release(data, block.bytes);
    EXPECT_EQ(heap.slabs(), 0);
    EXPECT_EQ(heap.unreturned_bytes(), 0);
  }
}

TEST(SlabHeapTest, UsesFreedMemoryAgainBeforeItTakesMore) {
  SlabHeap heap(8 * kMiB, false);
  std::vector<std::byte*> blocks;
  for (int i = 0; i < 32; ++i) blocks.push_back(heap.allocate(256 * kKiB));
  EXPECT_EQ(heap.slabs(), 1);
  for (const int i : {3, 4, 20}) heap.release(blocks[i], 256 * kKiB);
  EXPECT_EQ(heap.allocate(512 * kKiB), blocks[3]);
  EXPECT_EQ(heap.allocate(200 * kKiB), blocks[20]);
  EXPECT_EQ(heap.slabs(), 1);
  std::byte* const of_its_own = heap.allocate(20 * kMiB);
  EXPECT_EQ(heap.slabs(), 2);
  heap.release(of_its_own, 20 * kMiB);
  EXPECT_EQ(heap.slabs(), 1);
  EXPECT_EQ(heap.allocate(std::size_t{1} << 60), nullptr);
  EXPECT_EQ(heap.slabs(), 1);
}

TEST(SlabHeapTest, FreedMemoryGoesBackToTheSystem) {
  for (const bool huge_pages : {false, true}) {
    SlabHeap heap(64 * kMiB, huge_pages);
    const std::size_t before = resident();
    std::vector<std::byte*> blocks;
    for (int i = 0; i < 24; ++i) {
      blocks.push_back(heap.allocate(2 * kMiB + 4 * kKiB));
      std::memset(blocks.back(), 1, 2 * kMiB + 4 * kKiB);
    }
    EXPECT_GT(resident(), before + 46 * kMiB);
    // The first and the last keep the slab.
    for (int i = 1; i < 23; ++i) heap.release(blocks[i], 2 * kMiB + 4 * kKiB);
    EXPECT_EQ(heap.slabs(), 1);
    EXPECT_LT(resident(), before + 20 * kMiB);
    for (const int i : {0, 23}) heap.release(blocks[i], 2 * kMiB + 4 * kKiB);
    EXPECT_EQ(heap.slabs(), 0);
  }
}

TEST(SlabHeapTest, WhatTheSystemDoesNotTakeBackIsCountedAndOfferedAgain) {
  SlabHeap heap(8 * kMiB, false);
  std::byte* const locked = heap.allocate(64 * kKiB);
  std::byte* const other = heap.allocate(64 * kKiB);
  std::byte* const last = heap.allocate(64 * kKiB);
  // Locked memory is refused. The address sanitizer makes mlock() do nothing, so the system is asked itself.
  if (syscall(SYS_mlock, locked, 64 * kKiB) != 0) GTEST_SKIP() << "may not lock memory";
  heap.release(locked, 64 * kKiB);
  EXPECT_EQ(heap.unreturned_bytes(), 64 * kKiB);
  EXPECT_EQ(heap.allocate(64 * kKiB), locked) << "used first";
  heap.release(locked, 64 * kKiB);
  syscall(SYS_munlock, locked, 64 * kKiB);
  heap.release(other, 64 * kKiB);
  EXPECT_EQ(heap.unreturned_bytes(), 0);
  heap.release(last, 64 * kKiB);
  EXPECT_EQ(heap.slabs(), 0);
}

TEST(MemoryTest, ManySmallSegmentsTakeFewMappings) {
  Budget budget(std::size_t{1} << 40);
  const std::size_t before = mappings();
  std::vector<Memory> segments;
  for (int i = 0; i < scaled(100000); ++i) {
    segments.push_back(allocate(64 * kKiB, "segments", budget).value());
    if (i % 16 == 0) segments.back().data[0] = std::byte{1};
  }
  EXPECT_EQ(budget.used(), segments.size() * 64 * kKiB);
  EXPECT_LT(mappings(), before + 300);
  // Also with holes.
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i % 3 != 0) release(segments[i].data, 64 * kKiB);
  }
  EXPECT_LT(mappings(), before + 300);
  for (std::size_t i = 0; i < segments.size(); i += 3) release(segments[i].data, 64 * kKiB);
  EXPECT_LT(mappings(), before + 100);
}

}  // namespace
}  // namespace banyan::test
