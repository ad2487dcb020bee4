// What the cache does with a layer group follows from what the group says of itself, not from its name: so
// another kind is a class and no change of the cache.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "cache/fake_model.h"
#include "cache/wrapped_group.h"

namespace banyan {
namespace {

class RenamedGroup final : public WrappedGroup {
 public:
  explicit RenamedGroup(std::unique_ptr<LayerGroup> group) : WrappedGroup(std::move(group)) {}
  std::string_view kind() const override { return "unheard-of"; }
};

struct Outcome {
  std::string dump;
  std::vector<std::size_t> restored;
  std::uint64_t evictions = 0;
};

// Conversations that fork, beside more of them than memory has room for.
Outcome run(const LayerKinds& kinds, std::size_t limit, bool renamed) {
  Budget budget(limit);
  std::vector<std::unique_ptr<LayerGroup>> groups;
  std::vector<std::string> names;
  for (auto& group : make_groups(kinds)) {
    names.emplace_back(group->kind());
    if (renamed) group = std::make_unique<RenamedGroup>(std::move(group));
    groups.push_back(std::move(group));
  }
  PrefixCache cache(std::move(groups), budget);
  Outcome outcome;
  for (int round = 0; round < 40; ++round) {
    const std::string trunk(80, static_cast<char>('a' + round % 7));
    const std::string prompt = trunk + std::to_string(round * 31) + std::string(round % 5 * 20, '.');
    auto session = cache.begin(ids(prompt), std::vector<RestorePoint>{{.offset = 60}, {.offset = 80}});
    if (!session) continue;
    outcome.restored.push_back(session->position());
    static_cast<void>(evaluate(*session, session->pending()));
    session->close();
    EXPECT_EQ(cache.check(), "");
  }
  outcome.dump = cache.dump_text();
  for (const std::string& name : names) {
    for (std::size_t at = 0; (at = outcome.dump.find(name, at)) != std::string::npos; at += 10) {
      outcome.dump.replace(at, name.size(), "unheard-of");
    }
  }
  outcome.evictions = cache.counters().evictions;
  return outcome;
}

TEST(Kinds, NoneIsKnownByItsName) {
  const std::size_t segment = kTestLayout.segment_bytes(64);
  const std::pair<LayerKinds, std::size_t> cases[] = {
      {{}, 20 * segment},
      {{.attention = true, .window = true}, 22 * segment},
      {{.attention = false, .recurrent = true}, 14 * kTestRecurrentLayout.bytes()},
      {{.attention = true, .window = true, .recurrent = true}, 24 * segment}};
  for (const auto& [kinds, limit] : cases) {
    const Outcome named = run(kinds, limit, false);
    const Outcome renamed = run(kinds, limit, true);
    EXPECT_GT(named.evictions, 0u) << named.dump;
    EXPECT_EQ(named.evictions, renamed.evictions);
    EXPECT_EQ(named.restored, renamed.restored);
    EXPECT_EQ(named.dump, renamed.dump);
  }
}

}  // namespace
}  // namespace banyan
