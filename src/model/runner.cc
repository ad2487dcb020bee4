#include <algorithm>
#include <cmath>
#include <cstring>
#include <format>
#include <optional>
#include <thread>
#include <vector>

#include "banyan/model.h"
#include "model/ggml_runtime.h"
#include "model/model_impl.h"

namespace banyan {
namespace {

/// ggml's CPU backend keeps a work buffer of its own, which it does not tell the size of. It holds
/// the right side of a product in the left side's number format, never wider than float32, or a
/// line of a rotary embedding's angles for each thread.
std::size_t most_work_bytes(ggml_cgraph* graph, int threads) {
  constexpr std::size_t kCacheLine = 256;
  std::size_t most = 0;
  for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
    const ggml_tensor* node = ggml_graph_node(graph, i);
    if (node->op == GGML_OP_MUL_MAT) most = std::max(most, ggml_nbytes(node->src[1]));
    if (node->op == GGML_OP_ROPE) {
      most = std::max(most, sizeof(float) * static_cast<std::size_t>(node->ne[0] * threads));
    }
  }
  return most + kCacheLine * static_cast<std::size_t>(threads);
}

void fill(ggml_tensor* tensor, std::span<const std::int32_t> values) {
  std::memcpy(tensor->data, values.data(), values.size_bytes());
}

}  // namespace

struct Runner::Impl {
  Impl(const Model::Impl& of, Budget& of_budget) : model(of), budget(of_budget) {}

  /// A graph in the arena, in place of the one before.
  Graph build(int of_rows, int of_outputs);
  /// Makes the compute buffer large enough for steps of so many rows.
  Result<> reserve(int of_rows, int of_outputs);
  /// Makes `graph` one for so many rows, ready to be filled in.
  Result<> prepare(int of_rows, int of_outputs);

  const Model::Impl& model;
  Budget& budget;
  int threads = 0;
  ggml_backend_ptr backend;

  std::unique_ptr<std::byte[]> memory;
  ggml_context_ptr arena;  ///< of the graph's tensors without their data, in `memory`
  Charge arena_charge;
  ggml_gallocr_ptr compute;  ///< of their data
  std::vector<Charge> compute_charges;
  int most_rows = 0;  ///< that the compute buffer is large enough for
  int most_outputs = 0;

  std::vector<AttentionCall> attention_calls;
  std::optional<Graph> graph;  ///< of the last step; serves the next one if it is of the same size
  int rows = 0;
  int outputs = 0;
  std::vector<std::int32_t> tokens;       ///< of the step's rows
  std::vector<std::int32_t> output_rows;  ///< in the caller's order
};

Graph Runner::Impl::build(int of_rows, int of_outputs) {
  graph.reset();
  ggml_reset(arena.get());
  Graph built(arena.get(), model.hyperparameters, attention_calls, of_rows, of_outputs);
  model.architecture->build(built);
  return built;
}

Result<> Runner::Impl::reserve(int of_rows, int of_outputs) {
  if (of_rows <= most_rows && of_outputs <= most_outputs) return {};
  of_rows = std::max(of_rows, most_rows);
  of_outputs = std::max(of_outputs, most_outputs);
  const Graph largest = build(of_rows, of_outputs);
  const ggml_backend_buffer_type_t plain = ggml_backend_get_default_buffer_type(backend.get());

  std::size_t bytes = 0;
  ggml_gallocr_reserve_n_size(ggml_gallocr_ptr(ggml_gallocr_new(plain)).get(), largest.raw(), nullptr,
                              nullptr, &bytes);
  bytes += most_work_bytes(largest.raw(), threads);
  std::size_t charged = 0;
  for (const Charge& charge : compute_charges) charged += charge.bytes();
  if (bytes > charged) {
    auto charge = budget.take(bytes - charged, "the model's scratch");
    if (!charge) return std::unexpected(charge.error());
    compute_charges.push_back(std::move(*charge));
  }

  LogCapture quiet;
  while (!ggml_gallocr_reserve(compute.get(), largest.raw())) {
    if (budget.reclaim(bytes)) continue;
    compute.reset(ggml_gallocr_new(plain));
    compute_charges.clear();
    most_rows = most_outputs = 0;
    return fail(Errc::out_of_memory, std::format("no memory for a step of {} tokens", of_rows));
  }
  most_rows = of_rows;
  most_outputs = of_outputs;
  return {};
}

Result<> Runner::Impl::prepare(int of_rows, int of_outputs) {
  if (graph && rows == of_rows && outputs == of_outputs) return {};
  if (auto reserved = reserve(of_rows, of_outputs); !reserved) return reserved;
  graph = build(of_rows, of_outputs);
  rows = of_rows;
  outputs = of_outputs;
  // The graph has the shape of the one that was reserved for, so this cannot need more memory.
  require(ggml_gallocr_alloc_graph(compute.get(), graph->raw()), "Runner: a graph outgrew its memory");
  return {};
}

