#include "cache/fake_model.h"

#include <algorithm>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"

namespace banyan {
namespace {

using Numbers = std::vector<float>;

std::uint64_t hash_next(std::uint64_t hash, Token token) {
  hash = (hash ^ (static_cast<std::uint64_t>(token) + 1)) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

// What layer and dimension (keys, then values) of one token hold: numbers that float32 has exactly.
float element(std::uint64_t hash, int layer, int dim) {
  return static_cast<float>((hash >> (layer * 16 + dim)) & 0xFFFF);
}

// Calls visit(pointer to float, its value) for all keys and values of a token of a segment.
template <class Visit>
void for_each_element(Segment& segment, int at, std::uint64_t hash, Visit visit) {
  const KvLayout& layout = kTestLayout;
  const int capacity = segment.capacity();
  for (int layer = 0; layer < layout.layers; ++layer) {
    auto* const keys = reinterpret_cast<float*>(segment.data() + layout.keys_offset(capacity, layer, 0));
    auto* const values = reinterpret_cast<float*>(segment.data() + layout.values_offset(capacity, layer, 0));
    for (int dim = 0; dim < layout.key_dim; ++dim) {
      const int tile = at / KvLayout::kTile;
      visit(keys[(tile * layout.key_dim + dim) * KvLayout::kTile + at % KvLayout::kTile],
            element(hash, layer, dim));
    }
    for (int dim = 0; dim < layout.value_dim; ++dim) {
      visit(values[at * layout.value_dim + dim], element(hash, layer, layout.key_dim + dim));
    }
  }
}

// The keys and values of an attention or window state; null for others.
const SegmentPath* keys_and_values(const LiveState& state) {
  if (const auto* attention = dynamic_cast<const AttentionState*>(&state)) return &attention->path();
  if (const auto* window = dynamic_cast<const WindowState*>(&state)) return &window->path();
  return nullptr;
}

void write(const SegmentPath& path, std::span<const std::uint64_t> hashes) {
  std::size_t next = 0;
  for (const SegmentView& view : path.clip(path.end(), path.end() + hashes.size())) {
    for (int at = view.begin; at < view.end; ++at) {
      for_each_element(*view.segment, at, hashes[next++], [](float& there, float value) { there = value; });
    }
  }
}

// Whether all that the path holds is what tokens with these hashes leave behind.
bool holds(const SegmentPath& path, std::span<const std::uint64_t> hashes) {
  if (path.end() != hashes.size()) return false;
  bool same = true;
  std::size_t position = path.first();
  for (const SegmentView& view : path.clip(path.first(), path.end())) {
    for (int at = view.begin; at < view.end; ++at) {
      for_each_element(*view.segment, at, hashes[position++],
                       [&](const float& there, float value) { same = same && there == value; });
    }
  }
  return same;
}

// Has the layers compute tokens with these hashes and returns what they give. `decay` and `learned` are
// the delta rule's: with 0 and 1 a token's matrix follows from the tokens that its convolution sees
// alone, and with 1 and 0 it stays as it was.
Numbers compute(RecurrentState& state, std::span<const std::uint64_t> hashes, float decay, float learned) {
  constexpr RecurrentLayout layout = kTestRecurrentLayout;
  const auto rows = hashes.size();
  const RecurrentBatch::Sequence sequence{&state, static_cast<int>(rows)};
  const RecurrentBatch batch({&sequence, 1}, 1, KeyOrder::grouped);
  const Numbers weights(std::size_t(layout.conv_channels) * (layout.conv_taps + 1), 0.25f);
  Numbers unit(rows * layout.key_dim);
  for (std::size_t row = 0; row < rows; ++row) unit[row * layout.key_dim] = 1;
  const Numbers g(rows, decay == 0 ? -1e4f : 0.0f);
  const Numbers beta(rows, learned);
  Numbers all;
  for (int layer = 0; layer < layout.layers; ++layer) {
    Numbers x;
    for (const std::uint64_t hash : hashes) {
      for (int i = 0; i < layout.conv_channels; ++i) x.push_back(element(hash, layer, i) / 0x10000);
    }
    Numbers convolved(x.size());
    batch.convolve(layer, x.data(), weights.data(), convolved.data(), 0, 1);
    Numbers out(rows * layout.value_dim);
    batch.scan(layer,
               {.q = unit.data(),
                .k = unit.data(),
                .v = convolved.data(),
                .v_stride = layout.conv_channels,
                .g = g.data(),
                .beta = beta.data()},
               out.data(), 0, 1);
    all.insert(all.end(), convolved.begin(), convolved.end());
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

// What a state gives for one more token, which it does not learn.
Numbers probe(RecurrentState& state) {
  state.reserve(1).value();
  const std::uint64_t name = 1;
  return compute(state, {&name, 1}, 1, 0);
}

// Whether a recurrent state is what tokens with these hashes leave behind. Looks at a state that
// stands at the same offset, in memory of its own.
bool holds(const RecurrentState& state, std::span<const std::uint64_t> hashes) {
  if (state.tokens() != hashes.size()) return false;
  if (hashes.empty()) return true;
  Budget budget(4 * kTestRecurrentLayout.bytes());
  const auto part = state.snapshot(0, hashes.size());
  const PathPart node{part.get(), 0, hashes.size()};
  const auto there = RecurrentGroup(kTestRecurrentLayout).resume({&node, 1}, hashes.size(), budget);

  const auto seen = hashes.last(std::min<std::size_t>(hashes.size(), kTestRecurrentLayout.conv_taps + 1));
  RecurrentState expected(kTestRecurrentLayout, budget);
  expected.reserve(seen.size()).value();
  compute(expected, seen, 0, 1);
  expected.commit(seen.size());
  return probe(static_cast<RecurrentState&>(*there)) == probe(expected);
}

}  // namespace

Path ids(std::string_view text) { return {text.begin(), text.end()}; }
std::string text_of(TokenSpan tokens) { return {tokens.begin(), tokens.end()}; }

std::vector<std::unique_ptr<LayerGroup>> make_groups(const LayerKinds& which) {
  std::vector<std::unique_ptr<LayerGroup>> groups;
  if (which.attention) groups.push_back(std::make_unique<AttentionGroup>(kTestLayout));
  if (which.window) groups.push_back(std::make_unique<WindowGroup>(kTestLayout, kTestWindow));
  if (which.recurrent) groups.push_back(std::make_unique<RecurrentGroup>(kTestRecurrentLayout));
  return groups;
}

std::vector<std::uint64_t> path_hashes(TokenSpan path, std::uint64_t from) {
  std::vector<std::uint64_t> hashes;
  for (const Token token : path) hashes.push_back(from = hash_next(from, token));
  return hashes;
}

void forward(LiveState& state, std::span<const std::uint64_t> hashes) {
  if (hashes.empty()) return;
  if (const SegmentPath* path = keys_and_values(state)) {
    write(*path, hashes);
  } else {
    compute(dynamic_cast<RecurrentState&>(state), hashes, 0, 1);
  }
}

void forward(const Session& session, TokenSpan tokens) {
  const TokenSpan seen = session.tokens().first(session.position());
  const std::uint64_t from = seen.empty() ? 0 : path_hashes(seen).back();
  for (LiveState* state : session.states()) forward(*state, path_hashes(tokens, from));
}

Result<> evaluate(Session& session, TokenSpan tokens) {
  if (Result<> room = session.reserve(tokens.size()); !room) return room;
  forward(session, tokens);
  session.advance(tokens);
  return {};
}

bool holds_its_path(const Session& session) {
  const auto hashes = path_hashes(session.tokens().first(session.position()));
  return std::ranges::all_of(session.states(), [&](const LiveState* state) {
    if (const auto* window = dynamic_cast<const WindowState*>(state)) {
      const auto seen = std::min<std::size_t>(window->window(), hashes.size());
      if (window->path().first() + seen > hashes.size()) return false;
    }
    const SegmentPath* path = keys_and_values(*state);
    return path ? holds(*path, hashes) : holds(dynamic_cast<const RecurrentState&>(*state), hashes);
  });
}

}  // namespace banyan
