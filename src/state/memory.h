/// Memory for what layers remember: aligned to cache lines, and large pieces in huge pages that go
/// back to the system when they are freed.
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
