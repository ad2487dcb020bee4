/// How the state of a group of gated delta net layers (arXiv:2412.06464) lies in memory.
///
/// The state of a layer is the last rows that its convolution has seen, and for each value head the
/// matrix of the delta rule, which maps keys to values. A block of float32 holds, for each layer of
/// the group in turn,
///   tail    [conv_taps][conv_channels], oldest row first, and
///   matrix  [value_heads] of [tiles][key_dim][kTile], each tile the columns of up to kTile values.
/// A matrix is kept transposed and in tiles, so that a tile stays in the first-level cache while the
/// rows of a prefill pass through it, and the elements of a vector never have to be summed up.
///
/// Plain data: safe from any thread.
#pragma once

#include <algorithm>
#include <cstddef>

namespace banyan {

struct RecurrentLayout {
  /// Most values in a tile of a matrix; the last tile of a head may be narrower.
  static constexpr int kTile = 32;
  /// Most rows of a tail.
  static constexpr int kMostTaps = 7;

  int layers = 0;
  int conv_taps = 0;      ///< rows before its own that a row's convolution reads: its kernel less one
  int conv_channels = 0;  ///< of queries, keys and values together
  int value_heads = 0;
  int value_dim = 0;  ///< per head
  int key_dim = 0;    ///< per head

  bool operator==(const RecurrentLayout&) const = default;

  int tiles() const { return (value_dim + kTile - 1) / kTile; }
  /// Values in one tile of a matrix.
  int tile_width(int tile) const { return std::min(kTile, value_dim - tile * kTile); }

  /// Floats of one layer's tail, one head's matrix, and one layer.
  std::size_t tail_size() const { return static_cast<std::size_t>(conv_taps) * conv_channels; }
  std::size_t matrix_size() const { return static_cast<std::size_t>(value_dim) * key_dim; }
  std::size_t layer_size() const { return tail_size() + value_heads * matrix_size(); }
  /// Bytes of a whole block.
  std::size_t bytes() const { return layers * layer_size() * sizeof(float); }

  /// Offset in a block, in floats, of the tail of one layer (counted in the group).
  std::size_t tail_offset(int layer) const { return layer * layer_size(); }
  /// Offset in a block, in floats, of a tile of one head's matrix.
  std::size_t tile_offset(int layer, int head, int tile) const {
    return tail_offset(layer) + tail_size() + head * matrix_size() +
           static_cast<std::size_t>(tile) * kTile * key_dim;
  }
};

}  // namespace banyan
