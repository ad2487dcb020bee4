/// How often a randomised test goes round.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace banyan::test {

/// `rounds`, times what BANYAN_TEST_SCALE says: less where a sanitizer makes each one slow.
inline int scaled(int rounds) {
  const char* const scale = std::getenv("BANYAN_TEST_SCALE");
  return scale == nullptr ? rounds : std::max(1, static_cast<int>(rounds * std::atof(scale)));
}

}  // namespace banyan::test
