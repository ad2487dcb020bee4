/// Blocks whose bytes follow from their numbers, and a tier asked for one thing at a time.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/disk/disk_tier.h"

namespace banyan::test {

using Bytes = std::vector<std::byte>;

inline const std::string kKey = "0123456789abcdef0123456789abcdef";

Bytes bytes_of(std::string_view text);

/// What block `id` holds when it is that long.
Bytes payload_of(BlockId id, std::size_t bytes);
Tier::BlockToInsert block_to_insert(BlockId id, std::size_t bytes);

/// In the folder of this name, as the model of this key. Fails the test when it cannot be opened.
std::unique_ptr<DiskTier> open_tier(Files& files, const std::string& folder = "folder",
                                    const std::string& key = kKey);

/// Waits for all that was asked for; returns the outcomes in their order.
std::vector<Tier::Outcome> finish(Tier& tier);

/// Inserts a block and a record, and waits.
Result<> insert(Tier& tier, BlockId id, std::size_t bytes, std::string_view record);

/// Looks a block up, waits, and returns its bytes.
Result<Bytes> look_up(Tier& tier, BlockId id, std::size_t bytes);

}  // namespace banyan::test
