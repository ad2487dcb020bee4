#include "kernels/attention.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include "hwy/foreach_target.h"

// After foreach_target.h, which reads this file once for each instruction set.
#include <algorithm>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/attention_block.h"

HWY_BEFORE_NAMESPACE();
namespace banyan::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, KvLayout::kTile>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using Vector = hn::Vec<Floats>;

constexpr int kTile = KvLayout::kTile;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));
constexpr int kTileVectors = kTile / kLanes;
// Sums that registers hold beside what feeds them, and the most rows that share a load.
constexpr int kSums = HWY_TARGET <= HWY_AVX3 || HWY_TARGET_IS_NEON ? 16 : 8;
constexpr int kMostRows = kLanes == 1 ? 1 : HWY_MIN(8, kSums / HWY_MAX(2, kTileVectors));

HWY_INLINE Vector load(const float* from) { return hn::LoadU(Floats(), from); }
HWY_INLINE Vector load(const hwy::float16_t* from) {
  return hn::PromoteTo(Floats(), hn::LoadU(Halves(), from));
}
HWY_INLINE Vector load_some(const float* from, int count) { return hn::LoadN(Floats(), from, count); }
HWY_INLINE Vector load_some(const hwy::float16_t* from, int count) {
  return hn::PromoteTo(Floats(), hn::LoadN(Halves(), from, count));
}

// Scores of kRows rows with tiles [tile, tiles) of a chunk's keys.
template <int kRows, int kTiles, class T>
HWY_INLINE void score_tiles(const BlockMemory& block, const T* keys, int row, int tile, int tiles) {
  constexpr int kVectors = kTiles * kTileVectors;
  const int tile_size = block.key_dim * kTile;
  for (; tile + kTiles <= tiles; tile += kTiles) {
    Vector sums[kRows][kVectors];
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(Floats());
    }
    const T* from = keys + tile * tile_size;
    const float* query = block.queries + row;
    for (int d = 0; d < block.key_dim; ++d, from += kTile, query += block.query_stride) {
      Vector key[kVectors];
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) {
        key[v] = load(from + v / kTileVectors * tile_size + v % kTileVectors * kLanes);
      }
      HWY_UNROLL(8)
      for (int r = 0; r < kRows; ++r) {
        const Vector q = hn::Set(Floats(), query[r]);
        HWY_UNROLL(16)
        for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(q, key[v], sums[r][v]);
      }
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      float* to = block.scores + (row + r) * kChunk + tile * kTile;
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], Floats(), to + v * kLanes);
    }
  }
  if constexpr (kTiles > 1) score_tiles<kRows, kTiles / 2>(block, keys, row, tile, tiles);
}

// Tokens [begin, end) of a chunk; none where end <= begin.
struct Visible {
  int begin = kChunk;
  int end = 0;
};

// What any of the rows [row, row_end) sees of the chunk.
HWY_INLINE Visible visible_to(const BlockMemory& block, int row, int row_end) {
  Visible seen;
  for (int r = row; r < row_end; ++r) {
    seen.begin = HWY_MIN(seen.begin, block.visible_begin[r]);
    seen.end = HWY_MAX(seen.end, block.visible_end[r]);
  }
  return seen;
}

// Scores of rows [row, row_end), kRows at a time and the rest in smaller steps.
template <int kRows, class T>
void score_rows(const BlockMemory& block, const T* keys, int row, int row_end) {
  constexpr int kTiles = HWY_MAX(1, HWY_MIN(4, kSums / (kRows * kTileVectors)));
  for (; row + kRows <= row_end; row += kRows) {
    const Visible seen = visible_to(block, row, row + kRows);
    score_tiles<kRows, kTiles>(block, keys, row, seen.begin / kTile, (seen.end + kTile - 1) / kTile);
  }
  if constexpr (kRows > 1) score_rows<kRows / 2>(block, keys, row, row_end);
}

// Turns a row's scores of the tokens that it sees into weights relative to the running maximum, and
// those of all others of the tiles [tile, tiles) into zeros.
HWY_INLINE void weigh_row(const BlockMemory& block, int row, int tile, int tiles) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  float* scores = block.scores + row * kChunk;
  const auto first = hn::Set(di, block.visible_begin[row]);
  const auto last = hn::Set(di, block.visible_end[row]);
  Vector highest = hn::Set(d, block.maximum[row]);
  for (int t = tile * kTile; t < tiles * kTile; t += kLanes) {
    const auto token = hn::Iota(di, t);
    const auto seen = hn::RebindMask(d, hn::And(hn::Ge(token, first), hn::Lt(token, last)));
    const Vector score = hn::IfThenElse(seen, load(scores + t), hn::Set(d, kUnseen));
    hn::StoreU(score, d, scores + t);
    highest = hn::Max(highest, score);
  }
  const Vector maximum = hn::Set(d, hn::ReduceMax(d, highest));
  Vector sum = hn::Zero(d);
  for (int t = tile * kTile; t < tiles * kTile; t += kLanes) {
    const Vector weight = hn::Exp(d, hn::Sub(load(scores + t), maximum));
    hn::StoreU(weight, d, scores + t);
    sum = hn::Add(sum, weight);
  }
  const float rescale = hn::GetLane(hn::Exp(d, hn::Sub(hn::Set(d, block.maximum[row]), maximum)));
  block.rescale[row] = rescale;
  block.maximum[row] = hn::GetLane(maximum);
  block.sum[row] = block.sum[row] * rescale + hn::ReduceSum(d, sum);
}

