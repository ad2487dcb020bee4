// The layers against ggml's operations, put together as llama.cpp does for its qwen3next and qwen35.
#include <ggml-backend.h>
#include <ggml-cpp.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "banyan/recurrent_state.h"

namespace banyan::test::recurrent {
namespace {

using Numbers = std::vector<float>;

struct Shape {
  KeyOrder order;
  int key_heads, value_heads, dim, kernel, paths;
  int channels() const { return (2 * key_heads + value_heads) * dim; }
};

// Numbers for the rows of some paths: [path][row][...].
struct Input {
  Numbers x, g, beta;
};

struct Result {
  Numbers q, k;  // [path][row][key_heads][dim]
  Numbers out;   // [path][row][value_heads][dim]
};

// One layer of some paths in ggml, whose rows are the same in number.
class GgmlLayer {
 public:
  GgmlLayer(const Shape& shape, const Numbers& weights)
      : shape_(shape),
        weights_(weights),
        tail_(std::size_t(shape.paths) * shape.channels() * (shape.kernel - 1)),
        matrix_(std::size_t(shape.paths) * shape.value_heads * shape.dim * shape.dim) {}

  Result step(const Input& input, int rows) {
    const auto& [order, key_heads, value_heads, dim, kernel, paths] = shape_;
    const int channels = shape_.channels();
    context_.reset(ggml_init({.mem_size = 64 * ggml_tensor_overhead() + ggml_graph_overhead(),
                              .mem_buffer = nullptr,
                              .no_alloc = true}));
    ggml_context* const ctx = context_.get();
    const auto tensor = [&](std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
      return ggml_new_tensor_4d(ctx, GGML_TYPE_F32, a, b, c, d);
    };
    ggml_tensor* const tail = tensor(kernel - 1, channels, paths, 1);
    ggml_tensor* const x = tensor(channels, rows, paths, 1);
    ggml_tensor* const weights = tensor(kernel, channels, 1, 1);
    ggml_tensor* const g = tensor(1, value_heads, rows, paths);
    ggml_tensor* const beta = tensor(1, value_heads, rows, paths);
    ggml_tensor* const matrix = tensor(dim, dim, value_heads, paths);

    ggml_tensor* const seen = ggml_concat(ctx, tail, ggml_cont(ctx, ggml_transpose(ctx, x)), 0);
    ggml_tensor* const mixed = ggml_silu(ctx, ggml_ssm_conv(ctx, seen, weights));
    const auto heads = [&](int first, int count) {
      return ggml_view_4d(ctx, mixed, dim, count, rows, paths, dim * sizeof(float), mixed->nb[1],
                          mixed->nb[2], first * dim * sizeof(float));
    };
    ggml_tensor* const q = ggml_l2_norm(ctx, heads(0, key_heads), 1e-6f);
    ggml_tensor* const k = ggml_l2_norm(ctx, heads(key_heads, key_heads), 1e-6f);
    const auto repeated = [&](ggml_tensor* keys) {
      if (order == KeyOrder::tiled) return keys;
      keys = ggml_reshape_4d(ctx, keys, dim, 1, key_heads, rows * paths);
      keys = ggml_repeat_4d(ctx, keys, dim, value_heads / key_heads, key_heads, rows * paths);
      return ggml_reshape_4d(ctx, keys, dim, value_heads, rows, paths);
    };
    ggml_tensor* const result = ggml_gated_delta_net(ctx, repeated(q), repeated(k),
                                                     heads(2 * key_heads, value_heads), g, beta, matrix, 1);
    ggml_cgraph* const graph = ggml_new_graph(ctx);
    ggml_build_forward_expand(graph, result);

    const ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors(ctx, backend_.get()));
    fill(tail, tail_);
    fill(x, input.x);
    fill(weights, weights_);
    fill(g, input.g);
    fill(beta, input.beta);
    fill(matrix, matrix_);
    EXPECT_EQ(ggml_backend_graph_compute(backend_.get(), graph), GGML_STATUS_SUCCESS);

    const Numbers all = numbers(result);
    const auto out_end = all.begin() + std::ptrdiff_t(paths) * rows * value_heads * dim;
    matrix_.assign(out_end, all.end());
    const Numbers window = numbers(seen);
    for (std::size_t i = 0; i < tail_.size(); ++i) {
      const std::size_t line = i / (kernel - 1);
      tail_[i] = window[line * (kernel - 1 + rows) + rows + i % (kernel - 1)];
    }
    return {numbers(q), numbers(k), Numbers(all.begin(), out_end)};
  }

