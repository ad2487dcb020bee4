#include <algorithm>
#include <cmath>
#include <set>

#include "banyan/recurrent_state.h"
#include "kernels/recurrent.h"

namespace banyan {

RecurrentBatch::RecurrentBatch(std::span<const Sequence> sequences, int key_heads, KeyOrder key_order)
    : key_heads_(key_heads), key_order_(key_order) {
  require(!sequences.empty(), "RecurrentBatch: nothing to do");
  layout_ = sequences[0].state->layout();
  require(key_heads > 0 && layout_.value_heads % key_heads == 0,
          "RecurrentBatch: value heads are not a multiple of key heads");
  std::set<const RecurrentState*> states;
  for (const auto& [state, rows] : sequences) {
    require(states.insert(state).second, "RecurrentBatch: a state twice");
    require(state->layout() == layout_, "RecurrentBatch: states of different layouts");
    require(rows > 0 && state->tokens() + rows <= state->reserved_end(),
            "RecurrentBatch: rows that are not reserved");
  }
  for (const auto& [state, rows] : sequences) {
    for (const RecurrentState::Piece& piece : state->plan(rows)) {
      pieces_.push_back({rows_, piece});
      rows_ += piece.rows;
    }
  }
}

void RecurrentBatch::convolve(int layer, const float* x, const float* weights, float* out, int ith,
                              int nth) const {
  // Threads take whole cache lines of channels.
  constexpr int kLine = 16;
  const int channels = layout_.conv_channels;
  const int lines = (channels + kLine - 1) / kLine;
  const int begin = lines * ith / nth * kLine;
  const int end = std::min(channels, lines * (ith + 1) / nth * kLine);
  const std::size_t tail = layout_.tail_offset(layer);
  for (const auto& [row, piece] : pieces_) {
    const std::size_t first = static_cast<std::size_t>(row) * channels;
    kernels::convolve({.taps = layout_.conv_taps,
                       .channels = channels,
                       .rows = piece.rows,
                       .in = x + first,
                       .weights = weights,
                       .tail = piece.from == nullptr ? nullptr : piece.from + tail,
                       .new_tail = piece.to + tail,
                       .out = out + first},
                      begin, end);
  }
}

void RecurrentBatch::scan(int layer, const DeltaInput& input, float* out, int ith, int nth) const {
  const int tiles = layout_.tiles();
  const int all = layout_.value_heads * tiles;
  const std::size_t key_size = static_cast<std::size_t>(key_heads_) * layout_.key_dim;
  const std::size_t value_size = static_cast<std::size_t>(layout_.value_heads) * layout_.value_dim;
  // Tiles do not need each other, and pieces of a sequence are scanned one after the other.
  for (int i = all * ith / nth; i < all * (ith + 1) / nth; ++i) {
    const int head = i / tiles;
    const int tile = i % tiles;
    const int key_head =
        key_order_ == KeyOrder::tiled ? head % key_heads_ : head / (layout_.value_heads / key_heads_);
    const std::size_t key = static_cast<std::size_t>(key_head) * layout_.key_dim;
    const std::size_t value =
        static_cast<std::size_t>(head) * layout_.value_dim + tile * RecurrentLayout::kTile;
    const std::size_t matrix = layout_.tile_offset(layer, head, tile);
    for (const auto& [first, piece] : pieces_) {
      const auto row = static_cast<std::size_t>(first);
      const std::size_t gate = row * layout_.value_heads + head;
      kernels::scan_delta({.key_dim = layout_.key_dim,
                           .values = layout_.tile_width(tile),
                           .rows = piece.rows,
                           .scale = 1 / std::sqrt(static_cast<float>(layout_.key_dim)),
                           .q = input.q + row * key_size + key,
                           .k = input.k + row * key_size + key,
                           .v = input.v + row * input.v_stride + value,
                           .out = out + row * value_size + value,
                           .g = input.g + gate,
                           .beta = input.beta + gate,
                           .key_stride = key_size,
                           .v_stride = input.v_stride,
                           .out_stride = value_size,
                           .gate_stride = static_cast<std::size_t>(layout_.value_heads),
                           .from = piece.from == nullptr ? nullptr : piece.from + matrix,
                           .to = piece.to + matrix});
    }
  }
}

}  // namespace banyan
