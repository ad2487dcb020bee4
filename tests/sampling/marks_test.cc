#include "sampling/marks.h"

#include <gtest/gtest.h>

#include <vector>

namespace banyan {
namespace {

std::string found(std::string_view text, const std::vector<std::string>& marks) {
  const auto mark = find_mark(text, marks);
  return mark ? std::to_string(mark->begin) + "-" + std::to_string(mark->end) : "none";
}

TEST(FindMark, FindsTheOneThatIsCompleteFirst) {
  EXPECT_EQ(found("a<b>c<b>", {"<b>"}), "1-4");
  EXPECT_EQ(found("abcdef", {"bcde", "cd"}), "2-4");
  EXPECT_EQ(found("abcdef", {"cd", "abcd", "bcd"}), "0-4");
  EXPECT_EQ(found("abc", {"abcd", "x"}), "none");
  EXPECT_EQ(found("", {"a"}), "none");
  EXPECT_EQ(found("abc", {}), "none");
}

}  // namespace
}  // namespace banyan
