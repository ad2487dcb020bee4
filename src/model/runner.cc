#include <algorithm>
#include <format>
#include <optional>
#include <span>
#include <vector>

#include "banyan/model.h"
#include "base/usable_cores.h"
#include "model/ggml_runtime.h"
#include "model/handover.h"
#include "model/model_impl.h"
#include "model/step.h"

namespace banyan {
namespace {

/// The work buffer of a plan of ggml's CPU backend, which does not tell its size. It holds
/// the right side of a product in the left side's number format, never wider than float32, and for a
/// product with experts lists of the rows that each computes; other operations that use it have a
/// line of their input for each thread.
std::size_t most_work_bytes(ggml_cgraph* graph, int threads) {
  constexpr std::size_t kCacheLine = 256;
  constexpr std::size_t kListEntry = 8;
  std::size_t most = 0;
  for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
    const ggml_tensor* node = ggml_graph_node(graph, i);
    const ggml_tensor* input = node->src[0];
    if (node->op == GGML_OP_MUL_MAT) {
      most = std::max(most, ggml_nbytes(node->src[1]));
    } else if (node->op == GGML_OP_MUL_MAT_ID) {
      const auto experts = static_cast<std::size_t>(input->ne[2]);
      const auto choices = static_cast<std::size_t>(ggml_nelements(node->src[2]));
      most = std::max(
          most, ggml_nbytes(node->src[1]) + experts * (kCacheLine + kListEntry * (choices + 1)) + kCacheLine);
    } else if (input != nullptr) {
      most = std::max(most, sizeof(float) * static_cast<std::size_t>(input->ne[0] * threads));
    }
  }
  return most + kCacheLine * static_cast<std::size_t>(threads);
}

/// How a graph is computed, with its work buffer. ggml would keep a buffer itself, but one that cannot grow
/// for want of memory leaves its backend with a pointer to freed memory.
class Plan {
 public:
  /// Errors: std::bad_alloc.
  Plan(ggml_backend_t backend, ggml_cgraph* graph)
      : backend_(backend), plan_(ggml_backend_graph_plan_create(backend, graph)) {}
  ~Plan() { ggml_backend_graph_plan_free(backend_, plan_); }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  ggml_status compute() { return ggml_backend_graph_plan_compute(backend_, plan_); }

 private:
  ggml_backend_t backend_;
  ggml_backend_graph_plan_t plan_;
};

void fill(ggml_tensor* tensor, std::span<const std::int32_t> values) {
  auto* const numbers = static_cast<std::int32_t*>(tensor->data);
  const auto rest = std::ranges::copy(values, numbers).out;
  std::fill(rest, numbers + tensor->ne[0], 0);
}

}  // namespace

struct Runner::Impl {
  Impl(const Model::Impl& of, Budget& of_budget) : model(of), budget(of_budget), attention(of_budget) {}

  /// Rows of the graph for a step of so many. ggml multiplies rearranged weights with four rows at a
  /// time and with what is left over one by one, and for three of those takes longer than for four.
  /// With experts, a row more may be an expert more.
  int rows_computed(int of_rows) const {
    const bool one_more =
        model.weights.rearranged && model.hyperparameters.experts.count == 0 && of_rows % 4 == 3;
    return one_more ? of_rows + 1 : of_rows;
  }
  /// A graph in the arena, in place of the one before.
  Graph build(int of_rows, int of_outputs);
  /// Makes the compute buffer large enough for steps of so many rows.
  Result<> reserve(int of_rows, int of_outputs);
  /// Makes `graph` one for so many rows, ready to be filled in.
  Result<> prepare(int of_rows, int of_outputs);
  /// Computes `graph`, whose inputs are filled in.
  Result<> compute(const Step& step);

  const Model::Impl& model;
  Budget& budget;
  int most_threads = 0;
  int threads = 0;  ///< of the next step
  ggml_backend_ptr backend;
  ggml_backend_set_n_threads_t set_backend_threads = nullptr;

  std::unique_ptr<std::byte[]> memory;
  ggml_context_ptr arena;  ///< of the graph's tensors without their data, in `memory`
  Charge arena_charge;
  ggml_gallocr_ptr data;  ///< of the tensors' data
  std::vector<Charge> compute_charges;
  int most_rows = 0;  ///< that the compute buffer is large enough for
  int most_outputs = 0;

  AttentionScratch attention;  ///< of both kinds of attention layers, which attend one after the other
  StepBatches batches;
  std::vector<LayerCall> calls;
  std::optional<Graph> graph;  ///< of the last step; serves the next one if it is of the same size
  int rows = 0;
  int outputs = 0;
  std::optional<Plan> plan;  ///< of that graph, with so many threads as the backend has
};

