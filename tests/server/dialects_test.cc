// Errors in each dialect's own form.
#include "server/dialects.h"

#include <gtest/gtest.h>

#include <string>

namespace banyan {
namespace {

Json error(const char* path) { return error_form(path)(http_error(404, "none")); }

TEST(Dialects, HaveErrorsOfTheirOwn) {
  const char* openai =
      R"({"error":{"message":"none","type":"not_found_error","param":null,"code":"not_found"}})";
  for (const char* path : {"/", "/v1/chat/completions", "/v1/messagesX", "/apix", "/completion", "*", ""}) {
    EXPECT_EQ(dump(error(path)), openai) << path;
  }
  for (const char* path : {"/v1/messages", "/v1/messages/count_tokens", "/v1/messages/nope",
                           "/v1/v1/messages", "/base/v1/messages/count_tokens"}) {
    Json told = error(path);
    EXPECT_TRUE(told["request_id"].get<std::string>().starts_with("req_"));
    told.erase("request_id");
    EXPECT_EQ(dump(told), R"({"type":"error","error":{"type":"not_found_error","message":"none"}})");
  }
  for (const char* path : {"/api/chat", "/api/", "/api", "/v1/api/chat"}) {
    EXPECT_EQ(dump(error(path)), R"({"error":"none"})") << path;
  }
}

}  // namespace
}  // namespace banyan
