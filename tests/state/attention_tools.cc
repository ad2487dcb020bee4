#include "state/attention_tools.h"

#include <algorithm>
#include <cmath>

#include "banyan/attention_state.h"
#include "banyan/window_state.h"
#include "support/reference_attention.h"

namespace banyan::test {
namespace {

constexpr int kGroup = 3;
constexpr float kScale = 0.25f;

}  // namespace

int LivePath::window() const {
  const auto* const windowed = dynamic_cast<const WindowState*>(state.get());
  return windowed == nullptr ? 0 : windowed->window();
}

const SegmentPath& LivePath::path() const {
  if (const auto* const windowed = dynamic_cast<const WindowState*>(state.get())) return windowed->path();
  return dynamic_cast<const AttentionState&>(*state).path();
}

std::vector<PathPart> StoredPath::parts() const {
  std::vector<PathPart> parts;
  for (const Node& node : nodes) parts.push_back({node.part.get(), node.start, node.end});
  return parts;
}

std::size_t evaluate(std::span<const Step> steps, Budget& budget) {
  const KvLayout layout = steps[0].path->path().layout();
  const std::size_t window = steps[0].path->window();
  std::vector<AttentionBatch::Sequence> sequences;
  for (const auto& [path, added, kept] : steps) {
    sequences.push_back({&path->path(), static_cast<int>(added.size())});
  }
  const int query_heads = layout.kv_heads * kGroup;
  const AttentionBatch::Shape shape{query_heads, kScale, static_cast<int>(window)};
  AttentionScratch scratch(budget);
  const auto batch = AttentionBatch::create(sequences, shape, 1, scratch).value();

  for (int layer = 0; layer < layout.layers; ++layer) {
    std::vector<float> keys, values, queries;
    const std::vector<float> between(5, NAN);  // rows of values, where no one looks
    for (const Step& step : steps) {
      for (const std::uint64_t name : step.added) {
        keys.append_range(kv_row(name, layer, layout.kv_heads, layout.key_dim, false));
        values.append_range(kv_row(name, layer, layout.kv_heads, layout.value_dim, true));
        values.append_range(between);
        queries.append_range(kv_row(~name, layer, query_heads, layout.key_dim, false));
      }
    }
    std::vector<float> out(queries.size() / layout.key_dim * layout.value_dim, NAN);
    // The first layer has no sinks.
    const auto sinks = layer == 0 ? std::vector<float>() : kv_row(layer, layer, query_heads, 1, false);
    batch->append(layer, keys.data(), values.data(), values.size() / static_cast<std::size_t>(batch->rows()),
                  0, 1);
    batch->attend(layer, queries.data(), layer == 0 ? nullptr : sinks.data(), out.data(), 0, 1);

    const float* query = queries.data();
    const float* actual = out.data();
    int wrong = 0;
    for (const Step& step : steps) {
      Names path = step.path->names;
      path.append_range(step.added);
      const ReferenceMemory memory(path, layout, layer);
      for (std::size_t seen = path.size() - step.added.size() + 1; seen <= path.size(); ++seen) {
        for (int head = 0; head < query_heads; ++head, query += layout.key_dim) {
          const std::size_t begin = window == 0 ? 0 : seen - std::min(seen, window);
          const auto expected = memory.attend({query, std::size_t(layout.key_dim)}, kScale, head / kGroup,
                                              begin, seen, layer == 0 ? nullptr : &sinks[head]);
          for (const double element : expected) wrong += !(std::abs(element - *actual++) < 1e-5);
        }
      }
    }
    EXPECT_EQ(wrong, 0) << "elements of layer " << layer;
  }

  for (const auto& [path, added, kept] : steps) {
    path->state->commit(kept);
    path->names.insert(path->names.end(), added.begin(), added.begin() + kept);
  }
  return batch->tokens_read();
}

void extend(LivePath& path, const Names& added, Budget& budget) {
  path.state->reserve(added.size()).value();
  const Step step{&path, added, added.size()};
  evaluate({&step, 1}, budget);
}

Names new_names(std::size_t count) {
  static std::uint64_t next = 0;
  Names names(count);
  for (std::uint64_t& name : names) name = ++next;
  return names;
}

std::unique_ptr<LayerGroup> make_group(const Kind& kind) {
  if (kind.window == 0) return std::make_unique<AttentionGroup>(kind.layout);
  return std::make_unique<WindowGroup>(kind.layout, kind.window);
}

LivePath start(Budget& budget, const Kind& kind) { return resume({}, 0, budget, kind); }

LivePath resume(const StoredPath& path, std::size_t offset, Budget& budget, const Kind& kind) {
  return {make_group(kind)->resume(path.parts(), offset, budget),
          Names(path.names.begin(), path.names.begin() + offset)};
}

StoredPath store(const LivePath& path, std::span<const std::size_t> ends) {
  StoredPath stored;
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    stored.nodes.push_back({path.state->snapshot(from, end), from, end});
    from = end;
  }
  stored.names.assign(path.names.begin(), path.names.begin() + from);
  return stored;
}

}  // namespace banyan::test
