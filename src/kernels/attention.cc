#include "kernels/attention.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include "hwy/foreach_target.h"

// After foreach_target.h, which reads this file once for each instruction set.
#include <algorithm>
#include <string_view>
#include <type_traits>
#include <vector>

#include "banyan/base.h"
#include "hwy/highway.h"
#include "kernels/attention_block.h"

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
constexpr int kTileVectors = kTile / kLanes;
// Of a block of numbers of a tile of tokens.
constexpr int kScaleBytes = kTile * sizeof(hwy::float16_t);
// Sums that registers hold beside what feeds them, and the most rows that share a load.
constexpr int kSums = HWY_TARGET <= HWY_AVX3 || HWY_TARGET_IS_NEON ? 16 : 8;
constexpr int kMostRows = kLanes == 1 ? 1 : HWY_MIN(kQueryRows, kSums / HWY_MAX(2, kTileVectors));
// Rows for which a chunk of halves is turned to floats first: each group of kMostRows would do it again.
constexpr int kManyRows = 2 * kMostRows;
// Rows that are computed faster than memory gives them keys and values.
constexpr int kFewRows = kMostRows / 2;

HWY_INLINE Vector load(const float* from) { return hn::LoadU(Floats(), from); }
HWY_INLINE Vector load(const hwy::float16_t* from) {
  return hn::PromoteTo(Floats(), hn::LoadU(Halves(), from));
}
HWY_INLINE Vector load(const std::int8_t* from) {
  return hn::ConvertTo(Floats(), hn::PromoteTo(hn::RebindToSigned<Floats>(), hn::LoadU(Bytes(), from)));
}
HWY_INLINE Vector load_some(const float* from, int count) { return hn::LoadN(Floats(), from, count); }
HWY_INLINE Vector load_some(const hwy::float16_t* from, int count) {
  return hn::PromoteTo(Floats(), hn::LoadN(Halves(), from, count));
}
HWY_INLINE Vector load_some(const std::int8_t* from, int count) {
  return hn::ConvertTo(Floats(),
                       hn::PromoteTo(hn::RebindToSigned<Floats>(), hn::LoadN(Bytes(), from, count)));
}

// Whether keys and values are q8_0, whose numbers have scales.
template <class T>
constexpr bool kScaled = std::is_same_v<T, std::int8_t>;

// exp(x) of x <= 0, good to two units in the last place: 1 of 0, and 0 of what has no weight.
HWY_INLINE Vector exp_of_negative(Vector x) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const Vector magic = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vector rounded = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  const Vector n = hn::Sub(rounded, magic);
  const Vector r =
      hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
  Vector p = hn::Set(d, 1.3981999507e-3f);
  for (const float c : {8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 0.5f, 1.0f, 1.0f}) {
    p = hn::MulAdd(p, r, hn::Set(d, c));
  }
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, rounded));
  const Vector result = hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
  return hn::IfThenElseZero(hn::Gt(x, hn::Set(d, -87.0f)), result);
}

// A chunk: of up to kChunk tokens, as many tiles of keys and rows of values as there are in the run.
template <class T>
struct Chunk {
  const T* keys;
  const T* values;
};

// Asks for the cache line at `from`, where a vector that is at `index` of its kind begins one, for kRows rows
// if they wait for memory: to the second-level cache, as a chunk ahead is too much for the first.
template <int kRows, class T>
HWY_INLINE void prefetch(const T* from, int index) {
  if (kRows <= kFewRows && index * kLanes * static_cast<int>(sizeof(T)) % 64 == 0) {
    __builtin_prefetch(from, 0, 2);
  }
}

// Where a row's query begins; its numbers are kQueryRows apart.
HWY_INLINE float* query_of(const BlockMemory& block, int row) {
  return block.queries + row / kQueryRows * kQueryRows * block.key_dim + row % kQueryRows;
}

