/// Qwen3, dense (arXiv:2505.09388): grouped-query attention whose queries and keys are normalised
/// per head, and a gated feed-forward network, each behind a norm and beside a residual path.
#include <utility>

#include "model/transformer.h"

namespace banyan {

std::unique_ptr<Architecture> make_qwen3(const Hyperparameters& model, WeightLoader& weights) {
  const Ends ends(model, weights);
  std::vector<Transformer::Layer> layers = load_dense_layers(model, weights);
  for (int i = 0; Transformer::Layer& layer : layers) {
    layer.attention.load_head_norms(model, weights, block_name(i++));
  }
  return std::make_unique<Transformer>(ends, std::move(layers));
}

}  // namespace banyan
