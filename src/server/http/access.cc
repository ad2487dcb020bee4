#include "server/http/access.h"

#include <arpa/inet.h>
#include <strings.h>

#include <cstddef>
#include <string>

namespace banyan {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view kName = "localhost";
  constexpr std::string_view kBelow = ".localhost";
  if (equals_ignoring_case(host, kName)) return true;
  if (host.size() > kBelow.size() && equals_ignoring_case(host.substr(host.size() - kBelow.size()), kBelow)) {
    return true;
  }
  const std::string text(host);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string_view host_of(std::string_view header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

bool is_foreign_page(std::string_view origin, std::string_view fetch_site) {
  if (origin.empty()) return equals_ignoring_case(fetch_site, "cross-site");
  constexpr std::string_view kAfterScheme = "://";
  const std::size_t scheme = origin.find(kAfterScheme);
  return scheme == std::string_view::npos ||
         !is_loopback(host_of(origin.substr(scheme + kAfterScheme.size())));
}

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return {};
  return authorization.substr(kScheme.size());
}

bool is_key(std::string_view given, std::string_view key) {
  if (given.size() != key.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (given[i] ^ key[i]));
  }
  return difference == 0;
}

}  // namespace banyan
