#include "state/recurrent_tools.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

namespace banyan::test::recurrent {
namespace {

constexpr int kKeySize = kKeyHeads * kLayout.key_dim;
constexpr int kValueSize = kLayout.value_heads * kLayout.value_dim;
constexpr int kKernel = kLayout.conv_taps + 1;

// A number in [-1, 1) that stands for one of those that a token brings to a layer.
float number(std::uint64_t name, int layer, int index) {
  std::uint64_t hash = name;
  for (const std::uint64_t part : {std::uint64_t(layer), std::uint64_t(index)}) {
    hash = (hash ^ part) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
  }
  return static_cast<float>(static_cast<int>(hash % 4096) - 2048) / 2048;
}

void append(Numbers& to, std::uint64_t name, int layer, int first, int count) {
  for (int i = 0; i < count; ++i) to.push_back(number(name, layer, first + i));
}

// What a layer is given for some tokens.
struct LayerInput {
  LayerInput(std::span<const Names> paths, int layer) {
    append(weights, 0, layer, 0, kLayout.conv_channels * kKernel);
    for (const Names& names : paths) {
      for (const std::uint64_t name : names) {
        append(x, name, layer, 0, kLayout.conv_channels);
        append(g, name, layer, kLayout.conv_channels, kLayout.value_heads);
        append(beta, name, layer, kLayout.conv_channels + kLayout.value_heads, kLayout.value_heads);
      }
    }
    for (float& decay : g) decay = (decay - 1) / 8;
    for (float& share : beta) share = (share + 1) / 2;
  }
  Numbers weights, x, g, beta;
};

// The queries or keys of the rows of convolve's result, each vector of length 1.
Numbers normalized(const Numbers& convolved, int first) {
  Numbers result;
  for (auto row = convolved.begin(); row != convolved.end(); row += kLayout.conv_channels) {
    for (int head = 0; head < kKeyHeads; ++head) {
      const auto vector = row + first + head * kLayout.key_dim;
      double length = 1e-12;
      for (int i = 0; i < kLayout.key_dim; ++i) length += double(vector[i]) * vector[i];
      for (int i = 0; i < kLayout.key_dim; ++i) {
        result.push_back(static_cast<float>(vector[i] / std::sqrt(length)));
      }
    }
  }
  return result;
}

template <class Work>
void on_threads(int threads, Work work) {
  std::vector<std::jthread> others;
  for (int ith = 1; ith < threads; ++ith) others.emplace_back([&work, ith] { work(ith); });
  work(0);
}

}  // namespace

Names new_names(std::size_t count) {
  static std::uint64_t next = 0;
  Names names(count);
  for (std::uint64_t& name : names) name = ++next;
  return names;
}

Path start(Budget& budget) { return {std::make_unique<RecurrentState>(kLayout, budget), {}}; }

Path resume(const StatePart& part, const Names& names, Budget& budget) {
  const PathPart node{&part, 0, names.size()};
  auto state = RecurrentGroup(kLayout).resume({&node, 1}, names.size(), budget);
  return {std::unique_ptr<RecurrentState>(static_cast<RecurrentState*>(state.release())), names};
}

std::vector<Numbers> forward(std::span<const Step> steps, int threads, KeyOrder order) {
  std::vector<RecurrentBatch::Sequence> sequences;
  std::vector<Names> added;
  for (const Step& step : steps) {
    sequences.push_back({step.path->state.get(), static_cast<int>(step.added.size())});
    added.push_back(step.added);
  }
  const RecurrentBatch batch(sequences, kKeyHeads, order);
  std::vector<Numbers> results;
  for (int layer = 0; layer < kLayout.layers; ++layer) {
    const LayerInput input(added, layer);
    Numbers convolved(input.x.size(), NAN);
    on_threads(threads, [&](int ith) {
      batch.convolve(layer, input.x.data(), input.weights.data(), convolved.data(), ith, threads);
    });
    const Numbers q = normalized(convolved, 0);
    const Numbers k = normalized(convolved, kKeySize);
    Numbers out(static_cast<std::size_t>(batch.rows()) * kValueSize, NAN);
    on_threads(threads, [&](int ith) {
      batch.scan(layer,
                 {.q = q.data(),
                  .k = k.data(),
                  .v = convolved.data() + 2 * kKeySize,
                  .v_stride = kLayout.conv_channels,
                  .g = input.g.data(),
                  .beta = input.beta.data()},
                 out.data(), ith, threads);
    });
    results.push_back(std::move(out));
  }
  return results;
}

void commit(std::span<const Step> steps) {
  for (const auto& [path, added] : steps) {
    path->state->commit(added.size());
    path->names.insert(path->names.end(), added.begin(), added.end());
  }
}

std::vector<Numbers> extend(Path& path, const Names& added) {
  const Step step{&path, added};
  path.state->reserve(added.size()).value();
  auto result = forward({&step, 1});
  commit({&step, 1});
  return result;
}

std::vector<Numbers> expected(const Names& names, std::size_t rows) {
  Budget budget(2 * kLayout.bytes());
  Path path = start(budget);
  std::vector<Numbers> results = extend(path, names);
  for (Numbers& result : results) {
    result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(rows * kValueSize));
  }
  return results;
}

