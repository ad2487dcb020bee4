#include "server/http/paths.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Paths, SayWhichThereAreInstead) {
  Paths paths;
  for (const char* path : {"/", "/v1/chat", "/v1/chat/tokens", "/v1/models/:model", "/api/chat"})
    paths.add(path, "GET");
  EXPECT_EQ(
      paths.missing("/v1/nope", "/v1"),
      "there is no path /v1/nope here; below /v1 there are /v1/chat, /v1/chat/tokens, /v1/models/:model");
  EXPECT_EQ(paths.missing("/v1/v1/chat/tokens", "/v1"),
            "there is no path /v1/v1/chat/tokens here; there is /v1/chat/tokens: the client's base URL must "
            "not have "
            "\"/v1\" at its end");
  EXPECT_EQ(paths.missing("/chat/tokens", "/v1"),
            "there is no path /chat/tokens here; there is /v1/chat/tokens: the client's base URL must have "
            "\"/v1\" at "
            "its end");
  EXPECT_EQ(paths.missing("/", "/api"), "there is no path / here; below /api there are /api/chat");
  EXPECT_LT(paths.missing("/" + std::string(9000, 'x'), "/v1").size(), 300u);
}

}  // namespace
}  // namespace banyan
