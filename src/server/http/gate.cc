#include "server/http/gate.h"

#include <algorithm>

#include "server/http/access.h"

namespace banyan {
namespace {

// For so many seconds a browser need not ask again.
constexpr const char* kPreflightAge = "600";

}  // namespace

// Whether the pages of an origin may read answers.
bool Gate::is_welcome(std::string_view origin) const {
  if (origin.empty()) return false;
  return std::ranges::any_of(options_.cors_origins, [&](const std::string& welcome) {
    if (welcome == "localhost") return !is_foreign_page(origin, "");
    return welcome == "*" || welcome == origin;
  });
}

std::optional<HttpError> Gate::refusal(const httplib::Request& request) const {
  // A web page may reach loopback under a name of its own (DNS rebinding).
  const std::string host = request.get_header_value("Host");
  if (is_loopback(options_.host) && !host.empty() && !is_loopback(host_of(host))) {
    return http_error(403, "this server answers to localhost only");
  }
  // A page elsewhere may make its visitors' browsers send requests that they do not ask leave for.
  const std::string origin = request.get_header_value("Origin");
  if (is_loopback(options_.host) && !is_welcome(origin) &&
      is_foreign_page(origin, request.get_header_value("Sec-Fetch-Site"))) {
    return http_error(403,
                      "this server does not answer web pages of other machines; --cors-origins names those "
                      "that it answers");
  }
  if (options_.api_key.empty() || request.path == "/health" || request.path == "/v1/health") return {};
  // Browsers ask what they may send without the key.
  if (request.method == "OPTIONS") return {};
  if (is_key(bearer_token(request.get_header_value("Authorization")), options_.api_key)) return {};
  if (is_key(request.get_header_value("x-api-key"), options_.api_key)) return {};
  return http_error(401, "a valid API key is required, as a bearer token or in x-api-key");
}

void Gate::open_to_page(const httplib::Request& request, httplib::Response& response) const {
  const std::string origin = request.get_header_value("Origin");
  if (!origin.empty()) response.set_header("Vary", "Origin");
  if (is_welcome(origin)) response.set_header("Access-Control-Allow-Origin", origin);
}

void Gate::answer_options(const httplib::Request& request, const std::string& methods,
                          httplib::Response& response) const {
  response.status = 204;
  response.set_header("Allow", methods);
  if (!is_welcome(request.get_header_value("Origin"))) return;
  response.set_header("Access-Control-Allow-Methods", methods);
  response.set_header("Access-Control-Max-Age", kPreflightAge);
  const std::string headers = request.get_header_value("Access-Control-Request-Headers");
  if (!headers.empty()) response.set_header("Access-Control-Allow-Headers", headers);
}

}  // namespace banyan
