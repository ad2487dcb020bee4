#include "support/failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

namespace {

constexpr int kAll = -1;
std::atomic<int> left = kAll;  // allocations of the one thread until one fails
std::atomic<bool> only_one = false;
std::atomic<bool> has_failed = false;
std::atomic<bool> others_fail = false;
std::thread::id chosen;  // whose allocations do not fail while the others' do

}  // namespace

namespace banyan::test {

void fail_allocation(int allowed, Failing failing) {
  left = allowed;
  only_one = failing == Failing::one;
  has_failed = false;
}

void fail_allocations_of_others() {
  chosen = std::this_thread::get_id();
  has_failed = false;
  others_fail = true;
}

bool let_allocate() {
  others_fail = false;
  left = kAll;
  return has_failed;
}

}  // namespace banyan::test

// Not inlined: g++ would warn of free() for what it takes to be from its own operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (others_fail && std::this_thread::get_id() != chosen) {
    has_failed = true;
    throw std::bad_alloc();
  }
  if (left == 0) {
    has_failed = true;
    if (only_one) left = kAll;
    throw std::bad_alloc();
  }
  if (left > 0) --left;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