Runner::Runner() = default;
Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::create(const Model& model, Budget& budget,
                                               const RunnerOptions& options) {
  std::unique_ptr<Runner> runner(new Runner);
  runner->impl_ = std::make_unique<Impl>(*model.impl_, budget);
  Impl& impl = *runner->impl_;
  impl.threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  impl.threads = std::clamp(impl.threads, 1, GGML_MAX_N_THREADS);

  const int layers = impl.model.hyperparameters.layers;
  const std::size_t tensors = Graph::most_tensors(layers);
  const std::size_t bytes = tensors * ggml_tensor_overhead() + ggml_graph_overhead_custom(tensors, false);
  auto charge = budget.take(bytes, "the model's graph");
  if (!charge) return std::unexpected(charge.error());
  impl.arena_charge = std::move(*charge);
  impl.memory = std::make_unique<std::byte[]>(bytes);
  impl.arena.reset(ggml_init({.mem_size = bytes, .mem_buffer = impl.memory.get(), .no_alloc = true}));

  impl.backend.reset(ggml_backend_dev_init(impl.model.device, nullptr));
  if (!impl.backend) return fail(Errc::out_of_memory, "ggml's CPU backend does not start");
  const auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
      ggml_backend_dev_backend_reg(impl.model.device), "ggml_backend_set_n_threads"));
  set_threads(impl.backend.get(), impl.threads);
  impl.compute.reset(ggml_gallocr_new(ggml_backend_get_default_buffer_type(impl.backend.get())));
  impl.attention_calls = std::vector<AttentionCall>(static_cast<std::size_t>(layers));
  int layer = 0;
  for (AttentionCall& call : impl.attention_calls) call.layer = layer++;
  return runner;
}

Result<std::span<const float>> Runner::forward(std::span<const Sequence> sequences) {
  Impl& impl = *impl_;
  const Hyperparameters& model = impl.model.hyperparameters;
  std::vector<AttentionState*> states;
  std::size_t rows = 0;
  int outputs = 0;
  for (const Sequence& sequence : sequences) {
    auto* state = sequence.states.size() == 1 ? dynamic_cast<AttentionState*>(sequence.states[0]) : nullptr;
    require(state != nullptr && state->layout() == attention_layout(model, state->layout().type),
            "Runner::forward: states of another model");
    require(!sequence.tokens.empty(), "Runner::forward: a sequence without tokens");
    require(sequence.outputs >= 0 && static_cast<std::size_t>(sequence.outputs) <= sequence.tokens.size(),
            "Runner::forward: more outputs than rows");
    for (const Token token : sequence.tokens) {
      if (token < 0 || token >= model.vocabulary) {
        return fail(Errc::invalid_argument,
                    std::format("token {} is outside the vocabulary of {}", token, model.vocabulary));
      }
    }
    states.push_back(state);
    rows += sequence.tokens.size();
    outputs += sequence.outputs;
  }
  if (sequences.empty()) return std::span<const float>();

  const std::vector<std::size_t> order =
      AttentionBatch::order(std::vector<const AttentionState*>(states.begin(), states.end()));
  std::vector<AttentionBatch::Sequence> ordered;
  std::vector<std::int32_t> first_row(sequences.size());
  impl.tokens.clear();
  for (const std::size_t i : order) {
    const TokenSpan tokens = sequences[i].tokens;
    ordered.push_back({states[i], static_cast<int>(tokens.size())});
    first_row[i] = static_cast<std::int32_t>(impl.tokens.size());
    impl.tokens.insert(impl.tokens.end(), tokens.begin(), tokens.end());
  }
  impl.output_rows.clear();
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto end = first_row[i] + static_cast<std::int32_t>(sequences[i].tokens.size());
    for (std::int32_t row = end - sequences[i].outputs; row < end; ++row) impl.output_rows.push_back(row);
  }
  // A row that no one asked for keeps the graph's shape, and with it the plan of its memory.
  if (outputs == 0) impl.output_rows.push_back(0);

  auto batch =
      AttentionBatch::create(ordered, model.query_heads, 1 / std::sqrt(static_cast<float>(model.head_dim)),
                             impl.threads, impl.budget);
  if (!batch) return std::unexpected(batch.error());
  const auto prepared = impl.prepare(static_cast<int>(rows), static_cast<int>(impl.output_rows.size()));
  if (!prepared) return std::unexpected(prepared.error());

  fill(impl.graph->tokens(), impl.tokens);
  fill(impl.graph->positions(), (*batch)->positions());
  fill(impl.graph->outputs(), impl.output_rows);
  for (AttentionCall& call : impl.attention_calls) {
    call.batch = batch->get();
    call.handovers.fetch_add(1, std::memory_order_release);
  }
  const ggml_status status = ggml_backend_graph_compute(impl.backend.get(), impl.graph->raw());
  for (const AttentionCall& call : impl.attention_calls) {
    static_cast<void>(call.handovers.load(std::memory_order_acquire));
  }
  if (status != GGML_STATUS_SUCCESS) {
    return fail(Errc::out_of_memory,
                std::format("a step of {} tokens failed: {}", rows, ggml_status_to_string(status)));
  }
  return std::span(static_cast<const float*>(impl.graph->logits()->data),
                   static_cast<std::size_t>(outputs) * static_cast<std::size_t>(model.vocabulary));
}

std::size_t Runner::scratch_bytes() const {
  std::size_t bytes = impl_->arena_charge.bytes();
  for (const Charge& charge : impl_->compute_charges) bytes += charge.bytes();
  return bytes;
}

int Runner::threads() const { return impl_->threads; }

}  // namespace banyan
