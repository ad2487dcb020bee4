// Any bytes are a history of operations on a trie, which must agree with a plain map after each.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "trie/history.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const banyan::HistoryResult result = banyan::run_history({data, size});
  if (!result.wrong.empty()) {
    std::fprintf(stderr, "%s\n", result.wrong.c_str());
    std::abort();
  }
  return 0;
}
