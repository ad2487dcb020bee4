#include "kernels/kv_write.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kv_write.cc"
#include "hwy/foreach_target.h"

// After foreach_target.h, which reads this file once for each instruction set.
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace banyan::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, KvLayout::kTile>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using Bytes = hn::Rebind<std::int8_t, Floats>;
using Vector = hn::Vec<Floats>;

constexpr int kTile = KvLayout::kTile;
constexpr int kBlock = KvLayout::kBlock;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));

// The largest half stands for what is larger: an infinite key or value would make the weighted sums
// of every row that sees it meaningless.
HWY_INLINE Vector limit(Vector from) {
  const Vector most = hn::Set(Floats(), 65504.0f);
  return hn::Clamp(from, hn::Neg(most), most);
}

HWY_INLINE void store(Vector from, int count, float* to) { hn::StoreN(from, Floats(), to, count); }
HWY_INLINE void store(Vector from, int count, hwy::float16_t* to) {
  hn::StoreN(hn::DemoteTo(Halves(), limit(from)), Halves(), to, count);
}

template <class T>
void write_head(const KvLayout& layout, int at, const float* key, const float* value, std::byte* keys,
                std::byte* values) {
  T* const column = reinterpret_cast<T*>(keys) + at / kTile * kTile * layout.key_dim + at % kTile;
  for (int d = 0; d < layout.key_dim; d += kLanes) {
    const int count = HWY_MIN(kLanes, layout.key_dim - d);
    T elements[kLanes];
    store(hn::LoadN(Floats(), key + d, count), count, elements);
    for (int i = 0; i < count; ++i) column[(d + i) * kTile] = elements[i];
  }
  T* const row = reinterpret_cast<T*>(values) + at * layout.value_dim;
  for (int d = 0; d < layout.value_dim; d += kLanes) {
    const int count = HWY_MIN(kLanes, layout.value_dim - d);
    store(hn::LoadN(Floats(), value + d, count), count, row + d);
  }
}

// Rounds a block of `count` numbers.
HWY_INLINE void quantise(const float* from, int count, hwy::float16_t& scale, std::int8_t* to) {
  const Floats d;
  Vector numbers[kBlock / kLanes];
  Vector highest = hn::Zero(d);
  for (int v = 0; v * kLanes < count; ++v) {
    const Vector number = hn::LoadN(d, from + v * kLanes, HWY_MIN(kLanes, count - v * kLanes));
    numbers[v] = limit(hn::IfThenZeroElse(hn::IsNaN(number), number));
    highest = hn::Max(highest, hn::Abs(numbers[v]));
  }
  const float largest = hn::ReduceMax(d, highest);
  store(hn::Set(d, largest / 127), 1, &scale);
  // Where the scale rounds to zero all numbers are zero, whatever stands there.
  const Vector inverse = hn::Set(d, hwy::F32FromF16(scale) == 0 ? 0 : 127 / largest);
  for (int v = 0; v * kLanes < count; ++v) {
    const auto rounded = hn::DemoteTo(Bytes(), hn::NearestInt(hn::Mul(numbers[v], inverse)));
    hn::StoreN(rounded, Bytes(), to + v * kLanes, HWY_MIN(kLanes, count - v * kLanes));
  }
}

void write_quantised_head(const KvLayout& layout, int at, const float* key, const float* value,
                          std::byte* keys, std::byte* values) {
  std::byte* block = keys + at / kTile * kTile * layout.key_bytes();
  for (int d = 0; d < layout.key_dim; d += kBlock) {
    const int count = HWY_MIN(kBlock, layout.key_dim - d);
    auto* const scales = reinterpret_cast<hwy::float16_t*>(block);
    auto* const column = reinterpret_cast<std::int8_t*>(scales + kTile) + at % kTile;
    std::int8_t numbers[kBlock];
    quantise(key + d, count, scales[at % kTile], numbers);
    for (int i = 0; i < count; ++i) column[i * kTile] = numbers[i];
    block += kTile * (sizeof(hwy::float16_t) + count);
  }
  std::byte* const tile = values + at / kTile * kTile * layout.value_bytes();
  auto* const scales = reinterpret_cast<hwy::float16_t*>(tile);
  auto* const row = reinterpret_cast<std::int8_t*>(scales + KvLayout::blocks(layout.value_dim) * kTile) +
                    at % kTile * layout.value_dim;
  for (int d = 0; d < layout.value_dim; d += kBlock) {
    quantise(value + d, HWY_MIN(kBlock, layout.value_dim - d), scales[d / kBlock * kTile + at % kTile],
             row + d);
  }
}

void write_token_target(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                        const float* keys, const float* values) {
  const auto write = layout.type == KvType::f16    ? write_head<hwy::float16_t>
                     : layout.type == KvType::q8_0 ? write_quantised_head
                                                   : write_head<float>;
  for (int head = 0; head < layout.kv_heads; ++head) {
    write(layout, at, keys + head * layout.key_dim, values + head * layout.value_dim,
          segment + layout.keys_offset(capacity, layer, head),
          segment + layout.values_offset(capacity, layer, head));
  }
}

}  // namespace banyan::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace banyan::kernels {

HWY_EXPORT(write_token_target);

void write_token(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                 const float* keys, const float* values) {
  HWY_DYNAMIC_DISPATCH(write_token_target)(layout, layer, segment, capacity, at, keys, values);
}

}  // namespace banyan::kernels
#endif  // HWY_ONCE
