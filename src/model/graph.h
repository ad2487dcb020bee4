/// The building blocks of a model as a ggml graph, for one step over rows of tokens.
///
/// Shapes are ggml's, fastest first: [embedding, rows] is a row of `embedding` numbers per token.
#pragma once

#include <ggml.h>

#include <span>
#include <vector>

#include "banyan/attention_batch.h"
#include "banyan/recurrent_state.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

/// What the operations on the layers' memory work on in a step, set before each.
struct StepBatches {
  // Of those kinds that the model has.
  AttentionBatch* attention = nullptr;
  AttentionBatch* window = nullptr;
  RecurrentBatch* recurrent = nullptr;
};

/// A layer as those operations know it.
struct LayerCall {
  const StepBatches* step = nullptr;
  LayerKind kind = LayerKind::attention;
  int layer = 0;  ///< counted in its group
};

/// One for each layer of the model. `step` must outlive them.
std::vector<LayerCall> layer_calls(const Hyperparameters& model, const StepBatches& step);

class Graph {
 public:
  /// Most tensors that a graph of so many layers has.
  static std::size_t most_tensors(int layers) { return 64 + 128 * static_cast<std::size_t>(layers); }

  /// `rows` may be more than those of the steps, whose rows come first; what the others compute is of no
  /// use. The blocks make their tensors in `context`. `calls` has one entry for each layer; all must
  /// outlive the graph.
  Graph(ggml_context* context, const Hyperparameters& model, std::span<LayerCall> calls, int rows,
        int outputs);

  /// x [embedding, rows] of the step's tokens; `table` is [embedding, vocabulary].
  ggml_tensor* embed(ggml_tensor* table);
  /// x / rms(x) * weight along the first dimension (arXiv:1910.07467).
  ggml_tensor* rms_norm(ggml_tensor* x, ggml_tensor* weight);
  /// x / |x| along the first dimension.
  ggml_tensor* l2_norm(ggml_tensor* x);
  /// x [in, rows] -> [out, rows].
  ggml_tensor* linear(const Linear& layer, ggml_tensor* x);
  /// The same for each part of a stack: [out, rows], maybe with a stride between rows.
  std::vector<ggml_tensor*> linears(const LinearStack& stack, ggml_tensor* x);
  ggml_tensor* add(ggml_tensor* a, ggml_tensor* b);
  /// x * sigmoid(gate), both of as many numbers; the gate may be a view.
  ggml_tensor* sigmoid_gated(ggml_tensor* x, ggml_tensor* gate);
  /// down(silu(gate(x)) * up(x)), x [embedding, rows].
  ggml_tensor* feed_forward(const FeedForward& layer, ggml_tensor* x);
  /// The same with gelu in place of silu.
  ggml_tensor* gelu_feed_forward(const FeedForward& layer, ggml_tensor* x);

  /// x [heads * head_dim, rows] -> [head_dim, heads, rows], without a copy.
  ggml_tensor* split_heads(ggml_tensor* x);
  /// Parts of each row of x [n, rows], without a copy: `count` of them, of `size` numbers, which
  /// begin at `first` and are `stride` apart -> [size, count, rows].
  ggml_tensor* parts(ggml_tensor* x, int first, int size, int count, int stride);
  /// Turns q or k [head_dim, heads, rows] of the layer by the rows' positions. `mode` says which
  /// numbers make pairs: neighbours (GGML_ROPE_TYPE_NORMAL) or halves (GGML_ROPE_TYPE_NEOX).
  /// `factors`, if any, [rope.dimensions / 2] divide the frequencies.
  ggml_tensor* rope(int layer, ggml_tensor* x, int mode, ggml_tensor* factors = nullptr);

  /// Appends k [head_dim, kv_heads, rows] and v [head_dim * kv_heads, rows] to the layer's state and attends
  /// to it, all of it or its window, with q [head_dim, query_heads, rows]. v may have a stride between its
  /// rows. `sinks` [query_heads], if any, are scores without a value. Returns [head_dim * query_heads, rows].
  ggml_tensor* attention(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v,
                         ggml_tensor* sinks = nullptr);
  /// silu of the causal convolution of x [channels, rows] with `weights` [conv_kernel, channels].
  ggml_tensor* convolve(int layer, ggml_tensor* x, ggml_tensor* weights);
  /// The gated delta rule. q and k [key_dim, key_heads, rows] are normalised, v [value_dim,
  /// value_heads, rows] may have a stride between its rows; `decay`, a logarithm, and `beta` are
  /// [value_heads, rows]. Returns [value_dim, value_heads, rows].
  ggml_tensor* scan(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v, ggml_tensor* decay,
                    ggml_tensor* beta);

  /// x [n, rows] after the last layer's memory was read: of the last layer, the rows whose logits
  /// are wanted, [n, outputs]; of others, x.
  ggml_tensor* wanted_rows(int layer, ggml_tensor* x);

  /// Closes the graph with its result.
  void finish(ggml_tensor* logits);

  /// For operations that no block has.
  ggml_context* context() const { return context_; }
  const Hyperparameters& model() const { return *model_; }

  /// Inputs to fill in before computing.
  ggml_tensor* tokens() const { return tokens_; }        ///< [rows], int32
  ggml_tensor* positions() const { return positions_; }  ///< [rows], int32
  ggml_tensor* outputs() const { return outputs_; }      ///< [outputs], int32: rows
  /// The result, [vocabulary, outputs].
  ggml_tensor* logits() const { return logits_; }
  ggml_cgraph* raw() const { return graph_; }

 private:
  ggml_tensor* input(int n);
  /// y * scale + bias, of the linear's.
  ggml_tensor* scaled_and_biased(const Linear& layer, ggml_tensor* y);

  ggml_context* context_;
  const Hyperparameters* model_;
  std::span<LayerCall> calls_;
  int rows_;
  ggml_cgraph* graph_;
  ggml_tensor* tokens_;
  ggml_tensor* positions_;
  ggml_tensor* outputs_;
  ggml_tensor* logits_ = nullptr;
};

}  // namespace banyan
