/// The program's memory runs out at any allocation that a test chooses. For programs that are built with
/// failing_new.cc; one thread at a time.
#pragma once

namespace banyan::test {

enum class Failing { one, all_after };

/// Lets `allowed` more calls of operator new through and fails the one after them, or all.
void fail_allocation(int allowed, Failing failing);
/// Lets all through again. Returns whether one has failed.
bool let_allocate();

}  // namespace banyan::test
