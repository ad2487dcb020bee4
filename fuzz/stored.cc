// Any bytes are a history of requests, damage and restarts on a cache with a lower tier, in which nothing may
// come back that was not stored. The first byte says which layers the model has.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "cache/stored_history.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const banyan::LayerKinds kinds = {
      .attention = (data[0] & 1) != 0, .window = (data[0] & 4) != 0, .recurrent = (data[0] & 2) != 0};
  const banyan::StoredHistoryResult result =
      banyan::run_stored_history(kinds, 400'000, 500'000, {data + 1, size - 1});
  if (!result.wrong.empty()) {
    std::fprintf(stderr, "%s\n", result.wrong.c_str());
    std::abort();
  }
  return 0;
}
