/// The building blocks of a transformer as a ggml graph, for one step over rows of tokens.
///
/// Shapes are ggml's, fastest first: [embedding, rows] is a row of `embedding` numbers per token.
#pragma once

#include <ggml.h>

#include <atomic>
#include <vector>

#include "banyan/attention_state.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

/// What one layer's attention operations work on.
struct AttentionCall {
  /// Counts what was handed from thread to thread. ggml's barriers order the operations already;
  /// this says it in a way that the thread sanitizer, which cannot see into ggml, understands.
  std::atomic<unsigned> handovers = 0;
  AttentionBatch* batch = nullptr;  ///< set for each step
  int layer = 0;
};

class Graph {
 public:
  /// Most tensors that a graph of so many layers has.
  static std::size_t most_tensors(int layers) { return 64 + 64 * static_cast<std::size_t>(layers); }

  /// The blocks make their tensors in `context`. `calls` has one entry for each layer; all must
  /// outlive the graph.
  Graph(ggml_context* context, const Hyperparameters& model, std::span<AttentionCall> calls, int rows,
        int outputs);

  /// x [embedding, rows] of the step's tokens; `table` is [embedding, vocabulary].
  ggml_tensor* embed(ggml_tensor* table);
  /// x / rms(x) * weight along the first dimension (arXiv:1910.07467).
  ggml_tensor* rms_norm(ggml_tensor* x, ggml_tensor* weight);
  /// x [in, rows] -> [out, rows].
  ggml_tensor* linear(const Linear& layer, ggml_tensor* x);
  /// x [heads * head_dim, rows] -> [head_dim, heads, rows].
  ggml_tensor* split_heads(ggml_tensor* x);
  /// Turns q or k [head_dim, heads, rows] by the rows' positions. `mode` says which numbers make
  /// pairs: neighbours (GGML_ROPE_TYPE_NORMAL) or halves (GGML_ROPE_TYPE_NEOX). `factors`, if any,
  /// [rope.dimensions / 2] divide the frequencies.
  ggml_tensor* rope(ggml_tensor* x, int mode, ggml_tensor* factors = nullptr);
  /// Appends k and v [head_dim, kv_heads, rows] to the layer's state and attends to it with
  /// q [head_dim, query_heads, rows]. Returns [head_dim * query_heads, rows].
  ggml_tensor* attention(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v);
  ggml_tensor* add(ggml_tensor* a, ggml_tensor* b);
  /// down(silu(gate(x)) * up(x)), x [embedding, rows].
  ggml_tensor* feed_forward(const FeedForward& layer, ggml_tensor* x);
  /// The rows whose logits are wanted: x [n, rows] -> [n, outputs].
  ggml_tensor* output_rows(ggml_tensor* x);

  /// Closes the graph with its result.
  void finish(ggml_tensor* logits);

  /// Inputs to fill in before computing.
  ggml_tensor* tokens() const { return tokens_; }        ///< [rows], int32
  ggml_tensor* positions() const { return positions_; }  ///< [rows], int32
  ggml_tensor* outputs() const { return outputs_; }      ///< [outputs], int32: rows
  /// The result, [vocabulary, outputs].
  ggml_tensor* logits() const { return logits_; }
  ggml_cgraph* raw() const { return graph_; }

 private:
  ggml_tensor* input(int n);

  ggml_context* context_;
  const Hyperparameters* model_;
  std::span<AttentionCall> calls_;
  int rows_;
  ggml_cgraph* graph_;
  ggml_tensor* tokens_;
  ggml_tensor* positions_;
  ggml_tensor* outputs_;
  ggml_tensor* logits_ = nullptr;
};

}  // namespace banyan
