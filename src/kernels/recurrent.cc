#include "kernels/recurrent.h"

#include "kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent.cc"
#include "hwy/foreach_target.h"

// After foreach_target.h, which reads this file once for each instruction set.
#include <algorithm>
#include <cmath>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace banyan::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));

// With kSome, fewer elements than a vector has.
template <bool kSome>
HWY_INLINE Vector load(const float* from, int count) {
  return kSome ? hn::LoadN(Floats(), from, count) : hn::LoadU(Floats(), from);
}
template <bool kSome>
HWY_INLINE void store(Vector vector, float* to, int count) {
  if constexpr (kSome) {
    hn::StoreN(vector, Floats(), to, count);
  } else {
    hn::StoreU(vector, Floats(), to);
  }
}

constexpr int kMostKernel = RecurrentLayout::kMostTaps + 1;
// Channels that are worked on together: their weights and window stay in the first-level cache.
constexpr int kChannels = 256;
constexpr float kZeros[kChannels] = {};

struct ConvBlock {
  int kernel;
  int count;  // of channels
  float weights[kMostKernel][kChannels];
  const float* window[kMostKernel];  // the rows that a row sees, oldest first
};

template <bool kSome>
HWY_INLINE void convolve_vector(const ConvBlock& block, int channel, float* out) {
  const Floats d;
  const int some = block.count - channel;
  Vector sum = hn::Zero(d);
  for (int i = 0; i < block.kernel; ++i) {
    sum = hn::MulAdd(load<kSome>(block.weights[i] + channel, some),
                     load<kSome>(block.window[i] + channel, some), sum);
  }
  // The exponential of more than 88 has no finite float.
  const Vector one = hn::Set(d, 1.0f);
  const Vector opposite = hn::Min(hn::Neg(sum), hn::Set(d, 88.0f));
  store<kSome>(hn::Div(sum, hn::Add(one, hn::Exp(d, opposite))), out + channel, some);
}

void convolve_target(const ConvRows& rows, int begin, int end) {
  const std::size_t stride = rows.channels;
  ConvBlock block;
  block.kernel = rows.taps + 1;
  for (int first = begin; first < end; first += kChannels) {
    block.count = HWY_MIN(kChannels, end - first);
    // Row `at` of the tail and the rows after it.
    const auto seen = [&](int at) {
      if (at >= rows.taps) return rows.in + (at - rows.taps) * stride + first;
      return rows.tail == nullptr ? kZeros : rows.tail + at * stride + first;
    };
    const float* weights = rows.weights + first * block.kernel;
    for (int c = 0; c < block.count; ++c) {
      for (int i = 0; i < block.kernel; ++i) block.weights[i][c] = *weights++;
    }
    for (int row = 0; row < rows.rows; ++row) {
      for (int i = 0; i < block.kernel; ++i) block.window[i] = seen(row + i);
      float* out = rows.out + row * stride + first;
      int c = 0;
      for (; c + kLanes <= block.count; c += kLanes) convolve_vector<false>(block, c, out);
      if (c < block.count) convolve_vector<true>(block, c, out);
    }
    for (int i = 0; i < rows.taps; ++i) {
      std::copy_n(seen(rows.rows + i), block.count, rows.new_tail + i * stride + first);
    }
  }
}

// Sums that are worked on at once: enough to hide how long one takes.
constexpr int kSums = 8;
constexpr int kMostVectors = HWY_MIN(kSums, RecurrentLayout::kTile / kLanes);

// Sums of products over the keys, in chains that do not wait for each other.
template <int kVectors>
struct Sums {
  static constexpr int kChains = kSums / kVectors;
  HWY_INLINE Sums() {
    HWY_UNROLL(8)
    for (int c = 0; c < kChains; ++c) {
      HWY_UNROLL(8)
      for (int v = 0; v < kVectors; ++v) sums[c][v] = hn::Zero(Floats());
    }
  }
  HWY_INLINE Vector total(int v) const {
    Vector sum = sums[0][v];
    HWY_UNROLL(8)
    for (int c = 1; c < kChains; ++c) sum = hn::Add(sum, sums[c][v]);
    return sum;
  }
  Vector sums[kChains][kVectors];
};

