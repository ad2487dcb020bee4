/// The attention kernel: softmax attention of many rows over runs of keys and values that lie in
/// segments, each run shared by any range of rows. One source for every instruction set
/// (Highway), the best chosen at run time.
///
/// Partial results of runs are combined with a running maximum and sum, as in FlashAttention
/// (arXiv:2205.14135); sharing a run among rows is ChunkAttention's (arXiv:2402.15220) first phase.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "banyan/kv_layout.h"

namespace banyan::kernels {

/// Tokens [begin, end) of a segment, which stand at path positions position, position + 1, ...
struct KvRun {
  const std::byte* segment = nullptr;
  int capacity = 0;
  int begin = 0;
  int end = 0;
  std::int32_t position = 0;
};

/// A run that rows [row_begin, row_end) attend to. A row at position p sees what lies at positions
/// up to p, or with a window in (p - window, p].
struct SharedRun {
  KvRun run;
  int row_begin = 0;
  int row_end = 0;
};

struct AttentionShape {
  KvLayout layout;
  int query_heads = 0;  ///< a multiple of layout.kv_heads; head h reads key/value head h / group
  float scale = 1;
  int window = 0;  ///< 0: none
};

/// How the work of a step is divided (attention_plan.h).
class AttentionPlan;

/// out [rows][query_heads][value_dim] of the rows' queries q [rows][query_heads][key_dim]
/// (contiguous float32) over their runs. Every row must see at least one token. `sinks`
/// [query_heads], or null, are one more score each, which takes weight and has no value. Memory
/// outside the runs is never used, whatever it holds. Call from threads ith = 0..nth-1, no more than the
/// plan is for, with one 64-byte aligned scratch of plan.scratch_bytes(); they share the work and need no
/// barrier inside, but one before the plan's next use.
///
/// On one instruction set a row's result depends, to the bit, on nothing but its query and its runs
/// in their order: not on the other rows, nor on the number of threads. Cutting its runs elsewhere
/// changes the rounding.
void attend(AttentionPlan& plan, int layer, const float* q, const float* sinks, float* out, int ith, int nth,
            std::byte* scratch);

/// The instruction sets that this machine can run the kernel with, best first, by Highway's names;
/// and a way for tests to run one of them (empty: the best again). Not while the kernel runs.
std::span<const char* const> attention_targets();
void use_attention_target(const char* name);

}  // namespace banyan::kernels
