#include "kernels/attention_plan.h"

#include <algorithm>
#include <functional>

#include "kernels/attention_block.h"

namespace banyan::kernels {
namespace {

// Tasks of about the same cost that every thread should find, so that one that is held up holds up few.
constexpr int kTasksPerThread = 4;

// What it takes to read a token's keys and values, in the query rows that could be computed in that time.
constexpr int kReadRows = 4;

std::size_t partial_floats(const AttentionShape& shape, int rows) {
  return static_cast<std::size_t>(rows) * out_stride(shape) + round_up(rows, 16);
}

}  // namespace

AttentionPlan::AttentionPlan(const AttentionShape& shape, std::span<const SharedRun> runs,
                             std::span<const std::int32_t> row_positions, int threads)
    : shape_(shape), positions_(row_positions.begin(), row_positions.end()), threads_(threads) {
  const int query_rows = static_cast<int>(positions_.size()) * group();
  int blocks = (query_rows + kBlockRows - 1) / kBlockRows;
  divide(runs, blocks);
  // Every block reads the keys and values again, so there are more only where threads would wait.
  while (blocks < query_rows) {
    double cost = 0;
    for (const AttentionTask& task : tasks_) cost += task.cost;
    const double before = time();
    if (before <= 1.25 * cost / threads) break;
    const int more = std::min(2 * blocks, query_rows);
    divide(runs, more);
    if (time() >= before) {
      divide(runs, blocks);
      break;
    }
    blocks = more;
  }
  thread_bytes_ = BlockMemory(shape, most_rows_, nullptr).bytes;
  const int counters = static_cast<int>(blocks_.size()) * shape.layout.kv_heads;
  finished_ = std::make_unique<std::atomic<int>[]>(counters);
}

void AttentionPlan::divide(std::span<const SharedRun> runs, int blocks) {
  parts_.clear();
  pieces_.clear();
  piece_costs_.clear();
  blocks_.clear();
  tasks_.clear();
  most_rows_ = 0;
  partial_floats_ = 0;
  const std::int64_t query_rows = static_cast<std::int64_t>(positions_.size()) * group();
  for (int b = 0; b < blocks; ++b) {
    add_block(runs, static_cast<int>(query_rows * b / blocks),
              static_cast<int>(query_rows * (b + 1) / blocks));
  }

  const int heads = shape_.layout.kv_heads;
  double cost = 0;
  for (const double piece : piece_costs_) cost += piece * heads;
  const double most = threads_ == 1 ? cost : cost / (threads_ * kTasksPerThread);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    RowBlock& block = blocks_[b];
    std::vector<AttentionTask> cuts;
    for (int piece = block.piece_begin; piece < block.piece_end; ++piece) {
      if (cuts.empty() || cuts.back().cost + piece_costs_[piece] > most) {
        cuts.push_back({.block = static_cast<int>(b), .piece_begin = piece});
      }
      cuts.back().piece_end = piece + 1;
      cuts.back().cost += piece_costs_[piece];
    }
    block.tasks = static_cast<int>(cuts.size());
    if (cuts.size() > 1) {
      block.partials = partial_floats_;
      partial_floats_ +=
          partial_floats(shape_, block.end - block.begin) * (block.piece_end - block.piece_begin) * heads;
    }
    for (int head = 0; head < heads; ++head) {
      for (AttentionTask& cut : cuts) {
        cut.head = head;
        tasks_.push_back(cut);
      }
    }
  }
  std::ranges::stable_sort(tasks_, std::greater(), &AttentionTask::cost);
}

// The block of query rows [begin, end): what they see of each run, in order of pieces.
void AttentionPlan::add_block(std::span<const SharedRun> runs, int begin, int end) {
  const int first_part = static_cast<int>(parts_.size());
  for (const auto& [run, row_begin, row_end] : runs) {
    const int first = std::max(begin, row_begin * group());
    const int last = std::min(end, row_end * group());
    if (first >= last) continue;
    const auto positions =
        std::span(positions_).subspan(first / group(), (last - 1) / group() + 1 - first / group());
    const auto [least, most] = std::ranges::minmax(positions);
    const std::int32_t run_end = run.position + run.end - run.begin;
    std::int32_t from = run.position;
    if (shape_.window > 0) from = std::max(from, least - shape_.window + 1);
    const std::int32_t to = std::min(run_end, most + 1);
    for (std::int32_t next; from < to; from = next) {
      next = std::min(to, (from / kPieceTokens + 1) * kPieceTokens);
      KvRun part = run;
      part.position = from;
      part.begin = run.begin + from - run.position;
      part.end = run.begin + next - run.position;
      const bool seen_by_all = next <= least + 1 && (shape_.window == 0 || from > most - shape_.window);
      parts_.push_back({part, first - begin, last - begin, seen_by_all});
    }
  }
  const auto piece_of = [](const RunPart& part) { return part.run.position / kPieceTokens; };
  std::stable_sort(parts_.begin() + first_part, parts_.end(),
                   [&](const RunPart& a, const RunPart& b) { return piece_of(a) < piece_of(b); });

  RowBlock block{.begin = begin, .end = end, .piece_begin = static_cast<int>(pieces_.size())};
  for (int part = first_part; part < static_cast<int>(parts_.size()); ++part) {
    if (part == first_part || piece_of(parts_[part]) != piece_of(parts_[part - 1])) {
      pieces_.push_back({part, part});
      piece_costs_.push_back(0);
    }
    pieces_.back().part_end = part + 1;
    const auto& [run, row_begin, row_end, seen_by_all] = parts_[part];
    piece_costs_.back() += static_cast<double>(run.end - run.begin) * (row_end - row_begin + kReadRows);
  }
  block.piece_end = static_cast<int>(pieces_.size());
  blocks_.push_back(block);
  most_rows_ = std::max(most_rows_, end - begin);
}

// How long the threads would take that each take a task when they are done with the one before.
double AttentionPlan::time() const {
  std::vector<double> busy(threads_);
  for (const AttentionTask& task : tasks_) *std::ranges::min_element(busy) += task.cost;
  return std::ranges::max(busy);
}

RowSums AttentionPlan::partial(std::byte* scratch, const AttentionTask& task, int piece) const {
  const RowBlock& block = blocks_[task.block];
  const int rows = block.end - block.begin;
  const std::size_t before = static_cast<std::size_t>(task.head) * (block.piece_end - block.piece_begin) +
                             (piece - block.piece_begin);
  auto* const out = reinterpret_cast<float*>(scratch + partials_begin()) + block.partials +
                    before * partial_floats(shape_, rows);
  return {out, out + static_cast<std::size_t>(rows) * out_stride(shape_)};
}

const AttentionTask* AttentionPlan::take(int threads) {
  const int tasks = static_cast<int>(tasks_.size());
  const int taken = taken_.fetch_add(1, std::memory_order_relaxed);
  if (taken < tasks) return &tasks_[taken];
  // All others have found nothing before.
  if (taken == tasks + threads - 1) taken_.store(0, std::memory_order_relaxed);
  return nullptr;
}

bool AttentionPlan::finish(const AttentionTask& task) {
  std::atomic<int>& finished = finished_[task.block * shape_.layout.kv_heads + task.head];
  if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 < blocks_[task.block].tasks) return false;
  finished.store(0, std::memory_order_relaxed);
  return true;
}

}  // namespace banyan::kernels