template <int kVectors, bool kSome>
HWY_INLINE void scan_columns(const DeltaRows& rows, int column) {
  using ColumnSums = Sums<kVectors>;
  constexpr int kChains = ColumnSums::kChains;
  const Floats d;
  const int some = rows.values - column;
  const int stride = rows.values;
  const int whole = rows.key_dim / kChains * kChains;
  const float* from = rows.from + column;
  float* const to = rows.to + column;
  for (int row = 0; row < rows.rows; ++row, from = to) {
    const float* k = rows.k + row * rows.key_stride;
    const float* q = rows.q + row * rows.key_stride;
    const float* v = rows.v + row * rows.v_stride + column;
    float* out = rows.out + row * rows.out_stride + column;
    const Vector decay = hn::Set(d, std::exp(rows.g[row * rows.gate_stride]));
    const Vector beta = hn::Set(d, rows.beta[row * rows.gate_stride]);

    ColumnSums seen;
    const auto recall = [&](int key, int chain) HWY_ATTR {
      const Vector element = hn::Set(d, k[key]);
      HWY_UNROLL(8)
      for (int i = 0; i < kVectors; ++i) {
        seen.sums[chain][i] =
            hn::MulAdd(element, load<kSome>(from + key * stride + i * kLanes, some), seen.sums[chain][i]);
      }
    };
    for (int key = 0; key < whole; key += kChains) {
      HWY_UNROLL(8)
      for (int c = 0; c < kChains; ++c) recall(key + c, c);
    }
    for (int key = whole; key < rows.key_dim; ++key) recall(key, 0);

    Vector delta[kVectors];
    HWY_UNROLL(8)
    for (int i = 0; i < kVectors; ++i) {
      delta[i] = hn::Mul(beta, hn::NegMulAdd(decay, seen.total(i), load<kSome>(v + i * kLanes, some)));
    }

    ColumnSums sums;
    const auto update = [&](int key, int chain) HWY_ATTR {
      const Vector element = hn::Set(d, k[key]);
      const Vector query = hn::Set(d, q[key]);
      HWY_UNROLL(8)
      for (int i = 0; i < kVectors; ++i) {
        const Vector decayed = hn::Mul(decay, load<kSome>(from + key * stride + i * kLanes, some));
        const Vector updated = hn::MulAdd(element, delta[i], decayed);
        store<kSome>(updated, to + key * stride + i * kLanes, some);
        sums.sums[chain][i] = hn::MulAdd(query, updated, sums.sums[chain][i]);
      }
    };
    for (int key = 0; key < whole; key += kChains) {
      HWY_UNROLL(8)
      for (int c = 0; c < kChains; ++c) update(key + c, c);
    }
    for (int key = whole; key < rows.key_dim; ++key) update(key, 0);
    HWY_UNROLL(8)
    for (int i = 0; i < kVectors; ++i) {
      store<kSome>(hn::Mul(hn::Set(d, rows.scale), sums.total(i)), out + i * kLanes, some);
    }
  }
}

template <int kVectors>
HWY_INLINE void scan_from(const DeltaRows& rows, int column) {
  for (; column + kVectors * kLanes <= rows.values; column += kVectors * kLanes) {
    scan_columns<kVectors, false>(rows, column);
  }
  if constexpr (kVectors > 1) {
    scan_from<kVectors / 2>(rows, column);
  } else if (column < rows.values) {
    scan_columns<1, true>(rows, column);
  }
}

void scan_target(const DeltaRows& rows) { scan_from<kMostVectors>(rows, 0); }

}  // namespace banyan::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace banyan::kernels {

HWY_EXPORT(convolve_target);
HWY_EXPORT(scan_target);

void convolve(const ConvRows& rows, int begin, int end) {
  HWY_DYNAMIC_DISPATCH(convolve_target)(rows, begin, end);
}

void scan_delta(const DeltaRows& rows) {
  DeltaRows from_zero = rows;
  if (rows.from == nullptr) {
    std::fill_n(rows.to, rows.key_dim * rows.values, 0.0f);
    from_zero.from = rows.to;
  }
  HWY_DYNAMIC_DISPATCH(scan_target)(from_zero);
}

}  // namespace banyan::kernels
#endif  // HWY_ONCE
