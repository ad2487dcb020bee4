#include "server/http/access.h"

#include <gtest/gtest.h>

namespace banyan {
namespace {

TEST(Access, LoopbackIsLocalhostAndItsAddresses) {
  for (const char* host : {"localhost", "LocalHost", "localhost.", "me.localhost", "127.0.0.1", "127.8.9.1",
                           "::1", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", ".", "example.com", "localhost.example.com", "evillocalhost", ".localhost",
                           "0.0.0.0", "128.0.0.1", "127.0.0.1.example.com", "::", "::2", "[::1]"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Access, HostsAreTakenFromTheirHeader) {
  EXPECT_EQ(host_of("localhost"), "localhost");
  EXPECT_EQ(host_of("localhost:8080"), "localhost");
  EXPECT_EQ(host_of("[::1]:8080"), "::1");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(host_of("[::1"), "::1");
  EXPECT_EQ(host_of(":80"), "");
  EXPECT_EQ(host_of(""), "");
}

TEST(Access, PagesOfOtherMachinesAreForeign) {
  for (const char* origin :
       {"http://localhost", "http://localhost:3000", "https://[::1]:1", "http://127.0.0.1"}) {
    EXPECT_FALSE(is_foreign_page(origin, "cross-site")) << origin;
  }
  for (const char* origin : {"null", "https://example.com", "http://localhost.example.com", "localhost"}) {
    EXPECT_TRUE(is_foreign_page(origin, "same-origin")) << origin;
  }
  EXPECT_TRUE(is_foreign_page("", "cross-site"));
  for (const char* site : {"", "none", "same-origin", "same-site"}) EXPECT_FALSE(is_foreign_page("", site));
}

TEST(Access, TokensAreBearers) {
  EXPECT_EQ(bearer_token("Bearer secret"), "secret");
  EXPECT_EQ(bearer_token("bearer secret"), "secret");
  for (const char* none : {"Basic secret", "Bear", "", "Bearer", "Bearer "}) {
    EXPECT_EQ(bearer_token(none), "") << none;
  }
}

TEST(Access, KeysAreComparedWhole) {
  EXPECT_TRUE(is_key("secret", "secret"));
  for (const char* wrong : {"secre", "secrets", "sEcret", ""}) EXPECT_FALSE(is_key(wrong, "secret")) << wrong;
}

}  // namespace
}  // namespace banyan
