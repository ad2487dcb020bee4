#include "sampling/schema/schema_cache.h"

#include <gtest/gtest.h>

#include <format>
#include <thread>
#include <vector>

namespace banyan {
namespace {

using nlohmann::ordered_json;

ordered_json text_of(int length) { return {{"type", "string"}, {"maxLength", length}}; }

TEST(SchemaCache, KeepsAGrammarForEachSchemaAndItsOptions) {
  SchemaCache cache;
  const ordered_json loose{{"type", "object"}, {"not", {{"format", "date"}}}};
  EXPECT_FALSE(cache.grammar(loose, {.is_strict = true}));
  EXPECT_EQ(cache.size(), 0u);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(cache.grammar(loose, {.is_strict = false}).value(),
              schema_grammar(loose, {.is_strict = false}).value());
    EXPECT_EQ(cache.grammar(text_of(3)).value(), schema_grammar(text_of(3)).value());
    EXPECT_EQ(cache.size(), 2u);
  }
  EXPECT_FALSE(cache.grammar(loose, {.is_strict = true}));
}

TEST(SchemaCache, ForgetsWhatWasNotAskedForLongest) {
  const std::size_t bytes = schema_grammar(text_of(100)).value().size() + 60;
  SchemaCache cache(3 * bytes);
  for (int i = 100; i < 103; ++i) ASSERT_TRUE(cache.grammar(text_of(i)));
  EXPECT_EQ(cache.size(), 3u);
  for (int i = 103; i < 120; ++i) ASSERT_TRUE(cache.grammar(text_of(i)));
  EXPECT_EQ(cache.size(), 3u);
  // One that is larger than the whole cache leaves the others.
  ordered_json large{{"enum", {std::string(4 * bytes, 'x')}}};
  ASSERT_TRUE(cache.grammar(large));
  EXPECT_EQ(cache.size(), 3u);
}

TEST(SchemaCache, ManyThreadsAskAtOnce) {
  SchemaCache cache(2000);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (int i = 0; i < 100; ++i) {
        const ordered_json schema = text_of((i * (thread + 1)) % 7);
        EXPECT_EQ(cache.grammar(schema).value(), schema_grammar(schema).value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace banyan
