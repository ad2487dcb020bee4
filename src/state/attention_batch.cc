#include "banyan/attention_batch.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "kernels/attention.h"
#include "kernels/attention_plan.h"
#include "kernels/kv_write.h"

namespace banyan {
namespace {

// A place on a path: a token of its views, or their end.
class Cursor {
 public:
  Cursor(const SegmentPath& path, std::size_t end)
      : views_(path.views()), position_(path.first()), end_(end) {}

  bool at_end() const { return position_ == end_; }
  std::size_t position() const { return position_; }
  const Segment* segment() const { return views_[view_].segment.get(); }
  int token() const { return views_[view_].begin + passed_; }
  // Tokens from here on that lie together.
  int run() const {
    return static_cast<int>(std::min<std::size_t>(end_ - position_, views_[view_].size() - passed_));
  }
  // How many tokens further on in the same segment the other stands; 0 if it does not.
  int ahead(const Cursor& other) const {
    if (at_end() || other.at_end() || segment() != other.segment() || token() >= other.token()) return 0;
    const int tokens = other.token() - token();
    return position_ + tokens == other.position_ ? tokens : 0;
  }
  bool same_place(const Cursor& other) const {
    return !at_end() && !other.at_end() && position_ == other.position_ && segment() == other.segment() &&
           token() == other.token();
  }
  void advance(int tokens) {
    position_ += tokens;
    passed_ += tokens;
    if (passed_ == views_[view_].size()) {
      ++view_;
      passed_ = 0;
    }
  }

 private:
  std::span<const SegmentView> views_;
  std::size_t position_;
  std::size_t end_;
  std::size_t view_ = 0;
  int passed_ = 0;
};

// Whether path `a` comes before `b`, as words whose letters are the places of their tokens.
bool path_before(const SegmentPath& a, const SegmentPath& b) {
  Cursor left(a, a.reserved_end());
  Cursor right(b, b.reserved_end());
  while (left.same_place(right)) {
    const int run = std::min(left.run(), right.run());
    left.advance(run);
    right.advance(run);
  }
  if (left.at_end() || right.at_end()) return left.at_end() && !right.at_end();
  if (left.segment() != right.segment()) return std::less<>()(left.segment(), right.segment());
  return left.token() < right.token();
}

// A sequence and how much of its path is in runs already.
struct Path {
  Cursor cursor;
  int row_begin;
  int row_end;
};

// The runs of all paths, each run for as many neighbours as share it. Paths may begin at different
// positions, so this goes by position: wherever paths meet, they stand there at the same time.
std::vector<kernels::SharedRun> share(std::vector<Path> paths) {
  const auto position = [](const Path& path) {
    return path.cursor.at_end() ? std::numeric_limits<std::size_t>::max() : path.cursor.position();
  };
  std::vector<kernels::SharedRun> runs;
  while (true) {
    const auto first = std::ranges::min_element(paths, {}, position);
    if (first->cursor.at_end()) return runs;
    const Cursor at = first->cursor;
    auto last = first;
    int run = at.run();
    while (last != paths.end() && last->cursor.same_place(at)) run = std::min(run, (last++)->cursor.run());
    for (const Path& path : paths) {
      if (const int ahead = at.ahead(path.cursor); ahead > 0) run = std::min(run, ahead);
    }
    runs.push_back({.run = {.segment = at.segment()->data(),
                            .capacity = at.segment()->capacity(),
                            .begin = at.token(),
                            .end = at.token() + run,
                            .position = static_cast<std::int32_t>(at.position())},
                    .row_begin = first->row_begin,
                    .row_end = std::prev(last)->row_end});
    for (auto path = first; path != last; ++path) path->cursor.advance(run);
  }
}

struct alignas(64) CacheLine {
  std::byte bytes[64];
};

}  // namespace

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
  Charge charge;
  std::unique_ptr<CacheLine[]> scratch;
};

AttentionBatch::AttentionBatch() : impl_(std::make_unique<Impl>()) {}
AttentionBatch::~AttentionBatch() = default;

std::vector<std::size_t> AttentionBatch::order(std::span<const SegmentPath* const> paths) {
  std::vector<std::size_t> order(paths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return path_before(*paths[a], *paths[b]); });
  return order;
}

Result<std::unique_ptr<AttentionBatch>> AttentionBatch::create(std::span<const Sequence> sequences,
                                                               const Shape& shape, int threads,
                                                               Budget& budget) {
  require(!sequences.empty() && threads > 0, "AttentionBatch::create: nothing to do");
  std::unique_ptr<AttentionBatch> batch(new AttentionBatch);
  Impl& impl = *batch->impl_;
  const KvLayout& layout = sequences[0].path->layout();
  require(shape.query_heads > 0 && shape.query_heads % layout.kv_heads == 0,
          "AttentionBatch::create: query heads are not a multiple of key/value heads");
  require(shape.window >= 0, "AttentionBatch::create: a window of no size");

  std::vector<Path> paths;
  for (const auto& [path, rows] : sequences) {
    require(path->layout() == layout, "AttentionBatch::create: paths of different layouts");
    require(rows > 0 && path->end() + rows <= path->reserved_end(),
            "AttentionBatch::create: rows that are not reserved");
    require(path->first() == 0 || (shape.window > 0 && path->first() + shape.window <= path->end() + 1),
            "AttentionBatch::create: a path without what its rows see");
    const int row = batch->rows();
    paths.push_back({Cursor(*path, path->end() + rows), row, row + rows});
    for (std::size_t t = path->end(); t < path->end() + rows; ++t) {
      impl.positions.push_back(static_cast<std::int32_t>(t));
    }
    for (const SegmentView& view : path->clip(path->end(), path->end() + rows)) {
      for (int t = view.begin; t < view.end; ++t) impl.places.push_back({view.segment.get(), t});
    }
  }
  const std::vector<kernels::SharedRun> runs = share(std::move(paths));
  for (const kernels::SharedRun& shared : runs) impl.tokens_read += shared.run.end - shared.run.begin;
  impl.plan.emplace(
      kernels::AttentionShape{
          .layout = layout, .query_heads = shape.query_heads, .scale = shape.scale, .window = shape.window},
      runs, impl.positions, threads);

  const std::size_t lines = (impl.plan->scratch_bytes() + sizeof(CacheLine) - 1) / sizeof(CacheLine);
  auto charge = budget.take(lines * sizeof(CacheLine), "attention scratch");
  if (!charge) return std::unexpected(std::move(charge.error()));
  impl.charge = std::move(*charge);
  impl.scratch = std::make_unique_for_overwrite<CacheLine[]>(lines);
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
  kernels::attend(*impl_->plan, layer, q, sinks, out, ith, nth,
                  reinterpret_cast<std::byte*>(impl_->scratch.get()));
}

std::size_t AttentionBatch::tokens_read() const { return impl_->tokens_read; }

}  // namespace banyan