// Scores of kRows rows with tiles [tile, tiles) of a chunk's keys, scaled ones block by block.
template <int kRows, int kTiles, class T, class Stored>
HWY_INLINE void score_tiles(const BlockMemory& block, const T* keys, const Stored* ahead, int row, int tile,
                            int tiles) {
  constexpr int kVectors = kTiles * kTileVectors;
  const int tile_size = kScaled<T> ? static_cast<int>(kTile * block.key_bytes) : kTile * block.key_dim;
  const int step = kScaled<T> ? kBlock : block.key_dim;
  for (; tile + kTiles <= tiles; tile += kTiles) {
    const T* from = keys + tile * tile_size;
    const Stored* next = ahead + tile * tile_size;
    const float* query = query_of(block, row);
    for (int first = 0; first < block.key_dim; first += step) {
      const int end = HWY_MIN(first + step, block.key_dim);
      const auto* const scales = reinterpret_cast<const hwy::float16_t*>(from);
      if constexpr (kScaled<T>) {
        const int bytes = kScaleBytes + (end - first) * kTile;
        for (int i = 0; i < kTiles; ++i) {
          for (int at = 0; at < bytes; at += 64) prefetch<kRows>(next + i * tile_size + at, 0);
        }
        from += kScaleBytes;
        next += bytes;
      }
      Vector sums[kRows][kVectors];
      HWY_UNROLL(8)
      for (int r = 0; r < kRows; ++r) {
        HWY_UNROLL(16)
        for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(Floats());
      }
      for (int d = first; d < end; ++d, from += kTile, query += kQueryRows) {
        Vector key[kVectors];
        HWY_UNROLL(16)
        for (int v = 0; v < kVectors; ++v) {
          const int at = v / kTileVectors * tile_size + v % kTileVectors * kLanes;
          key[v] = load(from + at);
          if constexpr (!kScaled<T>) prefetch<kRows>(next + at, v % kTileVectors);
        }
        if constexpr (!kScaled<T>) next += kTile;
        HWY_UNROLL(8)
        for (int r = 0; r < kRows; ++r) {
          const Vector q = hn::Set(Floats(), query[r]);
          HWY_UNROLL(16)
          for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(q, key[v], sums[r][v]);
        }
      }
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) {
        float* to = block.scores + row * kChunk + tile * kTile + v * kLanes;
        if constexpr (kScaled<T>) {
          const Vector scale = load(scales + v / kTileVectors * (tile_size / 2) + v % kTileVectors * kLanes);
          HWY_UNROLL(8)
          for (int r = 0; r < kRows; ++r) {
            const Vector before = first == 0 ? hn::Zero(Floats()) : load(to + r * kChunk);
            sums[r][v] = hn::MulAdd(scale, sums[r][v], before);
          }
        }
        HWY_UNROLL(8)
        for (int r = 0; r < kRows; ++r) hn::StoreU(sums[r][v], Floats(), to + r * kChunk);
      }
    }
  }
  if constexpr (kTiles > 1) score_tiles<kRows, kTiles / 2>(block, keys, ahead, row, tile, tiles);
}

// Tokens [begin, end) of a chunk; none where end <= begin.
struct Visible {
  int begin = kChunk;
  int end = 0;

  int first_tile() const { return begin / kTile; }
  int tiles() const { return (end + kTile - 1) / kTile; }
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

// A row's maximum rises to that of the scores `highest`, and what it has summed up is rescaled, if need be.
HWY_INLINE void raise_maximum(const BlockMemory& block, int row, Vector highest) {
  const Floats d;
  const Vector before = hn::Set(d, block.piece.maximum[row]);
  block.rescale[row] = 1;
  if (HWY_LIKELY(hn::AllFalse(d, hn::Gt(highest, before)))) return;
  const float maximum = hn::ReduceMax(d, highest);
  block.piece.maximum[row] = maximum;
  block.rescale[row] = hn::GetLane(exp_of_negative(hn::Sub(before, hn::Set(d, maximum))));
}

// Turns a row's scores of the tokens that it sees into weights relative to the running maximum, and
// those of all others of the tiles [tile, tiles) into zeros.
HWY_INLINE void weigh_some(const BlockMemory& block, int row, int tile, int tiles) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  float* scores = block.scores + row * kChunk;
  const auto first = hn::Set(di, block.visible_begin[row]);
  const auto last = hn::Set(di, block.visible_end[row]);
  Vector highest = hn::Set(d, kUnseen);
  for (int t = tile * kTile; t < tiles * kTile; t += kLanes) {
    const auto token = hn::Iota(di, t);
    const auto seen = hn::RebindMask(d, hn::And(hn::Ge(token, first), hn::Lt(token, last)));
    const Vector score = hn::IfThenElse(seen, load(scores + t), hn::Set(d, kUnseen));
    hn::StoreU(score, d, scores + t);
    highest = hn::Max(highest, score);
  }
  raise_maximum(block, row, highest);
  const Vector maximum = hn::Set(d, block.piece.maximum[row]);
  float* sums = block.piece.out + (row + 1) * block.out_stride - kTile;
  Vector sum = hn::Mul(load(sums), hn::Set(d, block.rescale[row]));
  for (int t = tile * kTile; t < tiles * kTile; t += kLanes) {
    const Vector weight = exp_of_negative(hn::Sub(load(scores + t), maximum));
    hn::StoreU(weight, d, scores + t);
    sum = hn::Add(sum, weight);
  }
  hn::StoreU(sum, d, sums);
}

