/// Qwen3 with a mixture of experts (arXiv:2505.09388): grouped-query attention whose queries and keys
/// are normalised per head, and experts, each behind a norm and beside a residual path.
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"
#include "model/experts.h"

namespace banyan {
namespace {

class Qwen3Moe final : public Architecture {
 public:
  Qwen3Moe(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      layers_.push_back({
          .attention = AttentionBlock(model, weights, block),
          .experts_norm = weights.vector(block + "ffn_norm", model.embedding),
          .experts = load_experts(model, weights, block),
      });
      layers_.back().attention.load_head_norms(model, weights, block);
    }
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
    for (int i = 0; const Layer& layer : layers_) {
      ggml_tensor* h = layer.attention.build(graph, i, x);
      x = graph.add(graph.wanted_rows(i, x), h);
      x = graph.add(x, mix_experts(graph, layer.experts, graph.rms_norm(x, layer.experts_norm)));
      ++i;
    }
    graph.finish(ends_.logits(graph, x));
  }

 private:
  struct Layer {
    AttentionBlock attention;
    ggml_tensor* experts_norm;  // [embedding]
    MixtureOfExperts experts;
  };

  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_qwen3moe(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Qwen3Moe>(model, weights);
}

}  // namespace banyan
