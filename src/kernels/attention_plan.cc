#include "kernels/attention_plan.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

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

std::size_t thread_bytes(const AttentionShape& shape, int root_level, int rows) {
  return BlockMemory(shape, root_level, rows, nullptr).bytes;
}

// The lowest level at which all pieces up to `index` are in one node.
int level_of_root(std::int32_t index) {
  int level = 0;
  for (; index > 0; index >>= kFanOutBits) ++level;
  return level;
}

// As many rows as all threads have memory for.
int most_block_rows(const AttentionShape& shape, int root_level, int threads) {
  int rows = kBlockRows;
  while (rows > kLeastBlockRows && threads * thread_bytes(shape, root_level, rows) > kMostThreadScratch) {
    rows -= kQueryRows;
  }
  return rows;
}

void join(RowRange& rows, const RowRange& others) {
  rows.begin = std::min(rows.begin, others.begin);
  rows.end = std::max(rows.end, others.end);
}

}  // namespace

AttentionPlan::AttentionPlan(const AttentionShape& shape, std::span<const SharedRun> runs,
                             std::span<const std::int32_t> row_positions, int threads)
    : shape_(shape), positions_(row_positions.begin(), row_positions.end()), threads_(threads) {
  root_level_ = level_of_root(std::ranges::max(positions_) / kPieceTokens);
  const int query_rows = static_cast<int>(positions_.size()) * group();
  const int block_rows = most_block_rows(shape, root_level_, threads);
  int blocks = (query_rows + block_rows - 1) / block_rows;
  divide(runs, blocks);
  double least = time();
  // Every block reads the keys and values again, so there are more only where threads would wait. Where twice
  // as many blocks divide the work no better, four times as many still may.
  int tried = blocks;
  while (least > 1.25 * mean_time() && tried < query_rows && tried < 4 * blocks) {
    tried = std::min(2 * tried, query_rows);
    divide(runs, tried);
    if (time() < least) {
      blocks = tried;
      least = time();
    }
  }
  if (tried != blocks) divide(runs, blocks);
  thread_bytes_ = thread_bytes(shape, root_level_, most_rows_);
  const int counters = static_cast<int>(blocks_.size()) * shape.layout.kv_heads;
  finished_ = std::make_unique<std::atomic<int>[]>(counters);
}

void AttentionPlan::divide(std::span<const SharedRun> runs, int blocks) {
  parts_.clear();
  pieces_.clear();
  blocks_.clear();
  most_rows_ = 0;
  const std::int64_t query_rows = static_cast<std::int64_t>(positions_.size()) * group();
  for (int b = 0; b < blocks; ++b) {
    blocks_.push_back({.begin = static_cast<int>(query_rows * b / blocks),
                       .end = static_cast<int>(query_rows * (b + 1) / blocks)});
    most_rows_ = std::max(most_rows_, blocks_.back().end - blocks_.back().begin);
  }
  std::vector<std::vector<RunPart>> parts = parts_of_blocks(runs);
  for (int b = 0; b < blocks; ++b) add_pieces(blocks_[b], std::move(parts[b]));

  double cost = 0;
  for (const PathPiece& piece : pieces_) cost += piece.cost * shape_.layout.kv_heads;
  const double most = threads_ == 1 ? cost : cost / (threads_ * kTasksPerThread);
  cut_level_ = 0;
  cut(most);
  while (partial_floats_ * sizeof(float) > kMostPartials) {
    ++cut_level_;
    cut(most);
  }
  std::ranges::stable_sort(tasks_, std::greater(), &AttentionTask::cost);
}

// What the rows of each block see of each run, cut at the ends of pieces.
std::vector<std::vector<RunPart>> AttentionPlan::parts_of_blocks(std::span<const SharedRun> runs) const {
  const std::int64_t query_rows = blocks_.back().end;
  const auto block_of = [&](std::int64_t query_row) {
    const auto blocks = static_cast<std::int64_t>(blocks_.size());
    return static_cast<std::size_t>(((query_row + 1) * blocks - 1) / query_rows);
  };
  std::vector<std::vector<RunPart>> parts(blocks_.size());
  for (const auto& [run, row_begin, row_end] : runs) {
    if (row_begin >= row_end) continue;
    const std::size_t last_block = block_of(std::int64_t{row_end} * group() - 1);
    for (std::size_t b = block_of(std::int64_t{row_begin} * group()); b <= last_block; ++b) {
      const RowBlock& block = blocks_[b];
      const int first = std::max(block.begin, row_begin * group());
      const int last = std::min(block.end, row_end * group());
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
        parts[b].push_back({part, first - block.begin, last - block.begin, seen_by_all});
      }
    }
  }
  return parts;
}