Graph Runner::Impl::build(int of_rows, int of_outputs) {
  plan.reset();
  graph.reset();
  ggml_reset(arena.get());
  Graph built(arena.get(), model.hyperparameters, calls, of_rows, of_outputs);
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
  bytes += most_work_bytes(largest.raw(), most_threads);
  std::size_t charged = 0;
  for (const Charge& charge : compute_charges) charged += charge.bytes();
  if (bytes > charged) {
    auto charge = budget.take(bytes - charged, "the model's scratch");
    if (!charge) return std::unexpected(charge.error());
    compute_charges.push_back(std::move(*charge));
  }

  // An allocator that was to grow and threw would keep pointers to freed memory, a new one has none.
  data.reset(ggml_gallocr_new(plain));
  most_rows = most_outputs = 0;
  LogCapture quiet;
  while (!ggml_gallocr_reserve(data.get(), largest.raw())) {
    if (budget.reclaim(bytes)) continue;
    data.reset(ggml_gallocr_new(plain));
    compute_charges.clear();
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
  require(ggml_gallocr_alloc_graph(data.get(), graph->raw()), "Runner: a graph outgrew its memory");
  return {};
}

Result<> Runner::Impl::compute(const Step& step) {
  if (!plan) plan.emplace(backend.get(), graph->raw());
  batches.attention = step.attention.get();
  batches.window = step.window.get();
  batches.recurrent = step.recurrent.get();
  hand_over();
  const ggml_status status = plan->compute();
  take_over();
  if (status == GGML_STATUS_SUCCESS) return {};
  return fail(Errc::out_of_memory,
              std::format("a step of {} tokens failed: {}", rows, ggml_status_to_string(status)));
}

Runner::Runner() = default;
Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::create(const Model& model, Budget& budget,
                                               const RunnerOptions& options) {
  std::unique_ptr<Runner> runner(new Runner);
  runner->impl_ = std::make_unique<Impl>(*model.impl_, budget);
  Impl& impl = *runner->impl_;
  impl.threads = options.threads > 0 ? options.threads : usable_cores();
  impl.most_threads = impl.threads = std::clamp(impl.threads, 1, GGML_MAX_N_THREADS);

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
  impl.set_backend_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
      ggml_backend_dev_backend_reg(impl.model.device), "ggml_backend_set_n_threads"));
  impl.set_backend_threads(impl.backend.get(), impl.threads);
  impl.data.reset(ggml_gallocr_new(ggml_backend_get_default_buffer_type(impl.backend.get())));
  impl.calls = layer_calls(impl.model.hyperparameters, impl.batches);
  return runner;
}

Result<std::span<const float>> Runner::forward(std::span<const Sequence> sequences) {
  if (sequences.empty()) return std::span<const float>();
  Impl& impl = *impl_;
  const Hyperparameters& model = impl.model.hyperparameters;
  auto step = plan_step(sequences, model, impl.threads, impl.attention);
  if (!step) return std::unexpected(step.error());
  // A row that no one asked for keeps the graph's shape, and with it the plan of its memory.
  const std::size_t outputs = step->outputs.size();
  if (outputs == 0) step->outputs.push_back(0);
  if (auto prepared = impl.prepare(impl.rows_computed(static_cast<int>(step->tokens.size())),
                                   static_cast<int>(step->outputs.size()));
      !prepared) {
    return std::unexpected(prepared.error());
  }
  fill(impl.graph->tokens(), step->tokens);
  fill(impl.graph->positions(), step->positions);
  fill(impl.graph->outputs(), step->outputs);
  if (auto computed = impl.compute(*step); !computed) return std::unexpected(computed.error());
  return std::span(static_cast<const float*>(impl.graph->logits()->data),
                   outputs * static_cast<std::size_t>(model.vocabulary));
}

std::size_t Runner::scratch_bytes() const {
  std::size_t bytes = impl_->arena_charge.bytes() + impl_->attention.bytes();
  for (const Charge& charge : impl_->compute_charges) bytes += charge.bytes();
  return bytes;
}

void Runner::release_scratch() {
  Impl& impl = *impl_;
  impl.plan.reset();
  impl.graph.reset();
  impl.data.reset(ggml_gallocr_new(ggml_backend_get_default_buffer_type(impl.backend.get())));
  impl.compute_charges.clear();
  impl.rows = impl.outputs = impl.most_rows = impl.most_outputs = 0;
}

int Runner::threads() const { return impl_->threads; }

void Runner::set_threads(int threads) {
  threads = std::clamp(threads, 1, impl_->most_threads);
  if (threads == impl_->threads) return;
  impl_->threads = threads;
  impl_->plan.reset();
  impl_->set_backend_threads(impl_->backend.get(), threads);
}

}  // namespace banyan
