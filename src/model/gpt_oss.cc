/// gpt-oss (arXiv:2508.10925): grouped-query attention, in every other layer to a window, in which each
/// head has a sink, a score that takes part without a value; and a mixture of experts; each behind a
/// norm and beside a residual path, and all with biases.
#include <format>
#include <utility>

#include "model/transformer.h"

namespace banyan {

void read_gpt_oss(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_experts(file, prefix, model);
  read_window(file, prefix, 2, model);
  if (model.window.tokens == 0) {
    file.refuse(Errc::corrupt, std::format("key '{}attention.sliding_window' gives no window", prefix));
  }
  model.window.rope.frequency_base =
      file.real_or(prefix + "rope.freq_base_swa", 1, 1e12f, model.rope.frequency_base);
}

std::unique_ptr<Architecture> make_gpt_oss(const Hyperparameters& model, WeightLoader& weights) {
  const Ends ends(model, weights);
  std::vector<Transformer::Layer> layers;
  for (int i = 0; i < model.layers; ++i) {
    const std::string block = block_name(i);
    layers.push_back({
        .attention = AttentionBlock(model, weights, block),
        .feed_forward_norm = weights.vector(block + "post_attention_norm", model.embedding),
        .experts = load_experts(model, weights, block, MixtureOfExperts::Activation::swiglu_oai),
    });
    layers.back().attention.sinks = weights.vector(block + "attn_sinks", model.query_heads);
  }
  return std::make_unique<Transformer>(ends, std::move(layers));
}

}  // namespace banyan
