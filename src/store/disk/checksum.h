/// The checksum of the disk tier's files.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace banyan {

/// XXH3-64 (https://github.com/Cyan4973/xxHash), at the speed of memory. It finds accidents, not forgeries:
/// who can write the files could as well change the program.
inline std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace banyan
