#include "server/anthropic/errors.h"

#include <cstddef>
#include <format>

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

std::string message_of(const HttpError& error) {
  if (error.type != "exceed_context_size_error") return error.message;
  const auto prompt = error.more.find("n_prompt_tokens");
  const auto context = error.more.find("n_ctx");
  const bool is_counted = prompt != error.more.end() && context != error.more.end();
  // A prompt that fits the context may yet not fit the memory.
  if (is_counted && *prompt >= *context) {
    return std::format("prompt is too long: {} tokens > {} maximum", prompt->get<std::size_t>(),
                       context->get<std::size_t>());
  }
  if (is_counted || context == error.more.end()) return "prompt is too long: " + error.message;
  return std::format("prompt is too long: at least {} tokens > {} maximum", context->get<std::size_t>() + 1,
                     context->get<std::size_t>());
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
