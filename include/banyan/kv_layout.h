/// How the keys and values of a group of attention layers lie in a segment.
///
/// A segment holds `capacity` tokens (a multiple of kTile) of all layers of the group. For each
/// layer and key/value head in turn it holds, in f16 and f32,
///   keys   [capacity / 16][key_dim][16]   so that 16 scores of one query are one vector, and
///   values [capacity][value_dim].
///
/// In q8_0 a number is a scale times an int8, and 32 numbers of a token that follow each other in a
/// head (fewer in the last block of a dimension that is no multiple of 32) have one f16 scale. Each
/// tile of 16 tokens holds
///   keys   for each block  scales [16], then numbers [dims of the block][16], and
///   values all scales [blocks][16], then numbers [16][value_dim].
///
/// A view of a segment may begin and end anywhere, also inside a tile.
///
/// Plain data: safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace banyan {

/// Number format of keys and values in memory.
enum class KvType : std::uint8_t { f16, q8_0, f32 };

inline constexpr KvType kKvTypes[] = {KvType::f16, KvType::q8_0, KvType::f32};

/// "f16", "q8_0", "f32".
constexpr const char* kv_type_name(KvType type) {
  switch (type) {
    case KvType::f16:
      return "f16";
    case KvType::q8_0:
      return "q8_0";
    case KvType::f32:
      return "f32";
  }
  return nullptr;
}

struct KvLayout {
  /// Tokens in a tile.
  static constexpr int kTile = 16;
  /// Most numbers in a block of q8_0.
  static constexpr int kBlock = 32;

  int layers = 0;
  int kv_heads = 0;
  int key_dim = 0;    ///< per head
  int value_dim = 0;  ///< per head
  KvType type = KvType::f16;

  bool operator==(const KvLayout&) const = default;

  static constexpr int blocks(int dim) { return (dim + kBlock - 1) / kBlock; }

  /// Bytes of a token's key, and of its value, in one layer and head.
  std::size_t key_bytes() const { return bytes(key_dim); }
  std::size_t value_bytes() const { return bytes(value_dim); }

  /// Bytes of one token's keys and values in all layers of the group.
  std::size_t bytes_per_token() const {
    return static_cast<std::size_t>(layers) * kv_heads * (key_bytes() + value_bytes());
  }
  /// Bytes of a whole segment.
  std::size_t segment_bytes(int capacity) const { return bytes_per_token() * capacity; }

  /// Byte offset in a segment of the keys of one layer (counted in the group) and head.
  std::size_t keys_offset(int capacity, int layer, int head) const {
    const std::size_t heads_before = static_cast<std::size_t>(layer) * kv_heads + head;
    return heads_before * capacity * (key_bytes() + value_bytes());
  }
  /// Byte offset in a segment of the values of one layer and head.
  std::size_t values_offset(int capacity, int layer, int head) const {
    return keys_offset(capacity, layer, head) + capacity * key_bytes();
  }

 private:
  std::size_t bytes(int dim) const {
    switch (type) {
      case KvType::f16:
        return static_cast<std::size_t>(dim) * 2;
      case KvType::q8_0:
        return static_cast<std::size_t>(dim) + static_cast<std::size_t>(blocks(dim)) * 2;
      case KvType::f32:
        return static_cast<std::size_t>(dim) * 4;
    }
    return 0;
  }
};

}  // namespace banyan
