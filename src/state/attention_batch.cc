#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "banyan/attention_state.h"
#include "kernels/attention.h"
#include "state/attention_part.h"

namespace banyan {
namespace {

// A place on a path: a token of the state's views, or their end.
class Cursor {
 public:
  Cursor(const AttentionState& state, std::size_t end) : views_(state.views()), left_(end) {}

  bool at_end() const { return left_ == 0; }
  const Segment* segment() const { return views_[view_].segment.get(); }
  int token() const { return views_[view_].begin + passed_; }
  // Tokens from here on that lie together.
  int run() const { return static_cast<int>(std::min<std::size_t>(left_, views_[view_].size() - passed_)); }
  bool same_place(const Cursor& other) const {
    return !at_end() && !other.at_end() && segment() == other.segment() && token() == other.token();
  }
  void advance(int tokens) {
    left_ -= tokens;
    passed_ += tokens;
    if (passed_ == views_[view_].size()) {
      ++view_;
      passed_ = 0;
    }
  }

 private:
  std::span<const SegmentView> views_;
  std::size_t left_;
  std::size_t view_ = 0;
  int passed_ = 0;
};

// Whether path `a` comes before `b`, as words whose letters are the places of their tokens.
bool path_before(const AttentionState& a, const AttentionState& b) {
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

struct alignas(64) CacheLine {
  std::byte bytes[64];
};

}  // namespace

struct AttentionBatch::Impl {
  // A sequence and how much of its path add_runs has passed.
  struct Path {
    Cursor cursor;
    int row;  // its first; its rows end where those of the next begin
  };
  // Where a row's keys and values go.
  struct Place {
    Segment* segment;
    int token;
  };

  // Adds the runs of the rest of paths [first, last), which share all up to `position`.
  void add_runs(std::span<Path> paths, std::size_t first, std::size_t last, std::int32_t position);

  kernels::AttentionShape shape;
  std::vector<std::int32_t> positions;
  std::vector<Place> places;
  std::vector<kernels::SharedRun> runs;
  Charge charge;
  std::unique_ptr<CacheLine[]> scratch;
  std::size_t thread_lines = 0;  // of scratch
};

void AttentionBatch::Impl::add_runs(std::span<Path> paths, std::size_t first, std::size_t last,
                                    std::int32_t position) {
  while (first < last) {
    if (paths[first].cursor.at_end()) {
      ++first;
      continue;
    }
    // The neighbours that go on with the first, and how far together.
    std::size_t together = first;
    int run = paths[first].cursor.run();
    while (together < last && paths[together].cursor.same_place(paths[first].cursor)) {
      run = std::min(run, paths[together++].cursor.run());
    }
    const Cursor& at = paths[first].cursor;
    const kernels::KvRun tokens{at.segment()->data(), at.segment()->capacity(), at.token(), at.token() + run,
                                position};
    runs.push_back({tokens, paths[first].row, paths[together].row});
    for (std::size_t i = first; i < together; ++i) paths[i].cursor.advance(run);
    if (together == last) {
      position += run;
    } else {
      add_runs(paths, first, together, position + run);
      first = together;
    }
  }
}

AttentionBatch::AttentionBatch() : impl_(std::make_unique<Impl>()) {}
AttentionBatch::~AttentionBatch() = default;

std::vector<std::size_t> AttentionBatch::order(std::span<const AttentionState* const> states) {
  std::vector<std::size_t> order(states.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return path_before(*states[a], *states[b]); });
  return order;
}

Result<std::unique_ptr<AttentionBatch>> AttentionBatch::create(std::span<const Sequence> sequences,
                                                               int query_heads, float scale, int threads,
                                                               Budget& budget) {
  require(!sequences.empty() && threads > 0, "AttentionBatch::create: nothing to do");
  std::unique_ptr<AttentionBatch> batch(new AttentionBatch);
  Impl& impl = *batch->impl_;
  const KvLayout& layout = sequences[0].state->layout();
  require(query_heads > 0 && query_heads % layout.kv_heads == 0,
          "AttentionBatch::create: query heads are not a multiple of key/value heads");
  impl.shape = {layout, query_heads, scale};

  std::vector<Impl::Path> paths;
  for (const auto& [state, rows] : sequences) {
    require(state->layout() == layout, "AttentionBatch::create: states of different layouts");
    require(rows > 0 && state->tokens() + rows <= state->reserved_end(),
            "AttentionBatch::create: rows that are not reserved");
    paths.push_back({Cursor(*state, state->tokens() + rows), batch->rows()});
    for (std::size_t t = state->tokens(); t < state->tokens() + rows; ++t) {
      impl.positions.push_back(static_cast<std::int32_t>(t));
    }
    for (const SegmentView& view : clip_views(state->views(), state->tokens(), state->tokens() + rows)) {
      for (int t = view.begin; t < view.end; ++t) impl.places.push_back({view.segment.get(), t});
    }
  }
  const std::size_t count = paths.size();
  paths.push_back({Cursor(*sequences[0].state, 0), batch->rows()});
  impl.add_runs(paths, 0, count, 0);

  impl.thread_lines =
      (kernels::attend_scratch_bytes(impl.shape, batch->rows()) + sizeof(CacheLine) - 1) / sizeof(CacheLine);
  const std::size_t lines = impl.thread_lines * threads;
  auto charge = budget.take(lines * sizeof(CacheLine), "attention scratch");
  if (!charge) return std::unexpected(std::move(charge.error()));
  impl.charge = std::move(*charge);
  impl.scratch = std::make_unique_for_overwrite<CacheLine[]>(lines);
  return batch;
}

std::span<const std::int32_t> AttentionBatch::positions() const { return impl_->positions; }
int AttentionBatch::rows() const { return static_cast<int>(impl_->positions.size()); }

void AttentionBatch::append(int layer, const float* keys, const float* values, int ith, int nth) {
  const KvLayout& layout = impl_->shape.layout;
  const std::size_t key_size = static_cast<std::size_t>(layout.kv_heads) * layout.key_dim;
  const std::size_t value_size = static_cast<std::size_t>(layout.kv_heads) * layout.value_dim;
  const std::size_t rows = impl_->places.size();
  for (std::size_t row = rows * ith / nth; row < rows * (ith + 1) / nth; ++row) {
    const auto [segment, token] = impl_->places[row];
    kernels::write_token(layout, layer, segment->data(), segment->capacity(), token, keys + row * key_size,
                         values + row * value_size);
  }
}

void AttentionBatch::attend(int layer, const float* q, float* out, int ith, int nth) {
  const std::span mine(impl_->scratch.get() + ith * impl_->thread_lines, impl_->thread_lines);
  kernels::attend(impl_->shape, layer, impl_->runs, impl_->positions, q, out, ith, nth,
                  std::as_writable_bytes(mine));
}

std::size_t AttentionBatch::tokens_read() const {
  std::size_t tokens = 0;
  for (const kernels::SharedRun& shared : impl_->runs) tokens += shared.run.end - shared.run.begin;
  return tokens;
}

}  // namespace banyan
