#include "sampling/schema/schema_cache.h"

#include <utility>

namespace banyan {

using Json = nlohmann::ordered_json;

SchemaCache& SchemaCache::shared() {
  static SchemaCache cache;
  return cache;
}

Result<std::string> SchemaCache::grammar(const Json& schema, const SchemaOptions& options) {
  std::string key = schema.dump(-1, ' ', false, Json::error_handler_t::replace);
  key += options.is_strict ? 's' : '-';
  key += options.to_the_letter ? 'l' : '-';
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->grammar;
    }
  }
  // Made without the lock, so that a large schema keeps no one else waiting. Two may make the same.
  Result<std::string> made = schema_grammar(schema, options);
  if (!made) return made;
  Entry entry{std::move(key), *made};
  if (entry.bytes() > max_bytes_) return made;
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(entry.key)) return made;
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
  by_key_.emplace(entries_.front().key, entries_.begin());
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return made;
}

std::size_t SchemaCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace banyan
