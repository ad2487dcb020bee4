#include "base/common_prefix.h"

#include <gtest/gtest.h>

#include <vector>

namespace banyan {
namespace {

TEST(CommonPrefix, EndsWhereThePathsPartOrTheShorterEnds) {
  for (const std::size_t size : {0, 1, 7, 8, 9, 127, 128, 129, 300}) {
    const std::vector<Token> a(size, 5);
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<Token> b = a;
      b[at] = 6;
      EXPECT_EQ(common_prefix(a, b), at);
      EXPECT_EQ(common_prefix(b, a), at);
      EXPECT_EQ(common_prefix(a, TokenSpan(a).first(at)), at);
      EXPECT_EQ(common_prefix(TokenSpan(a).first(at), a), at);
    }
    EXPECT_EQ(common_prefix(a, a), size);
  }
}

}  // namespace
}  // namespace banyan
