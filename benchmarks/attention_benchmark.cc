// Attention over a tree against ggml's flash attention per sequence, as an engine computes it whose sequences
// do not share memory: one operation for each over its own contiguous f16 keys and values. Both run in ggml's
// graphs with the same threads and take turns, so that a ratio is of one moment. Times are medians. The last
// benchmark is of what comes before: the division of a step's work.
#include <benchmark/benchmark.h>
#include <ggml-backend.h>
#include <ggml.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "banyan/attention_batch.h"
#include "banyan/attention_state.h"
#include "model/ggml_runtime.h"

namespace banyan {
namespace {

constexpr int kQueryHeads = 16;
constexpr int kKvHeads = 8;
constexpr int kDim = 128;
constexpr float kScale = 0.0883883f;

int threads() { return static_cast<int>(std::thread::hardware_concurrency()); }

std::vector<float> random_floats(std::size_t count) {
  static std::mt19937 random(1);
  std::vector<float> floats(count);
  for (float& x : floats) x = std::uniform_real_distribution<float>(-1, 1)(random);
  return floats;
}

ggml_backend_t backend() {
  static const ggml_backend_t cpu = [] {
    const ggml_backend_dev_t device = cpu_device().value();
    const ggml_backend_t made = ggml_backend_dev_init(device, nullptr);
    reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"))(made, threads());
    return made;
  }();
  return cpu;
}

// A graph of independent operations.
class Graph {
 public:
  Graph() {
    const std::size_t nodes = 4096;
    context_.reset(ggml_init(
        {ggml_tensor_overhead() * nodes + ggml_graph_overhead_custom(nodes, false), nullptr, true}));
    graph_ = ggml_new_graph_custom(context_.get(), nodes, false);
  }

  ggml_context* context() { return context_.get(); }
  void add(ggml_tensor* result) { ggml_build_forward_expand(graph_, result); }

  // With huge pages, as ours have, and nothing in it that is slow to compute with.
  void allocate() {
    buffer_.reset(ggml_backend_alloc_ctx_tensors(context(), backend()));
    const auto base = reinterpret_cast<std::uintptr_t>(ggml_backend_buffer_get_base(buffer_.get()));
    const std::uintptr_t page = base / 4096 * 4096;
    madvise(reinterpret_cast<void*>(page), ggml_backend_buffer_get_size(buffer_.get()), MADV_HUGEPAGE);
    const std::vector<float> floats = random_floats(1 << 16);
    std::vector<ggml_fp16_t> halves(floats.size());
    ggml_fp32_to_fp16_row(floats.data(), halves.data(), static_cast<std::int64_t>(floats.size()));
    for (ggml_tensor* t = ggml_get_first_tensor(context()); t; t = ggml_get_next_tensor(context(), t)) {
      const void* from = t->type == GGML_TYPE_F16 ? static_cast<const void*>(halves.data()) : floats.data();
      const std::size_t block = halves.size() * (t->type == GGML_TYPE_F16 ? 2 : 4);
      for (std::size_t done = 0; done < ggml_nbytes(t); done += block) {
        ggml_backend_tensor_set(t, from, done, std::min(block, ggml_nbytes(t) - done));
      }
    }
  }

