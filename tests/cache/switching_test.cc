// Going from one conversation to another moves no keys, values or states.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cache/cache_test.h"
#include "cache/node_snapshot.h"

namespace banyan {
namespace {

class SwitchingTest : public CacheTest {
 protected:
  SwitchingTest() : CacheTest({.attention = true, .window = true, .recurrent = true}) {}

  /// All pieces of memory that the trie's nodes hold.
  std::set<const void*> kept() const {
    std::set<const void*> ids;
    cache.trie().walk([&](const Node& node) {
      if (node.is_root()) return true;
      for (const auto& part : NodeSnapshot::of(node).parts()) {
        if (part != nullptr) part->visit_allocations([&](const void* id, std::size_t) { ids.insert(id); });
      }
      return true;
    });
    return ids;
  }
};

TEST_F(SwitchingTest, GoingBackToAnyOf64ConversationsCopiesAndAllocatesNothing) {
  constexpr int kConversations = 64;
  const auto path = [](int i) { return std::string(300, 't') + std::string(20, static_cast<char>('0' + i)); };
  for (int i = 0; i < kConversations; ++i) request(path(i));
  const std::set<const void*> resident = kept();

  // With the rest of the budget taken, whatever is allocated evicts something or is refused.
  const Charge rest = budget.take(budget.limit() - budget.used(), "the rest").value();
  for (int i = 0; i < kConversations; ++i) {
    const int there = i * 37 % kConversations;
    const Session session = cache.begin(ids(path(there) + "?")).value();
    EXPECT_EQ(session.position(), path(there).size());
    EXPECT_TRUE(holds_its_path(session));
    for (const LiveState* state : session.states()) {
      state->visit_allocations([&](const void* id, std::size_t) { EXPECT_TRUE(resident.contains(id)); });
    }
  }
  EXPECT_EQ(cache.counters().evictions, 0u);
  EXPECT_GE(budget.used(), budget.limit());
}

}  // namespace
}  // namespace banyan
