#include "cli/openmp.h"

#include <unistd.h>

#include <cstdlib>

namespace banyan::cli {

void limit_openmp_spinning(char** argv) {
#ifdef __linux__
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("GOMP_SPINCOUNT", "10000", 0);
  // Where this fails, the program goes on as it is.
  execv("/proc/self/exe", argv);
#else
  static_cast<void>(argv);
#endif
}

}  // namespace banyan::cli