 private:
  static void fill(ggml_tensor* tensor, const Numbers& numbers) {
    ASSERT_EQ(ggml_nbytes(tensor), numbers.size() * sizeof(float));
    std::memcpy(tensor->data, numbers.data(), ggml_nbytes(tensor));
  }
  static Numbers numbers(const ggml_tensor* tensor) {
    const auto* const first = static_cast<const float*>(tensor->data);
    return Numbers(first, first + ggml_nelements(tensor));
  }
  static ggml_backend_t cpu() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) ggml_backend_load_all();
    ggml_backend_t backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    // The thread sanitizer cannot see into ggml's barriers.
    const auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(ggml_backend_get_device(backend)), "ggml_backend_set_n_threads"));
    set_threads(backend, 1);
    return backend;
  }

  Shape shape_;
  Numbers weights_, tail_, matrix_;
  ggml_backend_ptr backend_{cpu()};
  ggml_context_ptr context_;
};

void expect_near(const Numbers& actual, const Numbers& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  float worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const float error = std::abs(actual[i] - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  EXPECT_LT(worst, 1e-5);
}

class RecurrentGgmlTest : public testing::TestWithParam<Shape> {};

TEST_P(RecurrentGgmlTest, ComputesWhatGgmlDoes) {
  const Shape shape = GetParam();
  std::mt19937 random(1);
  const auto numbers = [&](int count, float least, float most) {
    Numbers result(count);
    for (float& number : result) number = std::uniform_real_distribution(least, most)(random);
    return result;
  };
  const RecurrentLayout layout{.layers = 1,
                               .conv_taps = shape.kernel - 1,
                               .conv_channels = shape.channels(),
                               .value_heads = shape.value_heads,
                               .value_dim = shape.dim,
                               .key_dim = shape.dim};
  const Numbers weights = numbers(shape.channels() * shape.kernel, -1, 1);
  GgmlLayer theirs(shape, weights);
  Budget budget(std::size_t{64} << 20);
  std::vector<std::unique_ptr<RecurrentState>> ours;
  for (int i = 0; i < shape.paths; ++i) ours.push_back(std::make_unique<RecurrentState>(layout, budget));

  for (const int rows : {7, 1, 2, 40, 1}) {
    SCOPED_TRACE(rows);
    const int all = rows * shape.paths;
    const Input input{.x = numbers(all * shape.channels(), -1, 1),
                      .g = numbers(all * shape.value_heads, -1, 0),
                      .beta = numbers(all * shape.value_heads, 0, 1)};
    const Result expected = theirs.step(input, rows);

    std::vector<RecurrentBatch::Sequence> sequences;
    for (const auto& state : ours) {
      ASSERT_TRUE(state->reserve(rows));
      sequences.push_back({state.get(), rows});
    }
    const RecurrentBatch batch(sequences, shape.key_heads, shape.order);
    Numbers mixed(input.x.size());
    batch.convolve(0, input.x.data(), weights.data(), mixed.data(), 0, 1);
    Numbers out(expected.out.size());
    batch.scan(0,
               {.q = expected.q.data(),
                .k = expected.k.data(),
                .v = mixed.data() + 2 * shape.key_heads * shape.dim,
                .v_stride = static_cast<std::size_t>(shape.channels()),
                .g = input.g.data(),
                .beta = input.beta.data()},
               out.data(), 0, 1);
    for (const auto& state : ours) state->commit(rows);
    expect_near(out, expected.out);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RecurrentGgmlTest,
                         testing::Values(Shape{KeyOrder::tiled, 2, 6, 32, 4, 3},
                                         Shape{KeyOrder::grouped, 2, 6, 32, 4, 3},
                                         Shape{KeyOrder::tiled, 4, 4, 20, 4, 1},
                                         Shape{KeyOrder::grouped, 1, 4, 128, 4, 2},
                                         Shape{KeyOrder::tiled, 2, 4, 100, 3, 2}),
                         [](const auto& shape) { return "Shape" + std::to_string(shape.index); });

}  // namespace
}  // namespace banyan::test::recurrent
