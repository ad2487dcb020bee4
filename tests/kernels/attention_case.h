/// Random inputs of the attention kernel with what must come out.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "kernels/attention.h"
#include "kernels/attention_plan.h"

namespace banyan::test {

/// Sequences whose paths share a random tree of runs, cut anywhere. All memory beyond the runs is NaN.
class AttentionCase {
 public:
  struct Options {
    kernels::AttentionShape shape;
    int layer = 0;
    int sequences = 1;
    int most_rows = 4;      ///< of a sequence
    int most_run = 100;     ///< tokens
    float sharpness = 1;    ///< size of the queries
    bool anywhere = false;  ///< rows stand anywhere on their paths, not at the end
    bool sinks = false;
  };
  /// A run of so many tokens from token `begin` of a segment, so many positions after the run before.
  struct Run {
    int begin = 0;
    int tokens = 0;
    int skipped = 0;
  };

  AttentionCase(const Options& options, std::mt19937_64& random);
  /// One sequence, of `rows` rows at the end of these runs, or anywhere.
  AttentionCase(const Options& options, std::span<const Run> runs, int rows, std::mt19937_64& random);

  const kernels::AttentionShape& shape() const { return options_.shape; }
  int rows() const { return static_cast<int>(positions_.size()); }
  const std::vector<std::int32_t>& positions() const { return positions_; }
  std::size_t query_size() const {
    return static_cast<std::size_t>(shape().query_heads) * shape().layout.key_dim;
  }
  std::size_t out_size() const {
    return static_cast<std::size_t>(shape().query_heads) * shape().layout.value_dim;
  }

  void set_sinks(std::vector<float> sinks) { sinks_ = std::move(sinks); }

  /// How so many threads divide the work.
  kernels::AttentionPlan plan(int threads) const { return {shape(), runs_, positions_, threads}; }
  /// What so many threads with the kernel make of it.
  std::vector<float> attend(int threads = 1) const;
  /// The same of rows [begin, end) alone.
  std::vector<float> attend_alone(int begin, int end) const;
  /// The same by the textbook, of keys and values as their format, or another, holds them.
  std::vector<double> expected() const { return expected(shape().layout.type); }
  std::vector<double> expected(KvType type) const;

 private:
  struct AlignedDelete {
    void operator()(std::byte* data) const { ::operator delete(data, std::align_val_t(64)); }
  };
  using Memory = std::unique_ptr<std::byte, AlignedDelete>;

  int pick(int least, int most);
  Memory make_memory(std::size_t bytes) const;
  const float* sinks() const { return sinks_.empty() ? nullptr : sinks_.data(); }
  std::vector<float> run(kernels::AttentionPlan& plan, const float* queries, int threads) const;
  kernels::KvRun make_run(const Run& run, std::int32_t position);
  Run any_place(int tokens) { return {pick(0, 40), tokens}; }
  void draw_queries();
  void add_paths(int first, int last, std::int32_t position);

  Options options_;
  std::mt19937_64& random_;
  std::vector<Memory> segments_;
  std::vector<int> row_begin_;  // of each sequence, and the end
  std::vector<kernels::SharedRun> runs_;
  std::vector<std::uint64_t> run_names_;  // of each run's first token; one more for each other
  std::uint64_t next_name_ = 1;
  std::vector<std::int32_t> positions_;
  std::vector<float> queries_;
  std::vector<float> sinks_;  // empty: none
};

}  // namespace banyan::test
