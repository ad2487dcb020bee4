/// Qwen2 and Qwen2.5 (arXiv:2407.10671): grouped-query attention whose queries, keys and values
/// have biases, and a gated feed-forward network, each behind a norm and beside a residual path.
#include <string>
#include <vector>

#include "model/architecture.h"

namespace banyan {
namespace {

class Qwen2 final : public Architecture {
 public:
  Qwen2(const Hyperparameters& model, WeightLoader& weights) {
    const int embedding = model.embedding;
    const int queries = model.query_heads * model.head_dim;
    const int keys = model.kv_heads * model.head_dim;
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
      q = graph.rope(q, GGML_ROPE_TYPE_NEOX);
      k = graph.rope(k, GGML_ROPE_TYPE_NEOX);
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
  std::vector<Layer> layers_;
  ggml_tensor* output_norm_;  // [embedding]
  Linear output_;             // [embedding, vocabulary]
};

}  // namespace

std::unique_ptr<Architecture> make_qwen2(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Qwen2>(model, weights);
}

}  // namespace banyan
