#include "cache/fake_model.h"

#include <cstring>

#include "banyan/attention_state.h"
#include "cache/fake_groups.h"

namespace banyan {
namespace {

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

// Calls visit(element in memory, expected value) for path positions [from, to) of a state.
template <class Visit>
void for_each_position(const AttentionState& state, std::span<const std::uint64_t> hashes, std::size_t from,
                       Visit visit) {
  std::size_t position = 0;
  for (const SegmentView& view : state.views()) {
    for (int at = view.begin; at < view.end && position < hashes.size(); ++at, ++position) {
      if (position >= from) for_each_element(*view.segment, at, hashes[position], visit);
    }
  }
}

}  // namespace

Path ids(std::string_view text) { return {text.begin(), text.end()}; }
std::string text_of(TokenSpan tokens) { return {tokens.begin(), tokens.end()}; }

std::vector<std::unique_ptr<LayerGroup>> make_groups(const LayerKinds& which) {
  std::vector<std::unique_ptr<LayerGroup>> groups;
  if (which.attention) groups.push_back(std::make_unique<AttentionGroup>(kTestLayout));
  if (which.window) groups.push_back(std::make_unique<WindowGroup>());
  if (which.point) groups.push_back(std::make_unique<PointGroup>());
  return groups;
}

std::vector<std::uint64_t> path_hashes(TokenSpan path, std::uint64_t from) {
  std::vector<std::uint64_t> hashes;
  for (const Token token : path) hashes.push_back(from = hash_next(from, token));
  return hashes;
}

void forward(const Session& session, TokenSpan tokens) {
  const TokenSpan seen = session.tokens().first(session.position());
  Path path(seen.begin(), seen.end());
  path.insert(path.end(), tokens.begin(), tokens.end());
  const auto hashes = path_hashes(path);
  for (LiveState* state : session.states()) {
    if (auto* fake = dynamic_cast<FakeState*>(state)) {
      for (std::size_t at = seen.size(); at < path.size(); ++at) fake->write(at, hashes[at]);
    } else {
      for_each_position(dynamic_cast<AttentionState&>(*state), hashes, seen.size(),
                        [](float& there, float value) { there = value; });
    }
  }
}

Result<> evaluate(Session& session, TokenSpan tokens) {
  if (Result<> room = session.reserve(tokens.size()); !room) return room;
  forward(session, tokens);
  session.advance(tokens);
  return {};
}

bool holds_its_path(const Session& session) {
  const auto hashes = path_hashes(session.tokens().first(session.position()));
  for (const LiveState* state : session.states()) {
    if (state->tokens() != hashes.size()) return false;
    if (const auto* fake = dynamic_cast<const FakeState*>(state)) {
      if (!fake->holds(hashes)) return false;
      continue;
    }
    const auto& attention = dynamic_cast<const AttentionState&>(*state);
    bool same = attention.reserved_end() >= hashes.size();
    for_each_position(attention, hashes, 0,
                      [&](const float& there, float value) { same = same && there == value; });
    if (!same) return false;
  }
  return true;
}

}  // namespace banyan