// Rescales what kRows rows have summed up so far and adds the weighted values of tokens
// [begin, end), in the columns from `column` on. With kSome, in the last columns, fewer than a
// vector.
template <int kRows, int kVectors, bool kSome, class T>
HWY_INLINE void add_columns(const BlockMemory& block, const T* values, int row, int begin, int end,
                            int column) {
  const Floats d;
  const int some = block.value_dim - column;
  float* out = block.out + row * block.out_stride + column;
  Vector sums[kRows][kVectors];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    const Vector rescale = hn::Set(d, block.rescale[row + r]);
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::Mul(rescale, load(out + r * block.out_stride + v * kLanes));
    }
  }
  const float* weights = block.scores + row * kChunk;
  const T* from = values + begin * block.value_dim + column;
  for (int t = begin; t < end; ++t, from += block.value_dim) {
    Vector value[kVectors];
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      value[v] = kSome ? load_some(from, some) : load(from + v * kLanes);
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      const Vector weight = hn::Set(d, weights[r * kChunk + t]);
      HWY_UNROLL(8)
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(weight, value[v], sums[r][v]);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, out + r * block.out_stride + v * kLanes);
  }
}

template <int kRows, int kVectors, class T>
HWY_INLINE void add_values(const BlockMemory& block, const T* values, int row, int begin, int end,
                           int column) {
  for (; column + kVectors * kLanes <= block.value_dim; column += kVectors * kLanes) {
    add_columns<kRows, kVectors, false>(block, values, row, begin, end, column);
  }
  if constexpr (kVectors > 1) {
    add_values<kRows, kVectors / 2>(block, values, row, begin, end, column);
  } else if (column < block.value_dim) {
    add_columns<kRows, 1, true>(block, values, row, begin, end, column);
  }
}

// Adds the chunk's weighted values to rows [row, row_end).
template <int kRows, class T>
void add_rows(const BlockMemory& block, const T* values, int row, int row_end) {
  constexpr int kVectors = HWY_MIN(8, kSums / kRows);
  for (; row + kRows <= row_end; row += kRows) {
    const auto [begin, end] = visible_to(block, row, row + kRows);
    if (begin < end) add_values<kRows, kVectors>(block, values, row, begin, end, 0);
  }
  if constexpr (kRows > 1) add_rows<kRows / 2>(block, values, row, row_end);
}

// Rows [row, row_end) of the block attend to a run.
template <class T>
void attend_run(const BlockMemory& block, const KvRun& run, int window, const T* keys, const T* values,
                int row, int row_end) {
  for (int base = run.begin / kTile * kTile; base < run.end; base += kChunk) {
    const int begin = HWY_MAX(run.begin - base, 0);
    const int end = HWY_MIN(run.end - base, kChunk);
    for (int r = row; r < row_end; ++r) {
      const int next = block.position[r] + 1 - run.position + run.begin - base;
      const int least = window > 0 ? HWY_MAX(begin, next - window) : begin;
      const int most = HWY_MIN(next, end);
      block.visible_begin[r] = least < most ? least : kChunk;
      block.visible_end[r] = least < most ? most : 0;
    }
    const Visible seen = visible_to(block, row, row_end);
    if (seen.end == 0) continue;
    score_rows<kMostRows>(block, keys + base * block.key_dim, row, row_end);
    for (int r = row; r < row_end; ++r) {
      weigh_row(block, r, seen.begin / kTile, (seen.end + kTile - 1) / kTile);
    }
    add_rows<kMostRows>(block, values + base * block.value_dim, row, row_end);
  }
}

