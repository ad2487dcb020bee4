#include "server/http/paths.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace banyan {
namespace {

// Cuts the first part off a path, up to the next "/".
std::string_view next_part(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

bool matches(std::string_view pattern, std::string_view path) {
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) return false;
  while (!pattern.empty() || !path.empty()) {
    const std::string_view wanted = next_part(pattern);
    const std::string_view part = next_part(path);
    if (wanted.starts_with(':') ? part.empty() : wanted != part) return false;
  }
  return true;
}

}  // namespace

void Paths::add(std::string_view pattern, std::string_view method) { routes_.emplace_back(pattern, method); }

std::string Paths::methods(std::string_view path) const {
  std::string all;
  for (const std::string_view method : std::array{"GET", "POST", "DELETE"}) {
    const bool has_it = std::ranges::any_of(routes_, [&](const auto& route) {
      return route.second == method && (path == "*" || matches(route.first, path));
    });
    if (has_it) all.append(method).append(method == "GET" ? ", HEAD, " : ", ");
  }
  return all.empty() ? "" : all + "OPTIONS";
}

}  // namespace banyan
