/// Memory for what layers remember: aligned to cache lines. From 64 KiB on it lies in slabs (slab_heap.h) and
/// goes back to the system when it is freed; from 2 MiB on it has huge pages. What is charged are the
/// bytes that were asked for; the system's are whole pages of them.
#pragma once

#include <cstddef>

#include "banyan/budget.h"

namespace banyan {

struct Memory {
  std::byte* data = nullptr;
  Charge charge;
};

/// Charges the budget and allocates, evicting for either if needed. Errors: out_of_memory, naming
/// what was wanted (`what`, a plural).
Result<Memory> allocate(std::size_t bytes, const char* what, Budget& budget);

/// Frees what allocate() gave; the charge is the caller's.
void release(std::byte* data, std::size_t bytes);

}  // namespace banyan
