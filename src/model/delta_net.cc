#include "model/delta_net.h"

namespace banyan {

DeltaNet::DeltaNet(const Hyperparameters& model, WeightLoader& weights, const std::string& block) {
  const Recurrence& recurrence = model.recurrence;
  const int heads = recurrence.value_heads;
  norm = weights.vector(block + "attn_norm", model.embedding);
  qkv = weights.linear(block + "attn_qkv", model.embedding, recurrence.channels());
  gate = weights.linear(block + "attn_gate", model.embedding, recurrence.values());
  if (recurrence.key_order == KeyOrder::grouped) {  // Qwen3-Next groups these by key heads too
    beta_alpha = weights.linear(block + "ssm_ba", model.embedding, 2 * heads);
  } else {
    beta = weights.linear(block + "ssm_beta", model.embedding, heads);
    alpha = weights.linear(block + "ssm_alpha", model.embedding, heads);
  }
  conv = weights.floats(block + "ssm_conv1d.weight", {recurrence.conv_kernel, recurrence.channels()});
  dt_bias = weights.floats(block + "ssm_dt.bias", {heads});
  a = weights.floats(block + "ssm_a", {heads});
  out_norm = weights.vector(block + "ssm_norm", recurrence.value_dim);
  out = weights.linear(block + "ssm_out", recurrence.values(), model.embedding);
}

ggml_tensor* DeltaNet::build(Graph& graph, int layer, ggml_tensor* x) const {
  ggml_context* context = graph.context();
  const Recurrence& r = graph.model().recurrence;
  ggml_tensor* h = graph.rms_norm(x, norm);

  ggml_tensor* mixed = graph.convolve(layer, graph.linear(qkv, h), conv);  // [channels, rows]
  ggml_tensor* q = graph.l2_norm(graph.parts(mixed, 0, r.key_dim, r.key_heads, r.key_dim));
  ggml_tensor* k = graph.l2_norm(graph.parts(mixed, r.keys(), r.key_dim, r.key_heads, r.key_dim));
  ggml_tensor* v = graph.parts(mixed, 2 * r.keys(), r.value_dim, r.value_heads, r.value_dim);

  ggml_tensor* b = nullptr;  // [value_heads, rows], as are the next
  ggml_tensor* dt = nullptr;
  if (beta_alpha.weight != nullptr) {
    const int group = r.value_heads / r.key_heads;
    ggml_tensor* both = graph.linear(beta_alpha, h);
    b = ggml_cont_2d(context, graph.parts(both, 0, group, r.key_heads, 2 * group), r.value_heads, x->ne[1]);
    dt = ggml_cont_2d(context, graph.parts(both, group, group, r.key_heads, 2 * group), r.value_heads,
                      x->ne[1]);
  } else {
    b = graph.linear(beta, h);
    dt = graph.linear(alpha, h);
  }
  ggml_tensor* decay = ggml_mul(context, ggml_softplus(context, graph.add(dt, dt_bias)), a);
  ggml_tensor* y = graph.scan(layer, q, k, v, decay, ggml_sigmoid(context, b));

  y = graph.rms_norm(y, out_norm);  // [value_dim, value_heads, rows]
  y = ggml_swiglu_split(context, ggml_reshape(context, graph.linear(gate, h), y), y);
  y = ggml_reshape_2d(context, y, r.values(), x->ne[1]);
  return graph.linear(out, graph.wanted_rows(layer, y));
}

}  // namespace banyan
