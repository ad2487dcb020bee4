/// Qwen3 with a mixture of experts (arXiv:2505.09388): grouped-query attention whose queries and keys
/// are normalised per head, and experts, each behind a norm and beside a residual path.
#include <utility>

#include "model/transformer.h"

namespace banyan {

std::unique_ptr<Architecture> make_qwen3moe(const Hyperparameters& model, WeightLoader& weights) {
  const Ends ends(model, weights);
  std::vector<Transformer::Layer> layers;
  for (int i = 0; i < model.layers; ++i) {
    const std::string block = block_name(i);
    layers.push_back({
        .attention = AttentionBlock(model, weights, block),
        .feed_forward_norm = weights.vector(block + "ffn_norm", model.embedding),
        .experts = load_experts(model, weights, block),
    });
    layers.back().attention.load_head_norms(model, weights, block);
  }
  return std::make_unique<Transformer>(ends, std::move(layers));
}

}  // namespace banyan
