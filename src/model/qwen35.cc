/// Qwen3-Next and Qwen3.5, text: gated delta nets, and in every fourth layer grouped-query attention
/// whose queries and keys are normalised per head and whose result is gated; a gated feed-forward
/// network or a mixture of experts; each behind a norm and beside a residual path.
#include <optional>
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"
#include "model/delta_net.h"
#include "model/experts.h"

namespace banyan {
namespace {

struct GatedAttention {
  ggml_tensor* norm;    // [embedding]
  Linear q_gate;        // [embedding, 2 * head_dim * query_heads], each head's gate after its query
  Linear k;             // [embedding, head_dim * kv_heads]
  Linear v;             // [embedding, head_dim * kv_heads]
  Linear o;             // [head_dim * query_heads, embedding]
  ggml_tensor* q_norm;  // [head_dim]
  ggml_tensor* k_norm;  // [head_dim]

  GatedAttention(const Hyperparameters& model, WeightLoader& weights, const std::string& block)
      : norm(weights.vector(block + "attn_norm", model.embedding)),
        q_gate(weights.linear(block + "attn_q", model.embedding, 2 * model.query_heads * model.head_dim)),
        k(weights.linear(block + "attn_k", model.embedding, model.kv_heads * model.head_dim)),
        v(weights.linear(block + "attn_v", model.embedding, model.kv_heads * model.head_dim)),
        o(weights.linear(block + "attn_output", model.query_heads * model.head_dim, model.embedding)),
        q_norm(weights.vector(block + "attn_q_norm", model.head_dim)),
        k_norm(weights.vector(block + "attn_k_norm", model.head_dim)) {}

  /// [embedding, wanted rows] of x [embedding, rows].
  ggml_tensor* build(Graph& graph, int layer, ggml_tensor* x) const {
    const int dim = graph.model().head_dim;
    const int heads = graph.model().query_heads;
    ggml_tensor* h = graph.rms_norm(x, norm);
    ggml_tensor* both = graph.linear(q_gate, h);
    ggml_tensor* queries = graph.rms_norm(graph.parts(both, 0, dim, heads, 2 * dim), q_norm);
    ggml_tensor* gate = graph.parts(both, dim, dim, heads, 2 * dim);
    ggml_tensor* keys = graph.rms_norm(graph.split_heads(graph.linear(k, h)), k_norm);
    queries = graph.rope(layer, queries, GGML_ROPE_TYPE_NEOX);
    keys = graph.rope(layer, keys, GGML_ROPE_TYPE_NEOX);
    h = graph.sigmoid_gated(graph.attention(layer, queries, keys, graph.linear(v, h)), gate);
    return graph.linear(o, graph.wanted_rows(layer, h));
  }
};

class Qwen35 final : public Architecture {
 public:
  Qwen35(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      Layer& layer = layers_.emplace_back();
      if (model.kinds[static_cast<std::size_t>(i)] == LayerKind::recurrent) {
        layer.delta_net.emplace(model, weights, block);
      } else {
        layer.attention.emplace(model, weights, block);
      }
      layer.feed_forward_norm = weights.vector(block + "post_attention_norm", model.embedding);
      if (model.experts.count > 0) {
        layer.experts = load_experts(model, weights, block);
      } else {
        layer.feed_forward = weights.feed_forward(block, model.embedding, model.feed_forward);
      }
    }
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
    for (int i = 0; const Layer& layer : layers_) {
      ggml_tensor* h =
          layer.delta_net ? layer.delta_net->build(graph, i, x) : layer.attention->build(graph, i, x);
      x = graph.add(graph.wanted_rows(i, x), h);
      h = graph.rms_norm(x, layer.feed_forward_norm);
      h = layer.experts ? mix_experts(graph, *layer.experts, h) : graph.feed_forward(layer.feed_forward, h);
      x = graph.add(x, h);
      ++i;
    }
    graph.finish(ends_.logits(graph, x));
  }

 private:
  /// Has one of the first two, and the experts or else the feed-forward network.
  struct Layer {
    std::optional<DeltaNet> delta_net;
    std::optional<GatedAttention> attention;
    ggml_tensor* feed_forward_norm = nullptr;  // [embedding]
    std::optional<MixtureOfExperts> experts;
    FeedForward feed_forward;
  };

  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

void read_qwen3next(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_qwen35moe(file, prefix, model);
  model.recurrence.key_order = KeyOrder::grouped;
}

void read_qwen35(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_feed_forward(file, prefix, model);
  read_recurrence(file, prefix, model);
}

void read_qwen35moe(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_experts(file, prefix, model);
  read_shared_expert(file, prefix, model);
  read_recurrence(file, prefix, model);
}

std::unique_ptr<Architecture> make_qwen35(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Qwen35>(model, weights);
}

}  // namespace banyan