std::vector<std::vector<double>> by_the_textbook(const Names& names, KeyOrder order) {
  const int dim = kLayout.key_dim;
  std::vector<std::vector<double>> results;
  for (int layer = 0; layer < kLayout.layers; ++layer) {
    const LayerInput input({&names, 1}, layer);
    std::vector<double> result;
    std::vector<double> matrix(std::size_t(kLayout.value_heads) * kLayout.value_dim * dim);
    for (int row = 0; row < static_cast<int>(names.size()); ++row) {
      std::vector<double> mixed;
      for (int c = 0; c < kLayout.conv_channels; ++c) {
        double sum = 0;
        for (int i = 0; i < kKernel; ++i) {
          const int seen = row + i - kLayout.conv_taps;
          if (seen >= 0)
            sum += double(input.weights[c * kKernel + i]) * input.x[seen * kLayout.conv_channels + c];
        }
        mixed.push_back(sum / (1 + std::exp(-sum)));
      }
      for (int vector = 0; vector < 2 * kKeyHeads; ++vector) {
        double length = 0;
        for (int i = 0; i < dim; ++i) length += mixed[vector * dim + i] * mixed[vector * dim + i];
        for (int i = 0; i < dim; ++i) mixed[vector * dim + i] /= std::sqrt(length);
      }
      for (int head = 0; head < kLayout.value_heads; ++head) {
        const int group = kLayout.value_heads / kKeyHeads;
        const int key_head = order == KeyOrder::tiled ? head % kKeyHeads : head / group;
        const double* q = mixed.data() + key_head * dim;
        const double* k = q + kKeySize;
        const double* v = mixed.data() + 2 * kKeySize + head * kLayout.value_dim;
        const int gate = row * kLayout.value_heads + head;
        for (int j = 0; j < kLayout.value_dim; ++j) {
          double* s = matrix.data() + (head * kLayout.value_dim + j) * dim;
          double delta = v[j];
          for (int i = 0; i < dim; ++i) delta -= (s[i] *= std::exp(double(input.g[gate]))) * k[i];
          double sum = 0;
          for (int i = 0; i < dim; ++i) sum += (s[i] += k[i] * delta * input.beta[gate]) * q[i];
          result.push_back(sum / std::sqrt(double(dim)));
        }
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

bool goes_on(Path& path) {
  const Step step{&path, new_names(1)};
  Names all = path.names;
  all.push_back(step.added[0]);
  path.state->reserve(1).value();
  const bool same = forward({&step, 1}) == expected(all, 1);
  path.state->commit(0);
  return same;
}

}  // namespace banyan::test::recurrent