  // Seconds.
  double compute() {
    const auto start = std::chrono::steady_clock::now();
    ggml_backend_graph_compute(backend(), graph_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  struct Free {
    void operator()(ggml_context* context) const { ggml_free(context); }
    void operator()(ggml_backend_buffer* buffer) const { ggml_backend_buffer_free(buffer); }
  };
  std::unique_ptr<ggml_context, Free> context_;
  std::unique_ptr<ggml_backend_buffer, Free> buffer_;
  ggml_cgraph* graph_;
};

// An operation of ggml's graph: work(ith, nth).
using Work = std::function<void(int, int)>;
void add_work(Graph& graph, Work& work) {
  graph.add(ggml_custom_4d(
      graph.context(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0,
      [](ggml_tensor*, int ith, int nth, void* data) { (*static_cast<Work*>(data))(ith, nth); },
      GGML_N_TASKS_MAX, &work));
}

struct Shape {
  int layers;
  int sequences;
  int trunk;  // tokens that all share
  int own;    // tokens that each sequence has besides, its rows among them
  int rows;   // of each sequence
};

// Ours: a step in which every sequence has its rows.
class Tree {
 public:
  explicit Tree(const Shape& shape, KvType type = KvType::f16)
      : layout_{shape.layers, kKvHeads, kDim, kDim, type},
        group_(layout_),
        queries_(random_floats(static_cast<std::size_t>(shape.sequences) * shape.rows * kQueryHeads * kDim)),
        out_(queries_.size()),
        layers_(shape.layers) {
    AttentionState trunk(layout_, budget_);
    extend(trunk, shape.trunk);
    if (shape.trunk > 0) trunk_ = trunk.snapshot(0, shape.trunk);
    std::vector<AttentionBatch::Sequence> sequences;
    for (int s = 0; s < shape.sequences; ++s) {
      std::vector<PathPart> parts;
      if (trunk_) parts.push_back({trunk_.get(), 0, static_cast<std::size_t>(shape.trunk)});
      states_.push_back(group_.resume(parts, shape.trunk, budget_));
      auto& state = static_cast<AttentionState&>(*states_.back());
      extend(state, shape.own - shape.rows);
      state.reserve(shape.rows).value();
      sequences.push_back({&state.path(), shape.rows});
    }
    batch_ = make_batch(sequences);
    const auto rows = random_floats(static_cast<std::size_t>(batch_->rows()) * kKvHeads * kDim);
    for (int layer = 0; layer < shape.layers; ++layer) {
      batch_->append(layer, rows.data(), rows.data(), kKvHeads * kDim, 0, 1);
      layers_[layer] = [this, layer](int ith, int nth) {
        batch_->attend(layer, queries_.data(), nullptr, out_.data(), ith, nth);
      };
      add_work(graph_, layers_[layer]);
    }
    graph_.allocate();
  }

  double compute() { return graph_.compute(); }
  // Of keys and values, in all layers.
  std::size_t bytes() const { return batch_->tokens_read() * layout_.bytes_per_token(); }
  const SegmentPath& path() const { return static_cast<const AttentionState&>(*states_[0]).path(); }

 private:
  std::unique_ptr<AttentionBatch> make_batch(std::span<const AttentionBatch::Sequence> sequences) {
    return AttentionBatch::create(sequences, {.query_heads = kQueryHeads, .scale = kScale}, threads(),
                                  scratch_)
        .value();
  }

  void extend(AttentionState& state, int tokens) {
    for (int count; tokens > 0; tokens -= count) {
      count = std::min(tokens, 512);
      state.reserve(count).value();
      const AttentionBatch::Sequence sequence{&state.path(), count};
      const auto batch = make_batch({&sequence, 1});
      const auto rows = random_floats(static_cast<std::size_t>(count) * kKvHeads * kDim);
      for (int layer = 0; layer < layout_.layers; ++layer) {
        batch->append(layer, rows.data(), rows.data(), kKvHeads * kDim, 0, 1);
      }
      state.commit(count);
    }
  }

  Budget budget_{std::size_t{1} << 40};
  AttentionScratch scratch_{budget_};
  KvLayout layout_;
  AttentionGroup group_;
  std::unique_ptr<StatePart> trunk_;
  std::vector<std::unique_ptr<LiveState>> states_;
  std::vector<float> queries_;
  std::vector<float> out_;
  std::unique_ptr<AttentionBatch> batch_;
  std::vector<Work> layers_;
  Graph graph_;
};

// ggml's: the same by an operation for each sequence.
class PerSequence {
 public:
  explicit PerSequence(const Shape& shape) {
    const int tokens = shape.trunk + shape.own;
    ggml_context* context = graph_.context();
    ggml_tensor* mask = nullptr;
    if (shape.rows > 1) mask = ggml_new_tensor_2d(context, GGML_TYPE_F16, tokens, shape.rows);
    for (int layer = 0; layer < shape.layers; ++layer) {
      for (int s = 0; s < shape.sequences; ++s) {
        ggml_tensor* q = ggml_new_tensor_3d(context, GGML_TYPE_F32, kDim, shape.rows, kQueryHeads);
        ggml_tensor* k = ggml_new_tensor_3d(context, GGML_TYPE_F16, kDim, tokens, kKvHeads);
        ggml_tensor* v = ggml_new_tensor_3d(context, GGML_TYPE_F16, kDim, tokens, kKvHeads);
        graph_.add(ggml_flash_attn_ext(context, q, k, v, mask, kScale, 0, 0));
      }
    }
    graph_.allocate();
    if (mask == nullptr) return;
    std::vector<float> seen(static_cast<std::size_t>(tokens) * shape.rows, 0.0f);
    for (int row = 0; row < shape.rows; ++row) {
      std::fill(seen.begin() + row * tokens + tokens - shape.rows + row + 1,
                seen.begin() + (row + 1) * tokens, -INFINITY);
    }
    std::vector<ggml_fp16_t> halves(seen.size());
    ggml_fp32_to_fp16_row(seen.data(), halves.data(), static_cast<std::int64_t>(seen.size()));
    ggml_backend_tensor_set(mask, halves.data(), 0, ggml_nbytes(mask));
  }
  double compute() { return graph_.compute(); }

 private:
  Graph graph_;
};

double median(std::vector<double> times) {
  std::ranges::nth_element(times, times.begin() + times.size() / 2);
  return times[times.size() / 2];
}

// The median times of two that take turns, so that what else the machine does meets both.
struct Turns {
  double ours;
  double theirs;
};

template <class Ours, class Theirs>
Turns take_turns(benchmark::State& state, Ours& ours, Theirs& theirs) {
  ours.compute();
  theirs.compute();
  std::vector<double> our_times, their_times;
  for (auto _ : state) {
    their_times.push_back(theirs.compute());
    our_times.push_back(ours.compute());
    state.SetIterationTime(our_times.back());
  }
  return {median(our_times), median(their_times)};
}

// Rows of `sequences` sequences on one trunk.
void over_ggml(benchmark::State& state, const Shape& shape) {
  Tree tree(shape);
  PerSequence per_sequence(shape);
  const auto [ours, theirs] = take_turns(state, tree, per_sequence);
  double seen = 0;  // tokens, by all rows
  for (int row = 0; row < shape.rows; ++row) seen += shape.trunk + shape.own - row;
  const double seconds = ours / shape.layers;
  state.counters["ms"] = seconds * 1e3;
  state.counters["ggml_ms"] = theirs / shape.layers * 1e3;
  state.counters["ratio"] = theirs / ours;
  state.counters["GFLOP/s"] = seen * shape.sequences * kQueryHeads * kDim * 4 / seconds / 1e9;
  state.counters["GB/s"] = static_cast<double>(tree.bytes()) / shape.layers / seconds / 1e9;
}

void decode(benchmark::State& state) {
  const auto sequences = static_cast<int>(state.range(0));
  over_ggml(state, {.layers = 4, .sequences = sequences, .trunk = 4096, .own = 256, .rows = 1});
}
BENCHMARK(decode)->Arg(1)->Arg(8)->Arg(32)->UseManualTime()->Unit(benchmark::kMillisecond);

void prefill(benchmark::State& state) {
  const auto depth = static_cast<int>(state.range(0));
  over_ggml(state, {.layers = 1, .sequences = 1, .trunk = depth, .own = 512, .rows = 512});
}
BENCHMARK(prefill)->Arg(0)->Arg(4096)->UseManualTime()->Unit(benchmark::kMillisecond);

// Reads all of it as fast as a thread can: four streams, each with the next kilobyte on its way.
std::uint64_t read_all(std::span<const std::uint64_t> words) {
  constexpr int kStreams = 4;
  using Vector [[gnu::vector_size(64), gnu::may_alias]] = std::uint64_t;
  const auto* from = reinterpret_cast<const Vector*>(words.data());
  const std::size_t length = words.size_bytes() / sizeof(Vector) / kStreams;
  Vector sums[kStreams] = {};
  for (std::size_t i = 0; i < length; ++i) {
    for (int s = 0; s < kStreams; ++s) {
      __builtin_prefetch(from + s * length + i + 16);
      sums[s] += from[s * length + i];
    }
  }
  const Vector sum = sums[0] + sums[1] + sums[2] + sums[3];
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

// One sequence whose keys and values no cache holds, beside a plain reader of the same memory.
void decode_from_memory(benchmark::State& state) {
  Tree tree({.layers = 28, .sequences = 1, .trunk = 0, .own = 4096, .rows = 1});
  Graph reader;
  Work read = [&](int ith, int nth) {
    std::uint64_t sum = 0;
    for (const SegmentView& view : tree.path().views()) {
      const std::span words(reinterpret_cast<const std::uint64_t*>(view.segment->data()),
                            view.segment->bytes() / sizeof(std::uint64_t));
      sum += read_all(words.subspan(words.size() / nth * ith, words.size() / nth));
    }
    benchmark::DoNotOptimize(sum);
  };
  add_work(reader, read);
  reader.allocate();
  std::size_t bytes = 0;
  for (const SegmentView& view : tree.path().views()) bytes += view.segment->bytes();

  const auto [ours, plain] = take_turns(state, tree, reader);
  const double rate = static_cast<double>(tree.bytes()) / ours / 1e9;
  const double plain_rate = static_cast<double>(bytes) / plain / 1e9;
  state.counters["ms"] = ours / 28 * 1e3;
  state.counters["GB/s"] = rate;
  state.counters["read_GB/s"] = plain_rate;
  state.counters["ratio"] = rate / plain_rate;
}
BENCHMARK(decode_from_memory)->UseManualTime()->Unit(benchmark::kMillisecond);

// Keys and values in q8_0 against f16: how many times as fast.
void q8_0_over_f16(benchmark::State& state) {
  const Shape shape{.layers = static_cast<int>(state.range(0)),
                    .sequences = static_cast<int>(state.range(1)),
                    .trunk = 4096,
                    .own = static_cast<int>(std::max<std::int64_t>(state.range(2), 256)),
                    .rows = static_cast<int>(state.range(2))};
  Tree f16(shape);
  Tree q8_0(shape, KvType::q8_0);
  const auto [quantised, halves] = take_turns(state, q8_0, f16);
  state.counters["ms"] = quantised / shape.layers * 1e3;
  state.counters["ratio"] = halves / quantised;
}
BENCHMARK(q8_0_over_f16)
    ->ArgNames({"layers", "sequences", "rows"})
    ->Args({28, 1, 1})
    ->Args({4, 8, 1})
    ->Args({4, 32, 1})
    ->Args({1, 1, 512})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// What a step takes before the model is computed: 64 sequences of 4,096 nodes of 16 tokens, each a segment of
// its own, of which they share the first so many.
void plan_of_many_nodes(benchmark::State& state) {
  constexpr int kSequences = 64;
  constexpr int kNodes = 4096;
  const KvLayout layout{.layers = 1, .kv_heads = 1, .key_dim = 1, .value_dim = 1, .type = KvType::f16};
  Budget budget(std::size_t{1} << 40);
  const auto new_view = [&] { return SegmentView{Segment::create(layout, 16, budget).value(), 0, 16}; };
  std::vector<SegmentView> trunk;
  for (int node = 0; node < state.range(0); ++node) trunk.push_back(new_view());
  std::vector<std::unique_ptr<AttentionState>> states;
  std::vector<const SegmentPath*> paths;
  for (int i = 0; i < kSequences; ++i) {
    std::vector<SegmentView> views = trunk;
    while (views.size() < kNodes) views.push_back(new_view());
    states.push_back(std::make_unique<AttentionState>(layout, budget, views));
    states.back()->reserve(1).value();
    paths.push_back(&states.back()->path());
  }
  AttentionScratch scratch(budget);
  for (auto _ : state) {
    std::vector<AttentionBatch::Sequence> sequences;
    for (const std::size_t i : AttentionBatch::order(paths)) sequences.push_back({paths[i], 1});
    benchmark::DoNotOptimize(
        AttentionBatch::create(sequences, {.query_heads = 8}, static_cast<int>(state.range(1)), scratch));
  }
}
BENCHMARK(plan_of_many_nodes)
    ->ArgNames({"shared", "threads"})
    ->Args({4096, 2})
    ->Args({0, 2})
    ->Args({0, 64})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace banyan
