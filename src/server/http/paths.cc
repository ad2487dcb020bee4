#include "server/http/paths.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <format>
#include <set>

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

std::string Paths::missing(std::string_view path, std::string_view folder) const {
  constexpr std::size_t kMaxPath = 100;
  std::string text = std::format("there is no path {} here; ", path.substr(0, kMaxPath));
  std::string_view inner, outer;  // the longest that ends this path, the shortest that this path ends
  std::set<std::string_view> all;
  for (const auto& [pattern, method] : routes_) {
    if (pattern.size() > 1 && pattern.size() > inner.size() && path.ends_with(pattern)) inner = pattern;
    if (path.size() > 1 && (outer.empty() || pattern.size() < outer.size()) && pattern.ends_with(path)) {
      outer = pattern;
    }
    if (pattern.starts_with(folder)) all.insert(pattern);
  }
  if (!inner.empty()) {
    return text + std::format("there is {}: the client's base URL must not have \"{}\" at its end", inner,
                              path.substr(0, std::min(path.size() - inner.size(), kMaxPath)));
  }
  if (!outer.empty()) {
    return text + std::format("there is {}: the client's base URL must have \"{}\" at its end", outer,
                              outer.substr(0, outer.size() - path.size()));
  }
  text += std::format("below {} there are", folder);
  for (const std::string_view one : all) text += std::format("{} {}", one == *all.begin() ? "" : ",", one);
  return text;
}

}  // namespace banyan
