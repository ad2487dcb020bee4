#include "banyan/attention_batch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/attention.h"
#include "kernels/attention_plan.h"
#include "kernels/kv_write.h"
#include "state/memory.h"
#include "state/shared_runs.h"

namespace banyan {
namespace {

// After so many batches that needed at most half of the scratch, the rest goes back.
constexpr int kBatchesToShrink = 256;

}  // namespace

AttentionScratch::~AttentionScratch() { release_memory(); }

void AttentionScratch::release_memory() {
  if (data_ != nullptr) release(data_, charge_.bytes());
  data_ = nullptr;
  charge_.release();
}

Result<> AttentionScratch::reserve(std::size_t bytes) {
  most_wanted_ = std::max(most_wanted_, bytes);
  std::size_t kept = std::max(this->bytes(), bytes);
  if (++batches_ == kBatchesToShrink) {
    if (most_wanted_ <= kept / 2) kept = most_wanted_;
    batches_ = 0;
    most_wanted_ = 0;
  }
  if (kept == this->bytes()) return {};
  // What is in it is of no use, so both need not fit.
  release_memory();
  auto memory = allocate(kept, "attention scratch", *budget_);
  if (!memory) return std::unexpected(std::move(memory.error()));
  data_ = memory->data;
  charge_ = std::move(memory->charge);
  return {};
}

struct AttentionBatch::Impl {
  // Where a row's keys and values go.
  struct Place {
    Segment* segment;
    int token;
  };

  std::vector<std::int32_t> positions;
  std::vector<Place> places;
  std::size_t tokens_read = 0;
  std::optional<kernels::AttentionPlan> plan;
  AttentionScratch* scratch = nullptr;
};

AttentionBatch::AttentionBatch() : impl_(std::make_unique<Impl>()) {}
AttentionBatch::~AttentionBatch() = default;

std::vector<std::size_t> AttentionBatch::order(std::span<const SegmentPath* const> paths) {
  return order_paths(paths);
}

Result<std::unique_ptr<AttentionBatch>> AttentionBatch::create(std::span<const Sequence> sequences,
                                                               const Shape& shape, int threads,
                                                               AttentionScratch& scratch) {
  require(!sequences.empty() && threads > 0, "AttentionBatch::create: nothing to do");
  std::unique_ptr<AttentionBatch> batch(new AttentionBatch);
  Impl& impl = *batch->impl_;
  const KvLayout& layout = sequences[0].path->layout();
  require(shape.query_heads > 0 && shape.query_heads % layout.kv_heads == 0,
          "AttentionBatch::create: query heads are not a multiple of key/value heads");
  require(shape.window >= 0, "AttentionBatch::create: a window of no size");

  std::vector<RowsOfPath> paths;
  for (const auto& [path, rows] : sequences) {
    require(path->layout() == layout, "AttentionBatch::create: paths of different layouts");
    require(rows > 0 && path->end() + rows <= path->reserved_end(),
            "AttentionBatch::create: rows that are not reserved");
    require(path->first() == 0 || (shape.window > 0 && path->first() + shape.window <= path->end() + 1),
            "AttentionBatch::create: a path without what its rows see");
    const int row = batch->rows();
    paths.push_back({path, path->end() + rows, row, row + rows});
    for (std::size_t t = path->end(); t < path->end() + rows; ++t) {
      impl.positions.push_back(static_cast<std::int32_t>(t));
    }
    for (const SegmentView& view : path->clip(path->end(), path->end() + rows)) {
      for (int t = view.begin; t < view.end; ++t) impl.places.push_back({view.segment.get(), t});
    }
  }
  const std::vector<kernels::SharedRun> runs = find_shared_runs(paths).runs;
  for (const kernels::SharedRun& shared : runs) impl.tokens_read += shared.run.end - shared.run.begin;
  impl.plan.emplace(
      kernels::AttentionShape{
          .layout = layout, .query_heads = shape.query_heads, .scale = shape.scale, .window = shape.window},
      runs, impl.positions, threads);

  if (auto reserved = scratch.reserve(impl.plan->scratch_bytes()); !reserved) {
    return std::unexpected(std::move(reserved.error()));
  }
  impl.scratch = &scratch;
  return batch;
}

std::span<const std::int32_t> AttentionBatch::positions() const { return impl_->positions; }
int AttentionBatch::rows() const { return static_cast<int>(impl_->positions.size()); }

void AttentionBatch::append(int layer, const float* keys, const float* values, std::size_t value_stride,
                            int ith, int nth) {
  const KvLayout& layout = impl_->plan->shape().layout;
  const std::size_t key_size = static_cast<std::size_t>(layout.kv_heads) * layout.key_dim;
  const std::size_t rows = impl_->places.size();
  for (std::size_t row = rows * ith / nth; row < rows * (ith + 1) / nth; ++row) {
    const auto [segment, token] = impl_->places[row];
    kernels::write_token(layout, layer, segment->data(), segment->capacity(), token, keys + row * key_size,
                         values + row * value_stride);
  }
}

void AttentionBatch::attend(int layer, const float* q, const float* sinks, float* out, int ith, int nth) {
  kernels::attend(*impl_->plan, layer, q, sinks, out, ith, nth, impl_->scratch->data_);
}

std::size_t AttentionBatch::tokens_read() const { return impl_->tokens_read; }

}  // namespace banyan
