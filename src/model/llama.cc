/// Llama 1 to 3 and what is built like it, dense (arXiv:2302.13971, arXiv:2407.21783): grouped-query
/// attention and a gated feed-forward network, each behind a norm and beside a residual path.
/// Llama 3 files carry factors that stretch the rotary embedding's slow frequencies.
#include <string>
#include <vector>

#include "model/architecture.h"

namespace banyan {
namespace {

class Llama final : public Architecture {
 public:
  Llama(const Hyperparameters& model, WeightLoader& weights) {
    const int embedding = model.embedding;
    const int queries = model.query_heads * model.head_dim;
    const int keys = model.kv_heads * model.head_dim;
    rope_factors_ = weights.optional_vector("rope_freqs", model.rope.dimensions / 2);
    token_embedding_ = weights.table("token_embd", embedding, model.vocabulary);
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = "blk." + std::to_string(i) + ".";
      layers_.push_back({
          .attention_norm = weights.vector(block + "attn_norm", embedding),
          .q = weights.linear(block + "attn_q", embedding, queries),
          .k = weights.linear(block + "attn_k", embedding, keys),
          .v = weights.linear(block + "attn_v", embedding, keys),
          .o = weights.linear(block + "attn_output", queries, embedding),
          .feed_forward_norm = weights.vector(block + "ffn_norm", embedding),
          .feed_forward = weights.feed_forward(block, embedding, model.feed_forward),
      });
    }
    output_norm_ = weights.vector("output_norm", embedding);
    output_ = weights.linear(weights.has("output") ? "output" : "token_embd", embedding, model.vocabulary);
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(token_embedding_);  // [embedding, rows]
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      ggml_tensor* h = graph.rms_norm(x, layer.attention_norm);
      ggml_tensor* q = graph.split_heads(graph.linear(layer.q, h));  // [head_dim, query_heads, rows]
      ggml_tensor* k = graph.split_heads(graph.linear(layer.k, h));  // [head_dim, kv_heads, rows]
      ggml_tensor* v = graph.linear(layer.v, h);                     // [head_dim * kv_heads, rows]
      q = graph.rope(q, GGML_ROPE_TYPE_NORMAL, rope_factors_);
      k = graph.rope(k, GGML_ROPE_TYPE_NORMAL, rope_factors_);
      h = graph.attention(static_cast<int>(i), q, k, v);  // [head_dim * query_heads, rows]
      if (i + 1 == layers_.size()) {
        h = graph.output_rows(h);
        x = graph.output_rows(x);
      }
      x = graph.add(x, graph.linear(layer.o, h));
      x = graph.add(x, graph.feed_forward(layer.feed_forward, graph.rms_norm(x, layer.feed_forward_norm)));
    }
    graph.finish(graph.linear(output_, graph.rms_norm(x, output_norm_)));  // [vocabulary, outputs]
  }

 private:
  struct Layer {
    ggml_tensor* attention_norm;     // [embedding]
    Linear q;                        // [embedding, head_dim * query_heads]
    Linear k;                        // [embedding, head_dim * kv_heads]
    Linear v;                        // [embedding, head_dim * kv_heads]
    Linear o;                        // [head_dim * query_heads, embedding]
    ggml_tensor* feed_forward_norm;  // [embedding]
    FeedForward feed_forward;
  };

  ggml_tensor* token_embedding_;  // [embedding, vocabulary]
  ggml_tensor* rope_factors_;     // [rope dimensions / 2], or null
  std::vector<Layer> layers_;
  ggml_tensor* output_norm_;  // [embedding]
  Linear output_;             // [embedding, vocabulary]
};

}  // namespace

std::unique_ptr<Architecture> make_llama(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Llama>(model, weights);
}

}  // namespace banyan