// The same of a row that sees all of the chunk.
HWY_INLINE void weigh_all(const BlockMemory& block, int row) {
  constexpr int kVectors = kChunk / kLanes;
  const Floats d;
  float* scores = block.scores + row * kChunk;
  Vector score[kVectors];
  HWY_UNROLL(16)
  for (int v = 0; v < kVectors; ++v) score[v] = load(scores + v * kLanes);
  Vector highest = score[0];
  HWY_UNROLL(16)
  for (int v = 1; v < kVectors; ++v) highest = hn::Max(highest, score[v]);
  raise_maximum(block, row, highest);
  const Vector maximum = hn::Set(d, block.piece.maximum[row]);
  float* sums = block.piece.out + (row + 1) * block.out_stride - kTile;
  Vector sum = hn::Mul(load(sums), hn::Set(d, block.rescale[row]));
  HWY_UNROLL(16)
  for (int v = 0; v < kVectors; ++v) {
    const Vector weight = exp_of_negative(hn::Sub(score[v], maximum));
    hn::StoreU(weight, d, scores + v * kLanes);
    sum = hn::Add(sum, weight);
  }
  hn::StoreU(sum, d, sums);
}

// Weights of rows [row, row + kRows) from their scores of the chunk.
template <int kRows>
HWY_INLINE void weigh_rows(const BlockMemory& block, int row, const Visible& seen) {
  for (int r = row; r < row + kRows; ++r) {
    if (block.visible_end[r] - block.visible_begin[r] == kChunk) {
      weigh_all(block, r);
    } else {
      weigh_some(block, r, seen.first_tile(), seen.tiles());
    }
  }
}

