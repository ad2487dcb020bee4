#include "model/graph.h"

#include <array>

namespace banyan {
namespace {

float* floats(ggml_tensor* tensor) { return static_cast<float*>(tensor->data); }

// ggml computes these two with all threads of the graph at once.

void append(ggml_tensor* result, int ith, int nth, void* data) {
  auto& call = *static_cast<AttentionCall*>(data);
  static_cast<void>(call.handovers.load(std::memory_order_acquire));
  call.batch->append(call.layer, floats(result->src[0]), floats(result->src[1]), ith, nth);
  call.handovers.fetch_add(1, std::memory_order_release);
}

void attend(ggml_tensor* result, int ith, int nth, void* data) {
  auto& call = *static_cast<AttentionCall*>(data);
  static_cast<void>(call.handovers.load(std::memory_order_acquire));
  call.batch->attend(call.layer, floats(result->src[0]), floats(result), ith, nth);
  call.handovers.fetch_add(1, std::memory_order_release);
}

}  // namespace

Graph::Graph(ggml_context* context, const Hyperparameters& model, std::span<AttentionCall> calls, int rows,
             int outputs)
    : context_(context),
      model_(&model),
      calls_(calls),
      rows_(rows),
      graph_(ggml_new_graph_custom(context, most_tensors(model.layers), false)),
      tokens_(input(rows)),
      positions_(input(rows)),
      outputs_(input(outputs)) {}

ggml_tensor* Graph::input(int n) {
  ggml_tensor* tensor = ggml_new_tensor_1d(context_, GGML_TYPE_I32, n);
  ggml_set_input(tensor);
  return tensor;
}

ggml_tensor* Graph::embed(ggml_tensor* table) { return ggml_get_rows(context_, table, tokens_); }

ggml_tensor* Graph::rms_norm(ggml_tensor* x, ggml_tensor* weight) {
  return ggml_mul(context_, ggml_rms_norm(context_, x, model_->norm_epsilon), weight);
}

ggml_tensor* Graph::linear(const Linear& layer, ggml_tensor* x) {
  ggml_tensor* y = ggml_mul_mat(context_, layer.weight, x);
  if (layer.scale != nullptr) y = ggml_mul(context_, y, layer.scale);
  if (layer.bias != nullptr) y = ggml_add(context_, y, layer.bias);
  return y;
}

ggml_tensor* Graph::split_heads(ggml_tensor* x) {
  return ggml_reshape_3d(context_, x, model_->head_dim, x->ne[0] / model_->head_dim, x->ne[1]);
}

ggml_tensor* Graph::rope(ggml_tensor* x, int mode, ggml_tensor* factors) {
  const Rope& rope = model_->rope;
  return ggml_rope_ext(context_, x, positions_, factors, rope.dimensions, mode, rope.original_context,
                       rope.frequency_base, rope.frequency_scale, rope.ext_factor, rope.attn_factor,
                       rope.beta_fast, rope.beta_slow);
}

ggml_tensor* Graph::attention(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v) {
  void* call = &calls_[static_cast<std::size_t>(layer)];
  std::array<ggml_tensor*, 2> arguments = {k, v};
  // One number that no one reads: what matters is that attend comes after it.
  ggml_tensor* appended = ggml_custom_4d(context_, GGML_TYPE_F32, 1, 1, 1, 1, arguments.data(), 2, append,
                                         GGML_N_TASKS_MAX, call);
  arguments = {q, appended};
  return ggml_custom_4d(context_, GGML_TYPE_F32, std::int64_t{model_->head_dim} * model_->query_heads, rows_,
                        1, 1, arguments.data(), 2, attend, GGML_N_TASKS_MAX, call);
}

ggml_tensor* Graph::add(ggml_tensor* a, ggml_tensor* b) { return ggml_add(context_, a, b); }

ggml_tensor* Graph::feed_forward(const FeedForward& layer, ggml_tensor* x) {
  return linear(layer.down, ggml_swiglu_split(context_, linear(layer.gate, x), linear(layer.up, x)));
}

ggml_tensor* Graph::output_rows(ggml_tensor* x) { return ggml_get_rows(context_, x, outputs_); }

void Graph::finish(ggml_tensor* logits) {
  logits_ = logits;
  ggml_set_output(logits);
  ggml_build_forward_expand(graph_, logits);
}

}  // namespace banyan
