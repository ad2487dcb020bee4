/// How the keys and values of a group of attention layers lie in a segment.
///
/// A segment holds `capacity` tokens (a multiple of kTile) of all layers of the group. For each
/// layer and key/value head in turn it holds
///   keys   [capacity / 16][key_dim][16]   so that 16 scores of one query are one vector, and
///   values [capacity][value_dim].
/// A view of a segment may begin and end anywhere, also inside a tile.
///
/// Plain data: safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace banyan {

/// Number format of keys and values in memory.
enum class KvType : std::uint8_t { f16, f32 };

constexpr std::size_t kv_type_bytes(KvType type) { return type == KvType::f16 ? 2 : 4; }

struct KvLayout {
  /// Tokens in a tile of keys.
  static constexpr int kTile = 16;

  int layers = 0;
  int kv_heads = 0;
  int key_dim = 0;    ///< per head
  int value_dim = 0;  ///< per head
  KvType type = KvType::f16;

  bool operator==(const KvLayout&) const = default;

  /// Bytes of one token's keys and values in all layers of the group.
  std::size_t bytes_per_token() const {
    return static_cast<std::size_t>(layers) * kv_heads * (key_dim + value_dim) * kv_type_bytes(type);
  }
  /// Bytes of a whole segment.
  std::size_t segment_bytes(int capacity) const { return bytes_per_token() * capacity; }

  /// Byte offset in a segment of the keys of one layer (counted in the group) and head.
  std::size_t keys_offset(int capacity, int layer, int head) const {
    const std::size_t heads_before = static_cast<std::size_t>(layer) * kv_heads + head;
    return heads_before * capacity * (key_dim + value_dim) * kv_type_bytes(type);
  }
  /// Byte offset in a segment of the values of one layer and head.
  std::size_t values_offset(int capacity, int layer, int head) const {
    return keys_offset(capacity, layer, head) +
           static_cast<std::size_t>(capacity) * key_dim * kv_type_bytes(type);
  }
};

}  // namespace banyan
