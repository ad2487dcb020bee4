#include "sampling/schema/schema_cache.h"

#include <utility>

namespace banyan {

using Json = nlohmann::ordered_json;

SchemaCache& SchemaCache::shared() {
  static SchemaCache cache;
  return cache;
}

std::size_t SchemaCache::Entry::bytes() const {
  std::size_t bytes = key.size();
  for (const std::string& grammar : grammars) bytes += grammar.size();
  return bytes;
}

Result<std::string> SchemaCache::grammar(const Json& schema, const SchemaOptions& options) {
  const SchemaPart whole{.name = {}, .schemas = {&schema}};
  return std::move(grammars(schema, {&whole, 1}, options).grammars.front());
}

MadeGrammars SchemaCache::grammars(const Json& schema, std::span<const SchemaPart> parts,
                                   const SchemaOptions& options) {
  std::string key = schema.dump(-1, ' ', false, Json::error_handler_t::replace);
  key += options.is_strict ? 's' : '-';
  key += options.to_the_letter ? 'l' : '-';
  for (const SchemaPart& part : parts) key += std::to_string(part.name.size()) + ' ' + part.name;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      const std::vector<std::string>& kept = known->second->grammars;
      return {.grammars = {kept.begin(), kept.end()}};
    }
  }
  // Made without the lock, so that a large schema keeps no one else waiting. Two may make the same.
  MadeGrammars made = schema_grammars(schema, parts, options);
  Entry entry{std::move(key), {}};
  for (const Result<std::string>& grammar : made.grammars) {
    if (!grammar) return made;
    entry.grammars.push_back(*grammar);
  }
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
