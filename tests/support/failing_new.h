/// The program's memory runs out at any allocation that a test chooses. For programs that are built with
/// failing_new.cc. One thread at a time, which alone allocates but for fail_allocations_of_others().
#pragma once

namespace banyan::test {

enum class Failing { one, all_after };

/// Lets `allowed` more calls of operator new through and fails the one after them, or all.
void fail_allocation(int allowed, Failing failing);
/// Fails every allocation of the other threads, and of none but them, until let_allocate().
void fail_allocations_of_others();

/// Lets all through again. Returns whether one has failed.
bool let_allocate();

}  // namespace banyan::test
