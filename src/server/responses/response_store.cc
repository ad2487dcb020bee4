#include "server/responses/response_store.h"

#include <iterator>
#include <ranges>
#include <utility>

namespace banyan {
namespace {

// Of an entry and of an item's id, with the places in the maps.
constexpr std::size_t kEntryBytes = 512;
constexpr std::size_t kItemBytes = 256;

Json parsed(const std::string& text) { return parse_object(text).value(); }

Json parsed_array(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push_back(parsed(text));
  return array;
}

}  // namespace

ResponseStore::Order::iterator ResponseStore::find(const std::string& id) {
  const auto found = responses_.find(id);
  if (found == responses_.end()) return order_.end();
  order_.splice(order_.begin(), order_, found->second);
  return found->second;
}

void ResponseStore::remove(Order::iterator entry) {
  bytes_ -= entry->bytes;
  for (const Item& item : entry->items) {
    const auto found = items_.find(item.id);
    if (found != items_.end() && found->second == &item) items_.erase(found);
  }
  responses_.erase(entry->id);
  order_.erase(entry);
}

void ResponseStore::put(const Json& response, const Json& input) {
  Entry entry{.id = response.at("id"), .inputs = input.size()};
  for (const Json* items : {&input, &response.at("output")}) {
    for (const Json& item : *items) {
      entry.items.push_back({item.at("id"), dump(item)});
      entry.bytes += kItemBytes + entry.items.back().text.size();
    }
  }
  Json rest = response;
  rest["output"] = nullptr;
  if (const Json& previous = rest["previous_response_id"]; previous.is_string()) {
    entry.previous = previous.get<std::string>();
  }
  entry.response = dump(rest);
  entry.bytes += kEntryBytes + entry.response.size();
  if (entry.bytes > most_bytes_) return;

  const std::lock_guard lock(mutex_);
  if (const auto old = find(entry.id); old != order_.end()) remove(old);
  while (bytes_ + entry.bytes > most_bytes_) remove(std::prev(order_.end()));
  bytes_ += entry.bytes;
  order_.push_front(std::move(entry));
  for (const Item& item : order_.front().items) items_[item.id] = &item;
  responses_[order_.front().id] = order_.begin();
}

bool ResponseStore::erase(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto entry = find(id);
  if (entry == order_.end()) return false;
  remove(entry);
  return true;
}

// What is copied under the lock is parsed without it, so that a large response keeps no one else waiting.
Json ResponseStore::response(const std::string& id) {
  std::string response;
  std::vector<std::string> output;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find(id);
    if (entry == order_.end()) return nullptr;
    response = entry->response;
    for (const Item& item : entry->items | std::views::drop(entry->inputs)) output.push_back(item.text);
  }
  Json whole = parsed(response);
  whole["output"] = parsed_array(output);
  return whole;
}

Json ResponseStore::input(const std::string& id) {
  std::vector<std::string> input;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find(id);
    if (entry == order_.end()) return nullptr;
    for (const Item& item : entry->items | std::views::take(entry->inputs)) input.push_back(item.text);
  }
  return parsed_array(input);
}

Json ResponseStore::item(const std::string& id) {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    const auto found = items_.find(id);
    if (found == items_.end()) return nullptr;
    text = found->second->text;
  }
  return parsed(text);
}

std::optional<std::vector<Json>> ResponseStore::conversation(const std::string& id) {
  std::vector<std::string> texts;
  {
    const std::lock_guard lock(mutex_);
    // The last response is looked up first, so that of a conversation the beginning is kept for longest.
    std::vector<Order::iterator> path;
    for (std::string next = id; !next.empty(); next = path.back()->previous) {
      const auto entry = find(next);
      if (entry == order_.end()) return std::nullopt;
      path.push_back(entry);
    }
    for (const auto& entry : std::views::reverse(path)) {
      for (const Item& item : entry->items) texts.push_back(item.text);
    }
  }
  std::vector<Json> items;
  for (const std::string& text : texts) items.push_back(parsed(text));
  return items;
}

std::size_t ResponseStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace banyan