void AttentionPlan::add_pieces(RowBlock& block, std::vector<RunPart> parts) {
  const auto piece_of = [](const RunPart& part) { return part.run.position / kPieceTokens; };
  if (!std::ranges::is_sorted(parts, {}, piece_of)) std::ranges::stable_sort(parts, {}, piece_of);
  block.piece_begin = static_cast<int>(pieces_.size());
  auto place = static_cast<int>(parts_.size());
  if (parts_.empty()) {
    parts_ = std::move(parts);
  } else {
    parts_.append_range(parts);
  }
  for (; place < static_cast<int>(parts_.size()); ++place) {
    const auto& [run, row_begin, row_end, seen_by_all] = parts_[place];
    const std::int32_t index = piece_of(parts_[place]);
    if (block.piece_begin == static_cast<int>(pieces_.size()) || pieces_.back().index != index) {
      pieces_.push_back(
          {.index = index, .part_begin = place, .part_end = place, .rows = {row_begin, row_end}});
    }
    PathPiece& piece = pieces_.back();
    piece.part_end = place + 1;
    join(piece.rows, {row_begin, row_end});
    piece.cost += static_cast<double>(run.end - run.begin) * (row_end - row_begin + kReadRows);
  }
  block.piece_end = static_cast<int>(pieces_.size());
}

// Makes the tasks: of nodes of the cut level, of a cost of at most `most` where a node does not cost more.
void AttentionPlan::cut(double most) {
  nodes_.clear();
  tasks_.clear();
  partial_floats_ = 0;
  const int heads = shape_.layout.kv_heads;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    RowBlock& block = blocks_[b];
    double cost = 0;
    for (int piece = block.piece_begin; piece < block.piece_end; ++piece) cost += pieces_[piece].cost;
    std::vector<AttentionTask> cuts;
    block.node_begin = block.node_end = static_cast<int>(nodes_.size());
    if (cost > most) add_nodes(block);
    for (int node = block.node_begin; node < block.node_end; ++node) {
      if (cuts.empty() || cuts.back().cost + nodes_[node].cost > most) {
        cuts.push_back({.block = static_cast<int>(b), .node_begin = node});
      }
      cuts.back().node_end = node + 1;
      cuts.back().cost += nodes_[node].cost;
    }
    if (cuts.size() <= 1) {
      nodes_.resize(block.node_begin);
      block.node_end = block.node_begin;
      cuts.assign(1, {.block = static_cast<int>(b), .cost = cost});
    }
    block.tasks = static_cast<int>(cuts.size());
    block.partials = partial_floats_;
    block.head_partials = 0;
    for (int node = block.node_begin; node < block.node_end; ++node) {
      nodes_[node].partial = block.head_partials;
      block.head_partials += partial_floats(shape_, nodes_[node].rows.end - nodes_[node].rows.begin);
    }
    partial_floats_ += block.head_partials * heads;
    for (int head = 0; head < heads; ++head) {
      for (AttentionTask& task : cuts) {
        task.head = head;
        tasks_.push_back(task);
      }
    }
  }
}

// The nodes of the cut level in a block.
void AttentionPlan::add_nodes(RowBlock& block) {
  for (int i = block.piece_begin; i < block.piece_end; ++i) {
    const PathPiece& piece = pieces_[i];
    const std::int32_t index = piece.index >> (kFanOutBits * cut_level_);
    if (block.node_end == block.node_begin || nodes_.back().index != index) {
      nodes_.push_back({.index = index, .piece_begin = i, .rows = piece.rows});
      ++block.node_end;
    }
    SumNode& node = nodes_.back();
    node.piece_end = i + 1;
    join(node.rows, piece.rows);
    node.cost += piece.cost;
  }
}

// How long the threads would take that each take a task when they are done with the one before.
double AttentionPlan::time() const {
  const std::vector<double> idle(threads_);
  std::priority_queue<double, std::vector<double>, std::greater<>> busy(idle.begin(), idle.end());
  double longest = 0;
  for (const AttentionTask& task : tasks_) {
    const double until = busy.top() + task.cost;
    busy.pop();
    busy.push(until);
    longest = std::max(longest, until);
  }
  return longest;
}

double AttentionPlan::mean_time() const {
  double cost = 0;
  for (const AttentionTask& task : tasks_) cost += task.cost;
  return cost / threads_;
}

RowSums AttentionPlan::partial(std::byte* scratch, const AttentionTask& task, const SumNode& node) const {
  const RowBlock& block = blocks_[task.block];
  auto* const out = reinterpret_cast<float*>(scratch + partials_begin()) + block.partials +
                    static_cast<std::size_t>(task.head) * block.head_partials + node.partial;
  const std::ptrdiff_t rows = node.rows.end - node.rows.begin;
  // The threads' memory lies before the sums, so that these pointers do not leave the scratch.
  return {out - node.rows.begin * std::ptrdiff_t{out_stride(shape_)},
          out + rows * out_stride(shape_) - node.rows.begin};
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
