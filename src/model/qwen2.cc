/// Qwen2 and Qwen2.5 (arXiv:2407.10671): grouped-query attention whose queries, keys and values
/// have biases, and a gated feed-forward network, each behind a norm and beside a residual path.
#include "model/transformer.h"

namespace banyan {

std::unique_ptr<Architecture> make_qwen2(const Hyperparameters& model, WeightLoader& weights) {
  const Ends ends(model, weights);
  return std::make_unique<Transformer>(ends, load_dense_layers(model, weights));
}

}  // namespace banyan
