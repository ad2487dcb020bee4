/// The kernels of gated delta net layers: the short causal convolution over time, and the gated
/// delta rule (arXiv:2412.06464). One source for every instruction set (Highway), the best chosen at
/// run time; attention.h tells which there are.
///
/// A row is computed in the same way whatever rows are computed with it, so that a sequence cut
/// into pieces anywhere gives the same numbers, bit for bit.
#pragma once

#include <cstddef>

#include "banyan/recurrent_layout.h"

namespace banyan::kernels {

/// Rows of one sequence through a convolution over time, each channel by itself.
struct ConvRows {
  int taps = 0;  ///< rows before its own that a row sees, at most RecurrentLayout::kMostTaps
  int channels = 0;
  int rows = 0;
  const float* in = nullptr;       ///< [rows][channels]
  const float* weights = nullptr;  ///< [channels][taps + 1], of the oldest row first
  const float* tail = nullptr;     ///< [taps][channels], the rows before; null: zeros
  float* new_tail = nullptr;       ///< [taps][channels]; may be the tail
  float* out = nullptr;            ///< [rows][channels]
};

/// out = silu(convolution of the tail and the rows) for channels [begin, end), and the last `taps`
/// rows to new_tail.
void convolve(const ConvRows& rows, int begin, int end);

/// Rows of one sequence through the delta rule of some values, at most a tile, of one head.
struct DeltaRows {
  int key_dim = 0;
  int values = 0;
  int rows = 0;
  float scale = 1;
  /// Of row 0; those of the next row lie a stride further.
  const float* q = nullptr;     ///< [key_dim]
  const float* k = nullptr;     ///< [key_dim]
  const float* v = nullptr;     ///< [values]
  float* out = nullptr;         ///< [values]
  const float* g = nullptr;     ///< one number, the logarithm of the decay
  const float* beta = nullptr;  ///< one number
  std::size_t key_stride = 0;   ///< of q and k
  std::size_t v_stride = 0;
  std::size_t out_stride = 0;
  std::size_t gate_stride = 0;  ///< of g and beta
  const float* from = nullptr;  ///< [key_dim][values], the matrix S before; null: zeros
  float* to = nullptr;          ///< [key_dim][values], the matrix after; may be `from`
};

/// Row after row: S = exp(g) S; S += k (x) beta (v - k S); out = scale q S.
void scan_delta(const DeltaRows& rows);

}  // namespace banyan::kernels
