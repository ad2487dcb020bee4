/// How tokens lie in a block of a lower tier: as rows, whatever the tiles of a segment.
///
/// A block of n tokens holds, for each layer of the group and each key/value head in turn,
///   keys   [n][key_bytes], and
///   values [n][value_bytes].
/// A row is the numbers of a token one after the other; in q8_0, for each 32 of them (fewer in the last) the
/// f16 scale and then the int8s. All numbers are little-endian.
///
/// Any thread, as long as no other writes to the same tokens or rows.
#pragma once

#include <cstddef>
#include <span>

#include "banyan/segment.h"

namespace banyan {

/// Copies the tokens of a view to the rows of a block from `first` on.
/// REQUIRES: the block is of whole tokens and has that many rows.
void copy_to_rows(const KvLayout& layout, const SegmentView& view, std::span<std::byte> block, int first);
/// Copies rows of a block from `first` on to the tokens of a view.
/// REQUIRES: the block is of whole tokens and has that many rows.
void copy_from_rows(const KvLayout& layout, std::span<const std::byte> block, int first,
                    const SegmentView& view);

}  // namespace banyan
