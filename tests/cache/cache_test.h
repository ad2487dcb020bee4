/// The fixture of the cache's tests: prompts are text, a token for each byte.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "banyan/cache.h"
#include "cache/fake_model.h"

namespace banyan {

class CacheTest : public testing::Test {
 protected:
  static constexpr std::size_t kPlenty = 8 << 20;

  explicit CacheTest(const LayerKinds& kinds = {}, std::size_t limit = kPlenty)
      : budget(limit), cache(make_groups(kinds), budget) {}

  void TearDown() override {
    EXPECT_EQ(cache.check(), "");
    cache.clear();
    EXPECT_EQ(cache.check(), "");
    if (cache.counters().open_sessions > 0) return;
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_EQ(cache.counters().nodes, 1u);
  }

  Session begin(std::string_view prompt, std::initializer_list<RestorePoint> points = {}, bool reuse = true) {
    auto session = cache.begin(ids(prompt), std::vector(points), reuse);
    EXPECT_TRUE(session.has_value());
    EXPECT_TRUE(holds_its_path(*session));
    EXPECT_EQ(cache.check(), "");
    return std::move(*session);
  }

  /// Evaluates so many of the prompt's tokens, or all that are left.
  void prefill(Session& session, std::size_t count = SIZE_MAX) {
    const TokenSpan pending = session.pending();
    EXPECT_TRUE(evaluate(session, pending.first(std::min(count, pending.size()))));
    EXPECT_TRUE(holds_its_path(session));
  }

  void reply(Session& session, std::string_view text) {
    for (const Token token : ids(text)) EXPECT_TRUE(evaluate(session, TokenSpan(&token, 1)));
  }

  /// A whole request. Returns what its session reported.
  SessionStats request(std::string_view prompt, std::string_view answer = "",
                       std::initializer_list<RestorePoint> points = {}) {
    Session session = begin(prompt, points);
    prefill(session);
    reply(session, answer);
    EXPECT_TRUE(holds_its_path(session));
    session.close();
    EXPECT_EQ(cache.check(), "");
    return session.stats();
  }

  std::size_t match(std::string_view prompt) const { return cache.match_length(ids(prompt)); }

  /// The trie, a node a line: its path up to its end, '*' for a user mark.
  std::string paths() const {
    std::string text;
    cache.trie().walk([&](const Node& node) {
      if (node.is_root()) return true;
      std::string path;
      for (const Node* at = &node; at != nullptr; at = at->parent()) {
        path = (at->is_root() ? "" : "/" + text_of(at->edge())) + path;
      }
      text += path + (node.user_mark() ? "*\n" : "\n");
      return true;
    });
    return text;
  }

  Budget budget;
  PrefixCache cache;
};

}  // namespace banyan
