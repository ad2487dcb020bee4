/// Who may ask: keys, and names that a browser was tricked into.
#pragma once

#include <string_view>

namespace banyan {

/// Whether a host name or address literal is this machine's loopback.
bool is_loopback(std::string_view host);

/// The host of a Host header: "[::1]:8080" is "::1".
std::string_view host_of(std::string_view header);

/// Whether a web page from elsewhere makes a browser ask: its `Origin` header, if it has one, is not
/// loopback's (a page without an origin says "null"); else its `Sec-Fetch-Site` is "cross-site". Empty: no
/// such header.
bool is_foreign_page(std::string_view origin, std::string_view fetch_site);

/// The bearer token of an Authorization header, "" for none.
std::string_view bearer_token(std::string_view authorization);

/// Whether this is the key, which is not empty. Takes the same time wherever a wrong one of the same length
/// differs.
bool is_key(std::string_view given, std::string_view key);

}  // namespace banyan
