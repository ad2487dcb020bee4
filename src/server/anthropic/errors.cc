#include "server/anthropic/errors.h"

#include <format>
#include <string_view>

namespace banyan {
namespace {

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

// Also of one that fits the context and not the memory.
std::string message_of(const HttpError& error) {
  constexpr std::string_view kTooLong = "prompt is too long";
  const bool says_it = error.type != "exceed_context_size_error" || error.message.starts_with(kTooLong);
  return says_it ? error.message : std::format("{}: {}", kTooLong, error.message);
}

}  // namespace

Json anthropic_error(const HttpError& error, const std::string& request_id) {
  Json object = {{"type", type_of(error.status)}, {"message", message_of(error)}};
  if (error.param == "thread") {
    object["details"] = {{"error_code", "thread_unsupported_request"},
                         {"unsupported", Json::array({"thread"})}};
  }
  return {{"type", "error"}, {"error", std::move(object)}, {"request_id", request_id}};
}

}  // namespace banyan
