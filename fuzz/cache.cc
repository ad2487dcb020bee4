// Any bytes are a history of requests on a cache, which must agree with a plain map after each
// step. The first byte says which layers the model has.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "cache/history.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const banyan::LayerKinds kinds = {
      .attention = (data[0] & 1) != 0, .window = (data[0] & 4) != 0, .recurrent = (data[0] & 2) != 0};
  const banyan::CacheHistoryResult result = banyan::run_cache_history(kinds, 100'000, {data + 1, size - 1});
  if (!result.wrong.empty()) {
    std::fprintf(stderr, "%s\n", result.wrong.c_str());
    std::abort();
  }
  return 0;
}
