/// Parts that several architectures have: how they are loaded, and what they compute.
#pragma once

#include <string>

#include "model/graph.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

/// How the names of a layer's tensors begin.
std::string block_name(int layer);

/// Where tokens come in and logits go out.
struct Ends {
  ggml_tensor* embedding;    // [embedding, vocabulary]
  ggml_tensor* output_norm;  // [embedding]
  Linear output;             // [embedding, vocabulary]

  Ends(const Hyperparameters& model, WeightLoader& weights);
  /// [vocabulary, outputs] of x [embedding, outputs].
  ggml_tensor* logits(Graph& graph, ggml_tensor* x) const;
};

/// What differs between attention blocks that have the same tensors.
struct AttentionStyle {
  int rope_mode = GGML_ROPE_TYPE_NEOX;
  ggml_tensor* rope_factors = nullptr;  // [rope dimensions / 2]
};

/// A norm and grouped-query attention (arXiv:2305.13245), with or without sinks or windows.
struct AttentionBlock {
  ggml_tensor* norm;              // [embedding]
  LinearStack qkv;                // [embedding, head_dim * query_heads], and twice of kv_heads
  Linear o;                       // [head_dim * query_heads, embedding]
  ggml_tensor* q_norm = nullptr;  // [head_dim], or null
  ggml_tensor* k_norm = nullptr;  // [head_dim], or null
  ggml_tensor* sinks = nullptr;   // [query_heads], or null

  /// Asks for all but what may be null.
  AttentionBlock(const Hyperparameters& model, WeightLoader& weights, const std::string& block);
  /// Asks for q_norm and k_norm too.
  void load_head_norms(const Hyperparameters& model, WeightLoader& weights, const std::string& block);
  /// [embedding, wanted rows] of x [embedding, rows].
  ggml_tensor* build(Graph& graph, int layer, ggml_tensor* x, const AttentionStyle& style = {}) const;
};

}  // namespace banyan
