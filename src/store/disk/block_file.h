/// Blocks of bytes, each in a file of its own that is written once and whole.
///
/// Little-endian:
///
///   0   8   "BANYANB\n"
///   8   4   version, 1
///   12  4   0
///   16  16  the space (a random number that the folder's journal has too)
///   32  8   the block's number in the space, never given twice
///   40  8   bytes of the payload
///   48  8   XXH3-64 of the payload
///   56  8   XXH3-64 of bytes 0 to 55
///   64      the payload, to the end of the file
///
/// A file appears under its name only when all of it is on the disk: it is written under another name, synced
/// and renamed. The caller syncs the folder, once for many blocks.
///
/// Any thread; one at a time for one block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "banyan/tier.h"
#include "store/disk/files.h"

namespace banyan {

using SpaceId = std::array<std::byte, 16>;

/// Bytes of a block's file beside its payload.
inline constexpr std::size_t kBlockHeader = 64;

/// A block's file in its folder; and the block that a file's name stands for, if any.
std::string block_file_name(BlockId block);
std::string block_path(const std::string& folder, BlockId block);
std::optional<BlockId> block_of(std::string_view name);

/// Errors: io; nothing is left then but perhaps an unfinished file.
Result<> write_block(Files& files, const std::string& folder, const SpaceId& space, BlockId block,
                     std::span<const std::byte> payload);

/// Reads all of a block's file into `image`, which is as large as kBlockHeader and the payload; returns the
/// payload in it. Errors: io; corrupt: anything is not as it was written, or the block is another than asked
/// for, or of another size. `image` is undefined then.
Result<std::span<const std::byte>> read_block(Files& files, const std::string& folder, const SpaceId& space,
                                              BlockId block, std::span<std::byte> image);

/// Reads a block of whatever size and tells whether it is as it was written, in little memory. Errors: as
/// read_block().
Result<> check_block(Files& files, const std::string& folder, const SpaceId& space, BlockId block);

}  // namespace banyan
