/// Gemma 3, text (arXiv:2503.19786): five layers of sliding-window attention to one of full attention,
/// with rotary embeddings of their own; queries and keys are normalised per head; attention and the
/// gelu-gated feed-forward network stand between two norms each, beside a residual path.
#include <cmath>
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"

namespace banyan {
namespace {

class Gemma3 final : public Architecture {
 public:
  Gemma3(const Hyperparameters& model, WeightLoader& weights) : ends_(model, weights) {
    for (int i = 0; i < model.layers; ++i) {
      const std::string block = block_name(i);
      layers_.push_back({
          .attention = AttentionBlock(model, weights, block),
          .attention_out_norm = weights.vector(block + "post_attention_norm", model.embedding),
          .feed_forward_norm = weights.vector(block + "ffn_norm", model.embedding),
          .feed_forward = weights.feed_forward(block, model.embedding, model.feed_forward),
          .feed_forward_out_norm = weights.vector(block + "post_ffw_norm", model.embedding),
      });
      layers_.back().attention.load_head_norms(model, weights, block);
    }
  }

  void build(Graph& graph) const override {
    ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
    x = ggml_scale(graph.context(), x, std::sqrt(static_cast<float>(graph.model().embedding)));
    for (int i = 0; const Layer& layer : layers_) {
      ggml_tensor* h = layer.attention.build(graph, i, x);
      x = graph.add(graph.wanted_rows(i, x), graph.rms_norm(h, layer.attention_out_norm));
      h = graph.gelu_feed_forward(layer.feed_forward, graph.rms_norm(x, layer.feed_forward_norm));
      x = graph.add(x, graph.rms_norm(h, layer.feed_forward_out_norm));
      ++i;
    }
    graph.finish(ends_.logits(graph, x));
  }

 private:
  struct Layer {
    AttentionBlock attention;
    ggml_tensor* attention_out_norm;  // [embedding]
    ggml_tensor* feed_forward_norm;   // [embedding]
    FeedForward feed_forward;
    ggml_tensor* feed_forward_out_norm;  // [embedding]
  };

  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

void read_gemma3(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  read_feed_forward(file, prefix, model);
  read_window(file, prefix, 6, model);
  // Only full attention is stretched to longer contexts.
  model.window.rope.frequency_base = file.real_or(prefix + "rope.freq_base_swa", 1, 1e12f, 10000);
  model.window.rope.frequency_scale = 1;
  // Files do not say which the largest one is, whose queries have a scale of their own.
  constexpr int kLayersOf27B = 62;
  if (model.layers == kLayersOf27B) {
    model.attention_scale =
        1 / std::sqrt(static_cast<float>(model.embedding) / static_cast<float>(model.query_heads));
  }
}

std::unique_ptr<Architecture> make_gemma3(const Hyperparameters& model, WeightLoader& weights) {
  return std::make_unique<Gemma3>(model, weights);
}

}  // namespace banyan
