/// Llama 1 to 3 and what is built like it, dense (arXiv:2302.13971, arXiv:2407.21783): grouped-query
/// attention and a gated feed-forward network, each behind a norm and beside a residual path.
/// Llama 3 files carry factors that stretch the rotary embedding's slow frequencies.
#include "model/transformer.h"

namespace banyan {

std::unique_ptr<Architecture> make_llama(const Hyperparameters& model, WeightLoader& weights) {
  const Ends ends(model, weights);
  const AttentionStyle style{
      .rope_mode = GGML_ROPE_TYPE_NORMAL,
      .rope_factors = weights.optional_vector("rope_freqs", model.rope.dimensions / 2)};
  return std::make_unique<Transformer>(ends, load_dense_layers(model, weights), style);
}

}  // namespace banyan
