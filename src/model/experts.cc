#include "model/experts.h"

namespace banyan {
namespace {

using Activation = MixtureOfExperts::Activation;

// Constants of gpt-oss, which its files do not carry.
constexpr float kOaiSlope = 1.702f;
constexpr float kOaiLimit = 7;

/// x [in, 1 or used, rows], chosen [used, rows] -> [out, used, rows].
ggml_tensor* expert_linear(ggml_context* context, const ExpertLinear& layer, ggml_tensor* x,
                           ggml_tensor* chosen) {
  ggml_tensor* y = ggml_mul_mat_id(context, layer.weight, x, chosen);
  if (layer.scale != nullptr) {
    // ggml looks up in a table for each row, so it gets as many as there are rows.
    const std::int64_t experts = layer.scale->ne[0];
    ggml_tensor* tables = ggml_repeat_4d(context, ggml_reshape_2d(context, layer.scale, 1, experts), 1,
                                         experts, chosen->ne[1], 1);
    y = ggml_mul(context, y, ggml_get_rows(context, tables, chosen));
  }
  if (layer.bias != nullptr) y = ggml_add_id(context, y, layer.bias, chosen);
  return y;
}

/// x [embedding, 1, rows], chosen [used, rows] -> [width, used, rows].
ggml_tensor* activate(ggml_context* context, const MixtureOfExperts& layer, ggml_tensor* x,
                      ggml_tensor* chosen) {
  if (layer.gate_up.weight != nullptr) {
    return ggml_swiglu(context, expert_linear(context, layer.gate_up, x, chosen));
  }
  ggml_tensor* gate = expert_linear(context, layer.gate, x, chosen);
  ggml_tensor* up = expert_linear(context, layer.up, x, chosen);
  return layer.activation == Activation::swiglu ? ggml_swiglu_split(context, gate, up)
                                                : ggml_swiglu_oai(context, gate, up, kOaiSlope, kOaiLimit);
}

}  // namespace

MixtureOfExperts load_experts(const Hyperparameters& model, WeightLoader& weights, const std::string& block,
                              Activation activation) {
  const int embedding = model.embedding;
  const int experts = model.experts.count;
  const int width = model.experts.feed_forward;
  const int shared = model.experts.shared_feed_forward;
  MixtureOfExperts layer;
  layer.activation = activation;
  layer.used = model.experts.used;
  layer.router = weights.linear(block + "ffn_gate_inp", embedding, experts);
  if (activation == Activation::swiglu && weights.has(block + "ffn_gate_up_exps")) {
    layer.gate_up = weights.expert_linear(block + "ffn_gate_up_exps", embedding, 2 * width, experts);
  } else {
    layer.gate = weights.expert_linear(block + "ffn_gate_exps", embedding, width, experts);
    layer.up = weights.expert_linear(block + "ffn_up_exps", embedding, width, experts);
  }
  layer.down = weights.expert_linear(block + "ffn_down_exps", width, embedding, experts);
  if (shared > 0) {
    layer.shared_gate = weights.linear(block + "ffn_gate_inp_shexp", embedding, 1);
    layer.shared = weights.feed_forward(block, embedding, shared, "_shexp");
  }
  return layer;
}

ggml_tensor* mix_experts(Graph& graph, const MixtureOfExperts& layer, ggml_tensor* x) {
  ggml_context* context = graph.context();
  const std::int64_t embedding = x->ne[0];
  const std::int64_t rows = x->ne[1];

  ggml_tensor* scores = graph.linear(layer.router, x);                    // [experts, rows]
  ggml_tensor* chosen = ggml_argsort_top_k(context, scores, layer.used);  // [used, rows]
  // A softmax of the chosen scores: the same as of all, made to add up to one again.
  scores = ggml_reshape_3d(context, scores, 1, scores->ne[0], rows);
  ggml_tensor* shares = ggml_get_rows(context, scores, chosen);  // [1, used, rows]
  shares = ggml_soft_max(context, ggml_reshape_2d(context, shares, layer.used, rows));
  shares = ggml_reshape_3d(context, shares, 1, layer.used, rows);

  ggml_tensor* h = activate(context, layer, ggml_reshape_3d(context, x, embedding, 1, rows), chosen);
  h = expert_linear(context, layer.down, h, chosen);   // [embedding, used, rows]
  ggml_tensor* y = ggml_out_prod(context, h, shares);  // their sums, [embedding, 1, rows]
  y = ggml_reshape_2d(context, y, embedding, rows);
  if (layer.shared_gate.weight != nullptr) {
    ggml_tensor* gate = ggml_sigmoid(context, graph.linear(layer.shared_gate, x));  // [1, rows]
    y = graph.add(y, ggml_mul(context, graph.feed_forward(layer.shared, x), gate));
  }
  return y;
}

}  // namespace banyan
