// Any bytes are the shape of an attention, which must agree with a plain one in double precision on every
// instruction set of the machine.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "kernels/attention_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = banyan::test::check_attention({data, size});
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