// Rescales what kRows rows have summed up so far and adds the weighted values of tokens
// [begin, end), in the columns from `column` on. With kSome, in the last columns, fewer than a
// vector.
template <int kRows, int kVectors, bool kSome, class T, class Stored>
HWY_INLINE void add_columns(const BlockMemory& block, const T* values, const Stored* ahead,
                            const float* weights, int row, int begin, int end, int column) {
  const Floats d;
  const int some = block.value_dim - column;
  float* out = block.piece.out + row * block.out_stride + column;
  Vector sums[kRows][kVectors];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    const Vector rescale = hn::Set(d, block.rescale[row + r]);
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::Mul(rescale, load(out + r * block.out_stride + v * kLanes));
    }
  }
  const int scales = kScaled<T> ? KvLayout::blocks(block.value_dim) * kScaleBytes : 0;
  const int offset = begin * block.value_dim + (begin / kTile + 1) * scales + column;
  const T* from = values + offset;
  const Stored* next = ahead + offset;
  for (int t = begin; t < end; ++t, from += block.value_dim, next += block.value_dim) {
    if (kScaled<T> && t % kTile == 0 && t > begin) {
      from += scales;
      next += scales;
    }
    Vector value[kVectors];
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      value[v] = kSome ? load_some(from, some) : load(from + v * kLanes);
      prefetch<kRows>(next + v * kLanes, column / kLanes + v);
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

// As add_columns, in columns [column, column_end); less than a vector may be left only of the last.
template <int kRows, int kVectors, class T, class Stored>
HWY_INLINE void add_values(const BlockMemory& block, const T* values, const Stored* ahead,
                           const float* weights, int row, int begin, int end, int column, int column_end) {
  for (; column + kVectors * kLanes <= column_end; column += kVectors * kLanes) {
    add_columns<kRows, kVectors, false>(block, values, ahead, weights, row, begin, end, column);
  }
  if constexpr (kVectors > 1) {
    add_values<kRows, kVectors / 2>(block, values, ahead, weights, row, begin, end, column, column_end);
  } else if (column < column_end) {
    add_columns<kRows, 1, true>(block, values, ahead, weights, row, begin, end, column);
  }
}

// The weights of kRows rows for a block of scaled values: times the scales of tokens [begin, end).
template <int kRows>
HWY_INLINE void scale_weights(const BlockMemory& block, const std::int8_t* values, int row, int begin,
                              int end, int column, float* to) {
  const float* weights = block.scores + row * kChunk;
  for (int t = begin / kTile * kTile; t < end; t += kLanes) {
    const auto* const scales = reinterpret_cast<const hwy::float16_t*>(
        values + t / kTile * kTile * block.value_bytes + column / kBlock * kScaleBytes);
    const Vector scale = load(scales + t % kTile);
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      hn::StoreU(hn::Mul(scale, load(weights + r * kChunk + t)), Floats(), to + r * kChunk + t);
    }
  }
}

// Scores of rows [row, row_end) and what they weigh, kRows at a time, from a multiple of it on so that their
// queries lie together; those before and after in smaller steps.
template <int kRows, class T, class Stored>
void score_rows(const BlockMemory& block, const T* keys, const Stored* ahead, int row, int row_end) {
  constexpr int kTiles = HWY_MAX(1, HWY_MIN(4, kSums / (kRows * kTileVectors)));
  if constexpr (kRows > 1) {
    const int first = HWY_MIN(round_up(row, kRows), row_end);
    if (row < first) score_rows<kRows / 2>(block, keys, ahead, row, first);
    row = first;
  }
  for (; row + kRows <= row_end; row += kRows) {
    const Visible seen = visible_to(block, row, row + kRows);
    if (seen.begin >= seen.end) continue;
    score_tiles<kRows, kTiles>(block, keys, ahead, row, seen.first_tile(), seen.tiles());
    weigh_rows<kRows>(block, row, seen);
  }
  if constexpr (kRows > 1) score_rows<kRows / 2>(block, keys, ahead, row, row_end);
}

// Adds the chunk's weighted values to rows [row, row_end), in the steps of score_rows: in each, rows have
// weights for all tokens that any of them sees.
template <int kRows, class T, class Stored>
void add_rows(const BlockMemory& block, const T* values, const Stored* ahead, int row, int row_end) {
  constexpr int kVectors = HWY_MIN(8, kSums / kRows);
  if constexpr (kRows > 1) {
    const int first = HWY_MIN(round_up(row, kRows), row_end);
    if (row < first) add_rows<kRows / 2>(block, values, ahead, row, first);
    row = first;
  }
  for (; row + kRows <= row_end; row += kRows) {
    const Visible seen = visible_to(block, row, row + kRows);
    if (seen.begin >= seen.end) continue;
    if constexpr (kScaled<T>) {
      HWY_ALIGN float weights[kRows * kChunk];
      for (int column = 0; column < block.value_dim; column += kBlock) {
        scale_weights<kRows>(block, values, row, seen.begin, seen.end, column, weights);
        add_values<kRows, HWY_MIN(kVectors, kBlock / kLanes)>(block, values, ahead, weights, row, seen.begin,
                                                              seen.end, column,
                                                              HWY_MIN(column + kBlock, block.value_dim));
      }
    } else {
      add_values<kRows, kVectors>(block, values, ahead, block.scores + row * kChunk, row, seen.begin,
                                  seen.end, 0, block.value_dim);
    }
  }
  if constexpr (kRows > 1) add_rows<kRows / 2>(block, values, ahead, row, row_end);
}

