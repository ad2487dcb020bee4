#include "model/graph.h"

#include <array>
#include <cstring>
#include <utility>

#include "model/handover.h"

namespace banyan {
namespace {

float* floats(ggml_tensor* tensor) { return static_cast<float*>(tensor->data); }

/// An operation on a layer's memory as ggml computes it, with all threads of the graph at once.
template <void (*work)(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth)>
void operation(ggml_tensor* result, int ith, int nth, void* data) {
  take_over();
  const auto& call = *static_cast<const LayerCall*>(data);
  work(*call.step, call, result, ith, nth);
  hand_over();
}

AttentionBatch& attention_batch(const StepBatches& step, const LayerCall& call) {
  return call.kind == LayerKind::window ? *step.window : *step.attention;
}

/// Fills the rows that the graph has beyond the step's, from this byte on: no one reads them, but
/// what is by chance in memory may be slow to compute with.
void clear_from(ggml_tensor* result, std::size_t byte, int ith) {
  if (ith == 0) std::memset(static_cast<std::byte*>(result->data) + byte, 0, ggml_nbytes(result) - byte);
}

void append(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth) {
  const ggml_tensor* v = result->src[1];
  attention_batch(step, call)
      .append(call.layer, floats(result->src[0]), floats(result->src[1]), v->nb[1] / sizeof(float), ith, nth);
}

void attend(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth) {
  const float* sinks = result->src[2] == nullptr ? nullptr : floats(result->src[2]);
  AttentionBatch& batch = attention_batch(step, call);
  batch.attend(call.layer, floats(result->src[0]), sinks, floats(result), ith, nth);
  clear_from(result, result->nb[1] * static_cast<std::size_t>(batch.rows()), ith);
}

void convolve_rows(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth) {
  step.recurrent->convolve(call.layer, floats(result->src[0]), floats(result->src[1]), floats(result), ith,
                           nth);
  clear_from(result, result->nb[1] * static_cast<std::size_t>(step.recurrent->rows()), ith);
}

void scan_rows(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth) {
  const ggml_tensor* v = result->src[2];
  const RecurrentBatch::DeltaInput input{.q = floats(result->src[0]),
                                         .k = floats(result->src[1]),
                                         .v = floats(result->src[2]),
                                         .v_stride = v->nb[2] / sizeof(float),
                                         .g = floats(result->src[3]),
                                         .beta = floats(result->src[4])};
  step.recurrent->scan(call.layer, input, floats(result), ith, nth);
  clear_from(result, result->nb[2] * static_cast<std::size_t>(step.recurrent->rows()), ith);
}

/// A tensor [n0, n1, n2] that an operation on the layer's memory computes from `sources`.
template <void (*work)(const StepBatches& step, const LayerCall& call, ggml_tensor* result, int ith, int nth),
          std::size_t n>
ggml_tensor* compute(ggml_context* context, LayerCall& call, std::array<ggml_tensor*, n> sources,
                     std::int64_t n0, std::int64_t n1, std::int64_t n2) {
  return ggml_custom_4d(context, GGML_TYPE_F32, n0, n1, n2, 1, sources.data(), static_cast<int>(n),
                        operation<work>, GGML_N_TASKS_MAX, &call);
}

}  // namespace

std::vector<LayerCall> layer_calls(const Hyperparameters& model, const StepBatches& step) {
  std::vector<LayerCall> calls(model.kinds.size());
  std::array<int, 3> layers = {};  // of each kind
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i].step = &step;
    calls[i].kind = model.kinds[i];
    calls[i].layer = layers[std::to_underlying(model.kinds[i])]++;
  }
  return calls;
}

