#include "server/http/http_errors.h"

#include <httplib.h>

#include <format>
#include <string_view>
#include <utility>

namespace banyan {
namespace {

// By these words, and those of Anthropic's, clients know that they must make their prompt shorter.
constexpr std::string_view kTooLong = "exceeds the available context size";

// What is wrong and what to do, for what HTTP itself refuses.
std::string http_problem(int status) {
  switch (status) {
    case 400:
      return "the request is not valid HTTP";
    case 408:
      return "the request did not come whole in time";
    case 414:
      return "the request's target is too long; send what it holds in the body";
    case 431:
      return "the request's headers are too long or too many";
    case 500:
      return "the server failed at this request; it goes on, and its log says more";
    case 501:
      return "a body may come with a Content-Length or chunked, in no other encoding";
    case 505:
      return "the server speaks HTTP/1.0 and HTTP/1.1";
    default:
      return httplib::status_message(status);
  }
}

}  // namespace

std::string too_long_message(const char* amount, std::size_t tokens, std::size_t context) {
  return std::format(
      "prompt is too long: {}{} tokens > {} maximum; with a reply that {} ({} tokens), which --ctx sets",
      amount, tokens, context - 1, kTooLong, context);
}

HttpError to_http(const Error& error) {
  HttpError http;
  http.message = error.message;
  http.param = error.field;
  const auto set = [&](int status, const char* type, const char* code) {
    http.status = status;
    http.type = type;
    http.code = code;
  };
  switch (error.code) {
    case Errc::invalid_argument:
      set(400, "invalid_request_error", "");
      break;
    case Errc::unsupported:
      set(400, "invalid_request_error", "unsupported_parameter");
      break;
    case Errc::not_found:
      set(404, "not_found_error", "");
      // As OpenAI tells it: by this code clients know that they must send the whole conversation.
      if (error.field == "previous_response_id") {
        set(400, "invalid_request_error", "previous_response_not_found");
      }
      break;
    case Errc::too_long:
      set(400, "exceed_context_size_error", "context_length_exceeded");
      if (!http.message.contains(kTooLong)) {
        http.message = std::format("the request {}: {}", kTooLong, http.message);
      }
      break;
    case Errc::busy:
      set(503, "unavailable_error", "queue_full");
      break;
    case Errc::cancelled:
      set(503, "unavailable_error", "stopping");
      break;
    case Errc::out_of_memory:
      set(503, "unavailable_error", "out_of_memory");
      break;
    case Errc::corrupt:
    case Errc::io:
    case Errc::internal:
      set(500, "server_error", "");
      break;
  }
  return http;
}

Json error_json(const HttpError& error) {
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  Json object = {{"message", error.message},
                 {"type", error.type},
                 {"param", text(error.param)},
                 {"code", text(error.code)}};
  object.update(error.more);
  return {{"error", object}};
}

HttpError http_error(int status, std::string message) {
  if (message.empty()) message = http_problem(status);
  switch (status) {
    case 401:
      return {status, "authentication_error", "invalid_api_key", std::move(message)};
    case 403:
      return {status, "permission_error", "", std::move(message)};
    case 404:
      return {status, "not_found_error", "not_found", std::move(message)};
    default:
      return {status, status < 500 ? "invalid_request_error" : "server_error", "", std::move(message)};
  }
}

std::string whole_response(const HttpError& error) {
  const std::string body = dump(error_json(error));
  return std::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      error.status, httplib::status_message(error.status), body.size(), body);
}

}  // namespace banyan