// Rows [row, row_end) attend to a chunk; few of them ask for the chunk `ahead` meanwhile.
template <class T, class Stored>
void attend_chunk(const BlockMemory& block, const Chunk<T>& chunk, const Chunk<Stored>& ahead, int row,
                  int row_end) {
  score_rows<kMostRows>(block, chunk.keys, ahead.keys, row, row_end);
  add_rows<kMostRows>(block, chunk.values, ahead.values, row, row_end);
}

// Numbers [first, last) of a chunk as floats, in the same places of `to`.
const float* to_floats(const hwy::float16_t* from, float* to, int first, int last) {
  int i = first;
  for (; i + kLanes <= last; i += kLanes) hn::StoreU(load(from + i), Floats(), to + i);
  if (i < last) hn::StoreN(load_some(from + i, last - i), Floats(), to + i, last - i);
  return to;
}

// As attend_chunk, for so many rows that it is worth turning tokens [begin, end) to floats first: the keys,
// and the values only when the keys are done with, so that the first-level cache has room.
void attend_chunk_as_floats(const BlockMemory& block, const Chunk<hwy::float16_t>& chunk, int begin, int end,
                            int row, int row_end) {
  const float* keys = to_floats(chunk.keys, block.keys, begin / kTile * kTile * block.key_dim,
                                (end + kTile - 1) / kTile * kTile * block.key_dim);
  score_rows<kMostRows>(block, keys, keys, row, row_end);
  const float* values = to_floats(chunk.values, block.values, begin * block.value_dim, end * block.value_dim);
  add_rows<kMostRows>(block, values, values, row, row_end);
}

// The chunk that begins at token `base` of a run's segment.
template <class T>
Chunk<T> chunk_at(const KvLayout& layout, const KvRun& run, int layer, int head, int base) {
  const std::byte* keys = run.segment + layout.keys_offset(run.capacity, layer, head);
  const std::byte* values = run.segment + layout.values_offset(run.capacity, layer, head);
  return {reinterpret_cast<const T*>(keys + base * layout.key_bytes()),
          reinterpret_cast<const T*>(values + base * layout.value_bytes())};
}

// What the part's rows see of the chunk that begins at token `base` of its segment.
void find_visible(const BlockMemory& block, const RunPart& part, int window, int base) {
  const KvRun& run = part.run;
  const int begin = HWY_MAX(run.begin - base, 0);
  const int end = HWY_MIN(run.end - base, kChunk);
  for (int row = part.row_begin; row < part.row_end; ++row) {
    int least = begin;
    int most = end;
    if (!part.seen_by_all) {
      const int next = block.position[row] + 1 - run.position + run.begin - base;
      if (window > 0) least = HWY_MAX(begin, next - window);
      most = HWY_MIN(next, end);
    }
    block.visible_begin[row] = least < most ? least : kChunk;
    block.visible_end[row] = least < most ? most : 0;
  }
}

// Clears what rows have summed up.
void clear(const BlockMemory& block, const RowSums& sums, const RowRange& rows) {
  std::fill(sums.out + rows.begin * block.out_stride, sums.out + rows.end * block.out_stride, 0.0f);
  std::fill(sums.maximum + rows.begin, sums.maximum + rows.end, kLeastMaximum);
}

// Sums up a piece in block.piece.
template <class T>
void attend_piece(const AttentionShape& shape, int layer, int head, std::span<const RunPart> parts,
                  const BlockMemory& block) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const RunPart& part = parts[i];
    for (int base = part.run.begin / kChunk * kChunk; base < part.run.end; base += kChunk) {
      find_visible(block, part, shape.window, base);
      const Chunk<T> chunk = chunk_at<T>(shape.layout, part.run, layer, head, base);
      Chunk<T> ahead = chunk;
      if (base + kChunk < part.run.end) {
        ahead = chunk_at<T>(shape.layout, part.run, layer, head, base + kChunk);
      } else if (i + 1 < parts.size()) {
        const KvRun& next = parts[i + 1].run;
        ahead = chunk_at<T>(shape.layout, next, layer, head, next.begin / kChunk * kChunk);
      }
      if constexpr (std::is_same_v<T, hwy::float16_t>) {
        if (part.row_end - part.row_begin >= kManyRows) {
          const int begin = HWY_MAX(part.run.begin - base, 0);
          const int end = HWY_MIN(part.run.end - base, kChunk);
          attend_chunk_as_floats(block, chunk, begin, end, part.row_begin, part.row_end);
          continue;
        }
      }
      attend_chunk(block, chunk, ahead, part.row_begin, part.row_end);
    }
  }
}

