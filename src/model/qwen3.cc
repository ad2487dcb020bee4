/// Qwen3, dense (arXiv:2505.09388): grouped-query attention whose queries and keys are normalised
/// per head, and a gated feed-forward network, each behind a norm and beside a residual path.
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"

namespace banyan {
namespace {

class Qwen3 final : public Architecture {
 public:
  Qwen3(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      layers_.push_back({
          .attention = AttentionBlock(model, weights, block),
          .feed_forward_norm = weights.vector(block + "ffn_norm", model.embedding),
          .feed_forward = weights.feed_forward(block, model.embedding, model.feed_forward),
      });
      layers_.back().attention.load_head_norms(model, weights, block);
    }
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
    for (int i = 0; const Layer& layer : layers_) {
      ggml_tensor* h = layer.attention.build(graph, i, x);
      x = graph.add(graph.wanted_rows(i, x), h);
      x = graph.add(x, graph.feed_forward(layer.feed_forward, graph.rms_norm(x, layer.feed_forward_norm)));
      ++i;
    }
    graph.finish(ends_.logits(graph, x));
  }

 private:
  struct Layer {
    AttentionBlock attention;
    ggml_tensor* feed_forward_norm;  // [embedding]
    FeedForward feed_forward;
  };

  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_qwen3(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Qwen3>(model, weights);
}

}  // namespace banyan
