#include "model/transformer.h"

#include <utility>

namespace banyan {

Transformer::Transformer(const Ends& ends, std::vector<Layer> layers, const AttentionStyle& style)
    : ends_(ends), layers_(std::move(layers)), style_(style) {}

void Transformer::build(Graph& graph) const {
  ggml_tensor* x = graph.embed(ends_.embedding);  // [embedding, rows]
  for (int i = 0; const Layer& layer : layers_) {
    ggml_tensor* h = layer.attention.build(graph, i, x, style_);
    x = graph.add(graph.wanted_rows(i, x), h);
    h = graph.rms_norm(x, layer.feed_forward_norm);
    h = layer.experts ? mix_experts(graph, *layer.experts, h) : graph.feed_forward(layer.feed_forward, h);
    x = graph.add(x, h);
    ++i;
  }
  graph.finish(ends_.logits(graph, x));
}

std::vector<Transformer::Layer> load_dense_layers(const Hyperparameters& model, WeightLoader& weights) {
  std::vector<Transformer::Layer> layers;
  for (int i = 0; i < model.layers; ++i) {
    const std::string block = block_name(i);
    layers.push_back({
        .attention = AttentionBlock(model, weights, block),
        .feed_forward_norm = weights.vector(block + "ffn_norm", model.embedding),
        .feed_forward = weights.feed_forward(block, model.embedding, model.feed_forward),
        .experts = {},
    });
  }
  return layers;
}

}  // namespace banyan
