#include "store/disk/tier_tools.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

namespace banyan::test {

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes payload_of(BlockId id, std::size_t bytes) {
  std::mt19937_64 random(id);
  Bytes payload(bytes);
  for (std::byte& byte : payload) byte = static_cast<std::byte>(random());
  return payload;
}

Tier::BlockToInsert block_to_insert(BlockId id, std::size_t bytes) {
  return {id, bytes, [=](std::span<std::byte> to) { std::ranges::copy(payload_of(id, bytes), to.begin()); }};
}

std::unique_ptr<DiskTier> open_tier(Files& files, const std::string& folder, const std::string& key) {
  auto tier = DiskTier::open(files, {folder, key, "a model"});
  if (!tier) {
    ADD_FAILURE() << tier.error().message;
    return nullptr;
  }
  return std::move(*tier);
}

std::vector<Tier::Outcome> finish(Tier& tier) {
  std::vector<Tier::Outcome> outcomes;
  while (tier.wait()) outcomes.append_range(tier.poll());
  return outcomes;
}

Result<> insert(Tier& tier, BlockId id, std::size_t bytes, std::string_view record) {
  const auto ticket = tier.insert({block_to_insert(id, bytes)}, bytes_of(record));
  const auto outcomes = finish(tier);
  EXPECT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes.front().ticket, ticket);
  return outcomes.front().result;
}

Result<Bytes> look_up(Tier& tier, BlockId id, std::size_t bytes) {
  Bytes taken;
  const auto ticket = tier.look_up(
      {{id, bytes, [&](std::span<const std::byte> from) { taken.assign(from.begin(), from.end()); }}});
  const auto outcomes = finish(tier);
  EXPECT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes.front().ticket, ticket);
  if (outcomes.front().result) return taken;
  EXPECT_EQ(outcomes.front().missing, std::vector<BlockId>{id});
  return std::unexpected(outcomes.front().result.error());
}

}  // namespace banyan::test
