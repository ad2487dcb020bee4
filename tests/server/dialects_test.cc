// Errors in each dialect's own form.
#include "server/dialects.h"

#include <gtest/gtest.h>

namespace banyan {
namespace {

Json error(const char* path) { return error_form(path)(http_error(404, "none")); }

TEST(Dialects, HaveErrorsOfTheirOwn) {
  const char* openai =
      R"({"error":{"message":"none","type":"not_found_error","param":null,"code":"not_found"}})";
  for (const char* path : {"/", "/v1/chat/completions", "/v1/messagesX", "/apix", "/completion", "*", ""}) {
    EXPECT_EQ(dump(error(path)), openai) << path;
  }
  for (const char* path : {"/v1/messages", "/v1/messages/count_tokens", "/v1/messages/nope"}) {
    EXPECT_EQ(dump(error(path)), R"({"type":"error","error":{"type":"not_found_error","message":"none"}})");
  }
  for (const char* path : {"/api/chat", "/api/", "/api"}) {
    EXPECT_EQ(dump(error(path)), R"({"error":"none"})") << path;
  }
}

}  // namespace
}  // namespace banyan