// exp(before - maximum), in all lanes.
Vector rescaling(float before, float maximum) {
  const Floats d;
  return hn::Set(d, hn::GetLane(exp_of_negative(hn::Sub(hn::Set(d, before), hn::Set(d, maximum)))));
}

// Adds what rows have summed up in `more` to what they have in `sums`.
void add_sums(const BlockMemory& block, const RowSums& sums, const RowSums& more, const RowRange& rows) {
  const Floats d;
  for (int row = rows.begin; row < rows.end; ++row) {
    const float maximum = HWY_MAX(sums.maximum[row], more.maximum[row]);
    const Vector sums_scale = rescaling(sums.maximum[row], maximum);
    const Vector more_scale = rescaling(more.maximum[row], maximum);
    sums.maximum[row] = maximum;
    float* total = sums.out + row * block.out_stride;
    const float* from = more.out + row * block.out_stride;
    for (int i = 0; i < block.out_stride; i += kLanes) {
      const Vector scaled = hn::Mul(load(total + i), sums_scale);
      hn::StoreU(hn::MulAdd(load(from + i), more_scale, scaled), d, total + i);
    }
  }
}

// A sink is one more score of a row, which takes weight and has no value.
void add_sink(const BlockMemory& block, const RowSums& sums, int row, float sink) {
  const float maximum = HWY_MAX(sums.maximum[row], sink);
  const Vector scale = rescaling(sums.maximum[row], maximum);
  float* out = sums.out + row * block.out_stride;
  for (int i = 0; i < block.out_stride; i += kLanes) {
    hn::StoreU(hn::Mul(load(out + i), scale), Floats(), out + i);
  }
  out[block.out_stride - kTile] += hn::GetLane(rescaling(HWY_MAX(kLeastMaximum, sink), maximum));
  sums.maximum[row] = maximum;
}

// Sums up nodes [first, last) of level `leaf_level`, all below one node of `level`, in the order of the tree.
// The sums of `rows` go to `to`. sum_leaf(node, rows, to) does so for one node; rows that do not attend to it
// get sums of nothing. To add such sums changes no bit, so rows that attend to few of the nodes, and levels
// with one node, cost nothing.
template <class Node, class SumLeaf>
void sum_nodes(const BlockMemory& block, std::span<const Node> nodes, int leaf_level, int level,
               const RowRange& rows, const RowSums& to, const SumLeaf& sum_leaf) {
  if (level == leaf_level) return sum_leaf(nodes.front(), rows, to);
  const int bits = (level - 1 - leaf_level) * kFanOutBits;
  for (std::size_t first = 0, next; first < nodes.size(); first = next) {
    RowRange own = nodes[first].rows;
    for (next = first + 1; next < nodes.size(); ++next) {
      if (nodes[next].index >> bits != nodes[first].index >> bits) break;
      own.begin = HWY_MIN(own.begin, nodes[next].rows.begin);
      own.end = HWY_MAX(own.end, nodes[next].rows.end);
    }
    const auto child = nodes.subspan(first, next - first);
    if (first == 0) {
      sum_nodes(block, child, leaf_level, level - 1, rows, to, sum_leaf);
    } else {
      const RowSums& sums = block.sums[level - 1];
      sum_nodes(block, child, leaf_level, level - 1, own, sums, sum_leaf);
      add_sums(block, to, sums, own);
    }
  }
}

// What all layers of a step have in common is in the plan.
struct Call {
  AttentionPlan& plan;
  int layer;
  const float* q;
  const float* sinks;
  float* out;
  std::byte* scratch;
};

