/// gpt-oss (arXiv:2508.10925): grouped-query attention, in every other layer to a window, in which each
/// head has a sink, a score that takes part without a value; and a mixture of experts; each behind a
/// norm and beside a residual path, and all with biases.
#include <format>
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"
#include "model/experts.h"

namespace banyan {
namespace {

class GptOss final : public Architecture {
 public:
  GptOss(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      layers_.push_back({
          .attention = AttentionBlock(model, weights, block),
          .experts_norm = weights.vector(block + "post_attention_norm", model.embedding),
          .experts = load_experts(model, weights, block, MixtureOfExperts::Activation::swiglu_oai),
      });
      layers_.back().attention.sinks = weights.vector(block + "attn_sinks", model.query_heads);
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

void read_gpt_oss(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_experts(file, prefix, model);
  read_window(file, prefix, 2, model);
  if (model.window.tokens == 0) {
    file.refuse(Errc::corrupt, std::format("key '{}attention.sliding_window' gives no window", prefix));
  }
}

std::unique_ptr<Architecture> make_gpt_oss(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<GptOss>(model, weights);
}

}  // namespace banyan
