/// Gated delta nets (arXiv:2412.06464) as Qwen3-Next and Qwen3.5 have them.
#pragma once

#include <string>

#include "model/graph.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

/// A norm, a short convolution and the gated delta rule, whose result is normalised and gated.
struct DeltaNet {
  ggml_tensor* norm;      // [embedding]
  Linear qkv;             // [embedding, channels]
  Linear gate;            // [embedding, values]
  Linear beta_alpha;      // [embedding, 2 * value_heads], those of a key head's value heads together; or
  Linear beta;            // [embedding, value_heads] and
  Linear alpha;           // [embedding, value_heads]
  ggml_tensor* conv;      // [conv_kernel, channels]
  ggml_tensor* dt_bias;   // [value_heads]
  ggml_tensor* a;         // [value_heads], negative
  ggml_tensor* out_norm;  // [value_dim]
  Linear out;             // [values, embedding]

  DeltaNet(const Hyperparameters& model, WeightLoader& weights, const std::string& block);
  /// [embedding, wanted rows] of x [embedding, rows].
  ggml_tensor* build(Graph& graph, int layer, ggml_tensor* x) const;
};

}  // namespace banyan
