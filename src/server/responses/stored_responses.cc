#include "server/responses/stored_responses.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kUsualLimit = 20;
constexpr std::size_t kMostLimit = 100;

Result<std::size_t> read_limit(const std::string& text) {
  if (text.empty()) return kUsualLimit;
  std::size_t limit = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (problem != std::errc() || end != text.data() + text.size() || limit < 1 || limit > kMostLimit) {
    return fail(Errc::invalid_argument, "limit must be from 1 to 100", "limit");
  }
  return limit;
}

}  // namespace

Result<Json> input_items_json(const Json& items, const ItemsPage& page) {
  const auto limit = read_limit(page.limit);
  if (!limit) return std::unexpected(limit.error());
  if (!page.order.empty() && page.order != "asc" && page.order != "desc") {
    return fail(Errc::invalid_argument, "order must be \"asc\" or \"desc\"", "order");
  }
  Json ordered = items;
  if (page.order != "asc") std::reverse(ordered.begin(), ordered.end());
  auto begin = ordered.begin();
  if (!page.after.empty()) {
    begin = std::ranges::find_if(ordered, [&](const Json& item) { return item.at("id") == page.after; });
    if (begin == ordered.end()) return fail(Errc::invalid_argument, "after names no item of these", "after");
    ++begin;
  }
  Json data = Json::array();
  for (; begin != ordered.end() && data.size() < *limit; ++begin) data.push_back(std::move(*begin));
  const Json first = data.empty() ? Json() : data.front().at("id");
  const Json last = data.empty() ? Json() : data.back().at("id");
  return Json{{"object", "list"},
              {"data", std::move(data)},
              {"first_id", first},
              {"last_id", last},
              {"has_more", begin != ordered.end()}};
}

Json deleted_json(const std::string& id) { return {{"id", id}, {"object", "response"}, {"deleted", true}}; }

}  // namespace banyan