template <class T>
void attend_blocks(const AttentionShape& shape, int layer, std::span<const SharedRun> runs,
                   std::span<const std::int32_t> row_positions, const float* q, const float* sinks,
                   float* out, std::span<const RowBlock> blocks, std::byte* scratch) {
  const KvLayout& layout = shape.layout;
  const int group = shape.query_heads / layout.kv_heads;
  for (const RowBlock& rows : blocks) {
    const int count = rows.end - rows.begin;
    const BlockMemory block(shape, count, scratch);
    const auto query_index = [&](int row) {
      const std::size_t i = rows.begin + row;
      return i / group * shape.query_heads + rows.head * group + i % group;
    };
    for (int row = 0; row < count; ++row) {
      const float* query = q + query_index(row) * layout.key_dim;
      for (int d = 0; d < layout.key_dim; ++d) {
        block.queries[d * block.query_stride + row] = query[d] * shape.scale;
      }
      block.position[row] = row_positions[(rows.begin + row) / group];
      block.maximum[row] = kLeastMaximum;
      block.sum[row] = 0;
      if (sinks != nullptr) {
        block.maximum[row] = HWY_MAX(kLeastMaximum, sinks[rows.head * group + (rows.begin + row) % group]);
        block.sum[row] = 1;
      }
    }
    std::fill_n(block.out, count * block.out_stride, 0.0f);

    for (const auto& [run, row_begin, row_end] : runs) {
      const int begin = HWY_MAX(row_begin * group, rows.begin) - rows.begin;
      const int end = HWY_MIN(row_end * group, rows.end) - rows.begin;
      if (begin >= end) continue;
      attend_run(
          block, run, shape.window,
          reinterpret_cast<const T*>(run.segment + layout.keys_offset(run.capacity, layer, rows.head)),
          reinterpret_cast<const T*>(run.segment + layout.values_offset(run.capacity, layer, rows.head)),
          begin, end);
    }

    for (int row = 0; row < count; ++row) {
      float* to = out + query_index(row) * layout.value_dim;
      const float* from = block.out + row * block.out_stride;
      const float share = 1 / block.sum[row];
      for (int d = 0; d < layout.value_dim; ++d) to[d] = from[d] * share;
    }
  }
}

void attend_target(const AttentionShape& shape, int layer, std::span<const SharedRun> runs,
                   std::span<const std::int32_t> row_positions, const float* q, const float* sinks,
                   float* out, std::span<const RowBlock> blocks, std::byte* scratch) {
  if (shape.layout.type == KvType::f16) {
    attend_blocks<hwy::float16_t>(shape, layer, runs, row_positions, q, sinks, out, blocks, scratch);
  } else {
    attend_blocks<float>(shape, layer, runs, row_positions, q, sinks, out, blocks, scratch);
  }
}

HWY_INLINE void store(Vector from, int count, float* to) { hn::StoreN(from, Floats(), to, count); }
// The largest half stands for what is larger: an infinite key or value would make the weighted sums
// of every row that sees it meaningless.
HWY_INLINE void store(Vector from, int count, hwy::float16_t* to) {
  const Vector most = hn::Set(Floats(), 65504.0f);
  hn::StoreN(hn::DemoteTo(Halves(), hn::Clamp(from, hn::Neg(most), most)), Halves(), to, count);
}

template <class T>
void write_heads(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                 const float* keys, const float* values) {
  for (int head = 0; head < layout.kv_heads; ++head) {
    T* tile = reinterpret_cast<T*>(segment + layout.keys_offset(capacity, layer, head)) +
              at / kTile * kTile * layout.key_dim + at % kTile;
    for (int d = 0; d < layout.key_dim; d += kLanes) {
      const int count = HWY_MIN(kLanes, layout.key_dim - d);
      T elements[kLanes];
      store(load_some(keys + d, count), count, elements);
      for (int i = 0; i < count; ++i) tile[(d + i) * kTile] = elements[i];
    }
    T* row =
        reinterpret_cast<T*>(segment + layout.values_offset(capacity, layer, head)) + at * layout.value_dim;
    for (int d = 0; d < layout.value_dim; d += kLanes) {
      const int count = HWY_MIN(kLanes, layout.value_dim - d);
      store(load_some(values + d, count), count, row + d);
    }
    keys += layout.key_dim;
    values += layout.value_dim;
  }
}

void write_token_target(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                        const float* keys, const float* values) {
  if (layout.type == KvType::f16) {
    write_heads<hwy::float16_t>(layout, layer, segment, capacity, at, keys, values);
  } else {
    write_heads<float>(layout, layer, segment, capacity, at, keys, values);
  }
}

}  // namespace banyan::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace banyan::kernels {

HWY_EXPORT(attend_target);
HWY_EXPORT(write_token_target);

void attend(const AttentionShape& shape, int layer, std::span<const SharedRun> runs,
            std::span<const std::int32_t> row_positions, const float* q, const float* sinks, float* out,
            int ith, int nth, std::span<std::byte> scratch) {
  const auto blocks = thread_blocks(shape, runs, row_positions, ith, nth);
  HWY_DYNAMIC_DISPATCH(attend_target)
  (shape, layer, runs, row_positions, q, sinks, out, blocks, scratch.data());
}

void write_token(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                 const float* keys, const float* values) {
  HWY_DYNAMIC_DISPATCH(write_token_target)(layout, layer, segment, capacity, at, keys, values);
}

namespace {

// Asked once, before use_attention_target changes what Highway answers.
const std::vector<std::int64_t>& machine_targets() {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

}  // namespace

std::span<const char* const> attention_targets() {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> result;
    for (const std::int64_t target : machine_targets()) result.push_back(hwy::TargetName(target));
    return result;
  }();
  return names;
}

void use_attention_target(const char* name) {
  std::int64_t chosen = 0;  // the best
  for (const std::int64_t target : machine_targets()) {
    if (std::string_view(name) == hwy::TargetName(target)) chosen = target;
  }
  require(chosen != 0 || *name == '\0', "use_attention_target: this machine has no such target");
  hwy::SetSupportedTargetsForTest(chosen);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace banyan::kernels
#endif  // HWY_ONCE