template <class T>
void attend_task(const Call& call, const AttentionTask& task, BlockMemory block) {
  AttentionPlan& plan = call.plan;
  const AttentionShape& shape = plan.shape();
  const RowBlock& rows = plan.blocks()[task.block];
  const int group = plan.group();
  const int count = rows.end - rows.begin;
  const auto query_index = [&](int row) {
    const std::size_t i = rows.begin + row;
    return i / group * shape.query_heads + task.head * group + i % group;
  };
  for (int row = 0; row < count; ++row) {
    const float* query = call.q + query_index(row) * block.key_dim;
    float* to = query_of(block, row);
    for (int d = 0; d < block.key_dim; ++d) {
      to[d * kQueryRows] = query[d] * shape.scale;
    }
    block.position[row] = plan.positions()[(rows.begin + row) / group];
  }

  const auto sum_pieces = [&](int begin, int end, int level, const RowRange& of_rows, const RowSums& to) {
    sum_nodes(block, plan.pieces().subspan(begin, end - begin), 0, level, of_rows, to,
              [&](const PathPiece& piece, const RowRange& piece_rows, const RowSums& sums) {
                clear(block, sums, piece_rows);
                block.piece = sums;
                attend_piece<T>(shape, call.layer, task.head,
                                plan.parts().subspan(piece.part_begin, piece.part_end - piece.part_begin),
                                block);
              });
  };
  const RowSums& total = block.sums[plan.root_level()];
  if (rows.tasks == 1) {
    sum_pieces(rows.piece_begin, rows.piece_end, plan.root_level(), {0, count}, total);
  } else {
    for (int i = task.node_begin; i < task.node_end; ++i) {
      const SumNode& node = plan.nodes()[i];
      sum_pieces(node.piece_begin, node.piece_end, plan.cut_level(), node.rows,
                 plan.partial(call.scratch, task, node));
    }
    if (!plan.finish(task)) return;
    sum_nodes(block, plan.nodes().subspan(rows.node_begin, rows.node_end - rows.node_begin), plan.cut_level(),
              plan.root_level(), {0, count}, total,
              [&](const SumNode& node, const RowRange& node_rows, const RowSums& sums) {
                clear(block, sums, node_rows);
                add_sums(block, sums, plan.partial(call.scratch, task, node), node.rows);
              });
  }

  for (int row = 0; row < count; ++row) {
    if (call.sinks != nullptr) {
      add_sink(block, total, row, call.sinks[task.head * group + (rows.begin + row) % group]);
    }
    float* to = call.out + query_index(row) * block.value_dim;
    const float* from = total.out + row * block.out_stride;
    const float share = 1 / hn::ReduceSum(Floats(), load(from + block.out_stride - kTile));
    for (int d = 0; d < block.value_dim; ++d) to[d] = from[d] * share;
  }
}

template <class T>
void attend_tasks(const Call& call, int ith, int nth) {
  AttentionPlan& plan = call.plan;
  const BlockMemory block(plan.shape(), plan.root_level(), plan.most_rows(),
                          plan.thread_scratch(call.scratch, ith));
  while (const AttentionTask* task = plan.take(nth)) attend_task<T>(call, *task, block);
}

void attend_target(AttentionPlan& plan, int layer, const float* q, const float* sinks, float* out, int ith,
                   int nth, std::byte* scratch) {
  const Call call{plan, layer, q, sinks, out, scratch};
  const KvType type = plan.shape().layout.type;
  const auto attend = type == KvType::f16    ? attend_tasks<hwy::float16_t>
                      : type == KvType::q8_0 ? attend_tasks<std::int8_t>
                                             : attend_tasks<float>;
  attend(call, ith, nth);
}

}  // namespace banyan::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace banyan::kernels {

HWY_EXPORT(attend_target);

void attend(AttentionPlan& plan, int layer, const float* q, const float* sinks, float* out, int ith, int nth,
            std::byte* scratch) {
  HWY_DYNAMIC_DISPATCH(attend_target)(plan, layer, q, sinks, out, ith, nth, scratch);
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
