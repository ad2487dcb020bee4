#include "server/http/paths.h"

#include <gtest/gtest.h>

namespace banyan {
namespace {

TEST(Paths, SayWhatMayBeDone) {
  Paths paths;
  paths.add("/", "GET");
  paths.add("/v1/models", "GET");
  paths.add("/v1/models/:model", "GET");
  paths.add("/v1/models/:model", "DELETE");
  paths.add("/chat", "POST");
  EXPECT_EQ(paths.methods("/"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(paths.methods("/chat"), "POST, OPTIONS");
  EXPECT_EQ(paths.methods("/v1/models/a"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(paths.methods("*"), "GET, HEAD, POST, DELETE, OPTIONS");
  for (const char* none : {"", "/v1", "/v1/models/", "/v1/models/a/b", "/chat/", "//", "/Chat"}) {
    EXPECT_EQ(paths.methods(none), "") << none;
  }
}

}  // namespace
}  // namespace banyan
