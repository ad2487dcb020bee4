/// The grammars that were made of schemas lately: clients send the same schema with one request after the
/// other. Any thread.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "banyan/base.h"
#include "sampling/schema/schema_grammar.h"

namespace banyan {

class SchemaCache {
 public:
  /// The one that all requests of the process share.
  static SchemaCache& shared();

  /// `max_bytes`: of the schemas and grammars that are kept. Those that were not asked for longest go first.
  explicit SchemaCache(std::size_t max_bytes = 4 << 20) : max_bytes_(max_bytes) {}

  /// As schema_grammar(). Errors are not kept. REQUIRES: a schema that is nested no deeper than requests are.
  Result<std::string> grammar(const nlohmann::ordered_json& schema, const SchemaOptions& options = {});

  /// As schema_grammars(), without work where they are kept.
  MadeGrammars grammars(const nlohmann::ordered_json& schema, std::span<const SchemaPart> parts,
                        const SchemaOptions& options = {});

  /// Schemas whose grammars are kept, for tests.
  std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::vector<std::string> grammars;
    std::size_t bytes() const;
  };

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the latest first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace banyan
