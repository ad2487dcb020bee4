/// Llama 1 to 3 and what is built like it, dense (arXiv:2302.13971, arXiv:2407.21783): grouped-query
/// attention and a gated feed-forward network, each behind a norm and beside a residual path.
/// Llama 3 files carry factors that stretch the rotary embedding's slow frequencies.
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"

namespace banyan {
namespace {

class Llama final : public Architecture {
 public:
  Llama(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    rope_factors_ = weights.optional_vector("rope_freqs", model.rope.dimensions / 2);
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      layers_.push_back({
          .attention = AttentionBlock(model, weights, block),
          .feed_forward_norm = weights.vector(block + "ffn_norm", model.embedding),
          .feed_forward = weights.feed_forward(block, model.embedding, model.feed_forward),
      });
    }
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
    for (int i = 0; const Layer& layer : layers_) {
      ggml_tensor* h = layer.attention.build(graph, i, x, {GGML_ROPE_TYPE_NORMAL, rope_factors_});
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
  ggml_tensor* rope_factors_;  // [rope dimensions / 2], or null
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_llama(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Llama>(model, weights);
}

}  // namespace banyan
