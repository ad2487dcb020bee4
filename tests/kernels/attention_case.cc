#include "kernels/attention_case.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>

#include "kernels/kv_write.h"
#include "support/reference_attention.h"

namespace banyan::test {

using kernels::KvRun;
using kernels::SharedRun;

AttentionCase::AttentionCase(const Options& options, std::mt19937_64& random)
    : options_(options), random_(random) {
  row_begin_.push_back(0);
  for (int s = 0; s < options.sequences; ++s)
    row_begin_.push_back(row_begin_.back() + pick(1, options.most_rows));
  positions_.resize(row_begin_.back());
  add_paths(0, options.sequences, 0);
  draw_queries();
}

AttentionCase::AttentionCase(const Options& options, std::span<const Run> runs, int rows,
                             std::mt19937_64& random)
    : options_(options), random_(random) {
  std::int32_t end = 0;
  for (const Run& run : runs) {
    end += run.skipped;
    runs_.push_back({make_run(run, end), 0, rows});
    end += run.tokens;
  }
  for (int row = 0; row < rows; ++row) {
    positions_.push_back(options.anywhere ? pick(0, end - 1) : end - rows + row);
  }
  draw_queries();
}

void AttentionCase::draw_queries() {
  const auto draw = [&](std::size_t count) {
    std::uniform_real_distribution<float> any(-options_.sharpness, options_.sharpness);
    std::vector<float> result(count);
    for (float& element : result) element = any(random_);
    return result;
  };
  queries_ = draw(positions_.size() * query_size());
  if (options_.sinks) sinks_ = draw(shape().query_heads);
}

int AttentionCase::pick(int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random_);
}

AttentionCase::Memory AttentionCase::make_memory(std::size_t bytes) const {
  Memory memory(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(64))));
  std::memset(memory.get(), 0xFF, bytes);  // NaN, in q8_0 as scales
  return memory;
}

KvRun AttentionCase::make_run(const Run& run, std::int32_t position) {
  const KvLayout& layout = options_.shape.layout;
  const int end = run.begin + run.tokens;
  const int capacity = (end + pick(0, 40) + KvLayout::kTile - 1) / KvLayout::kTile * KvLayout::kTile;
  segments_.push_back(make_memory(layout.segment_bytes(capacity)));
  run_names_.push_back(next_name_);
  for (int t = run.begin; t < end; ++t, ++next_name_) {
    kernels::write_token(layout, options_.layer, segments_.back().get(), capacity, t,
                         kv_row(next_name_, options_.layer, layout.kv_heads, layout.key_dim, false).data(),
                         kv_row(next_name_, options_.layer, layout.kv_heads, layout.value_dim, true).data());
  }
  return {segments_.back().get(), capacity, run.begin, end, position};
}

void AttentionCase::add_paths(int first, int last, std::int32_t position) {
  const int row_begin = row_begin_[first];
  const int row_end = row_begin_[last];
  // What these sequences share; a single one ends with its own rows.
  for (int runs = pick(0, 2); runs > 0; --runs) {
    const int tokens = pick(0, 2) == 0 ? 1 : pick(1, options_.most_run);
    runs_.push_back({make_run(any_place(tokens), position), row_begin, row_end});
    position += tokens;
  }
  if (last - first > 1) {
    const int middle = pick(first + 1, last - 1);
    add_paths(first, middle, position);
    add_paths(middle, last, position);
    return;
  }
  const int own = row_end - row_begin;
  for (int row = 0; row < own; ++row) {
    positions_[row_begin + row] = options_.anywhere ? pick(0, position + row) : position + row;
  }
  const int cut = pick(0, own);
  if (cut > 0) runs_.push_back({make_run(any_place(cut), position), row_begin, row_end});
  if (cut < own) runs_.push_back({make_run(any_place(own - cut), position + cut), row_begin, row_end});
}

std::vector<float> AttentionCase::attend(int threads) const {
  kernels::AttentionPlan divided = plan(threads);
  return run(divided, queries_.data(), threads);
}

std::vector<float> AttentionCase::attend_alone(int begin, int end) const {
  std::vector<SharedRun> runs;
  for (const auto& [run, row_begin, row_end] : runs_) {
    if (row_begin < end && begin < row_end) {
      runs.push_back({run, std::max(row_begin, begin) - begin, std::min(row_end, end) - begin});
    }
  }
  kernels::AttentionPlan plan(shape(), runs, std::span(positions_).subspan(begin, end - begin), 1);
  return run(plan, queries_.data() + begin * query_size(), 1);
}

std::vector<float> AttentionCase::run(kernels::AttentionPlan& plan, const float* queries, int threads) const {
  const Memory scratch = make_memory(plan.scratch_bytes());
  std::vector<float> out;
  // Twice, as layers do it one after the other.
  for (int layer = 0; layer < 2; ++layer) {
    out.assign(plan.positions().size() * out_size(), NAN);
    std::vector<std::jthread> running;
    for (int ith = 0; ith < threads; ++ith) {
      running.emplace_back([&, ith] {
        kernels::attend(plan, options_.layer, queries, sinks(), out.data(), ith, threads, scratch.get());
      });
    }
  }
  return out;
}

std::vector<double> AttentionCase::expected(KvType type) const {
  auto [layout, query_heads, scale, window] = shape();
  layout.type = type;
  std::vector<double> out;
  for (int row = 0; row < rows(); ++row) {
    std::vector<std::uint64_t> seen;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const auto& [run, row_begin, row_end] = runs_[i];
      if (row < row_begin || row >= row_end) continue;
      for (int t = 0; t < run.end - run.begin; ++t) {
        const std::int32_t before = positions_[row] - (run.position + t);
        if (before >= 0 && (window == 0 || before < window)) seen.push_back(run_names_[i] + t);
      }
    }
    const ReferenceMemory memory(seen, layout, options_.layer);
    for (int head = 0; head < query_heads; ++head) {
      const std::span query(queries_.data() + row * query_size() + head * layout.key_dim, layout.key_dim);
      out.append_range(memory.attend(query, scale, head / (query_heads / layout.kv_heads), 0, seen.size(),
                                     sinks_.empty() ? nullptr : &sinks_[head]));
    }
  }
  return out;
}

}  // namespace banyan::test