Graph::Graph(ggml_context* context, const Hyperparameters& model, std::span<LayerCall> calls, int rows,
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

ggml_tensor* Graph::l2_norm(ggml_tensor* x) { return ggml_l2_norm(context_, x, model_->norm_epsilon); }

ggml_tensor* Graph::linear(const Linear& layer, ggml_tensor* x) {
  return scaled_and_biased(layer, ggml_mul_mat(context_, layer.weight, x));
}

ggml_tensor* Graph::scaled_and_biased(const Linear& layer, ggml_tensor* y) {
  if (layer.scale != nullptr) y = ggml_mul(context_, y, layer.scale);
  if (layer.bias != nullptr) y = ggml_add(context_, y, layer.bias);
  return y;
}

std::vector<ggml_tensor*> Graph::linears(const LinearStack& stack, ggml_tensor* x) {
  ggml_tensor* all = stack.weight == nullptr ? nullptr : ggml_mul_mat(context_, stack.weight, x);
  std::vector<ggml_tensor*> results;
  std::size_t begin = 0;  // of a part's numbers in a row, in bytes
  for (const auto& [layer, out] : stack.parts) {
    if (all == nullptr) {
      results.push_back(linear(layer, x));
      continue;
    }
    ggml_tensor* y = ggml_view_2d(context_, all, out, all->ne[1], all->nb[1], begin);
    results.push_back(scaled_and_biased(layer, y));
    begin += static_cast<std::size_t>(out) * sizeof(float);
  }
  return results;
}

ggml_tensor* Graph::add(ggml_tensor* a, ggml_tensor* b) { return ggml_add(context_, a, b); }

ggml_tensor* Graph::sigmoid_gated(ggml_tensor* x, ggml_tensor* gate) {
  gate = ggml_reshape(context_, ggml_cont(context_, gate), x);
  return ggml_mul(context_, x, ggml_sigmoid(context_, gate));
}

ggml_tensor* Graph::feed_forward(const FeedForward& layer, ggml_tensor* x) {
  const std::vector<ggml_tensor*> gate_up = linears(layer.gate_up, x);
  return linear(layer.down, ggml_swiglu_split(context_, gate_up[0], gate_up[1]));
}

ggml_tensor* Graph::gelu_feed_forward(const FeedForward& layer, ggml_tensor* x) {
  const std::vector<ggml_tensor*> gate_up = linears(layer.gate_up, x);
  return linear(layer.down, ggml_geglu_split(context_, gate_up[0], gate_up[1]));
}

ggml_tensor* Graph::split_heads(ggml_tensor* x) {
  return parts(x, 0, model_->head_dim, static_cast<int>(x->ne[0]) / model_->head_dim, model_->head_dim);
}

ggml_tensor* Graph::parts(ggml_tensor* x, int first, int size, int count, int stride) {
  const auto bytes = [](int numbers) { return static_cast<std::size_t>(numbers) * sizeof(float); };
  return ggml_view_3d(context_, x, size, count, x->ne[1], bytes(stride), x->nb[1], bytes(first));
}

ggml_tensor* Graph::rope(int layer, ggml_tensor* x, int mode, ggml_tensor* factors) {
  const bool window = model_->kinds[static_cast<std::size_t>(layer)] == LayerKind::window;
  const Rope& rope = window ? model_->window.rope : model_->rope;
  return ggml_rope_ext(context_, x, positions_, factors, rope.dimensions, mode, rope.original_context,
                       rope.frequency_base, rope.frequency_scale, rope.ext_factor, rope.attn_factor,
                       rope.beta_fast, rope.beta_slow);
}

ggml_tensor* Graph::attention(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v, ggml_tensor* sinks) {
  LayerCall& call = calls_[static_cast<std::size_t>(layer)];
  // One number that no one reads: what matters is that attend comes after it.
  ggml_tensor* appended = compute<append>(context_, call, std::array{k, v}, 1, 1, 1);
  const std::int64_t width = std::int64_t{model_->head_dim} * model_->query_heads;
  return sinks == nullptr ? compute<attend>(context_, call, std::array{q, appended}, width, rows_, 1)
                          : compute<attend>(context_, call, std::array{q, appended, sinks}, width, rows_, 1);
}

ggml_tensor* Graph::convolve(int layer, ggml_tensor* x, ggml_tensor* weights) {
  LayerCall& call = calls_[static_cast<std::size_t>(layer)];
  return compute<convolve_rows>(context_, call, std::array{x, weights}, x->ne[0], rows_, 1);
}

ggml_tensor* Graph::scan(int layer, ggml_tensor* q, ggml_tensor* k, ggml_tensor* v, ggml_tensor* decay,
                         ggml_tensor* beta) {
  LayerCall& call = calls_[static_cast<std::size_t>(layer)];
  return compute<scan_rows>(context_, call, std::array{q, k, v, decay, beta}, v->ne[0], v->ne[1], rows_);
}

ggml_tensor* Graph::wanted_rows(int layer, ggml_tensor* x) {
  return layer + 1 == model_->layers ? ggml_get_rows(context_, x, outputs_) : x;
}

void Graph::finish(ggml_tensor* logits) {
  logits_ = logits;
  ggml_set_output(logits);
  ggml_build_forward_expand(graph_, logits);
}

}  // namespace banyan
