/// A model that computes nothing: its layers keep real states, whose numbers are never written. What is
/// measured over it is what the cache itself costs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "banyan/attention_state.h"
#include "banyan/cache.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"

namespace banyan {

/// The least that a layer can keep of a token, so that a million fit anywhere.
inline constexpr KvLayout kBlankLayout = {.layers = 1, .kv_heads = 1, .key_dim = 1, .value_dim = 1};
inline constexpr int kBlankWindow = 1024;
inline constexpr RecurrentLayout kBlankRecurrentLayout = {
    .layers = 1, .conv_taps = 3, .conv_channels = 24, .value_heads = 1, .value_dim = 8, .key_dim = 8};

/// Attention alone, or one group of each kind.
inline std::vector<std::unique_ptr<LayerGroup>> blank_groups(bool mixed) {
  // Counting the owners of a segment is cheaper while a process has never had a second thread. An engine has.
  std::jthread([] {}).join();
  std::vector<std::unique_ptr<LayerGroup>> groups;
  groups.push_back(std::make_unique<AttentionGroup>(kBlankLayout));
  if (mixed) {
    groups.push_back(std::make_unique<WindowGroup>(kBlankLayout, kBlankWindow));
    groups.push_back(std::make_unique<RecurrentGroup>(kBlankRecurrentLayout));
  }
  return groups;
}

/// Advances the session over `tokens`, which are its next.
inline void pass(Session& session, TokenSpan tokens) {
  session.reserve(tokens.size()).value();
  for (LiveState* state : session.states()) {
    auto* const recurrent = dynamic_cast<RecurrentState*>(state);
    if (recurrent == nullptr) continue;
    // A step that is planned may be committed.
    const RecurrentBatch::Sequence sequence{recurrent, static_cast<int>(tokens.size())};
    const RecurrentBatch batch({&sequence, 1}, 1, KeyOrder::grouped);
  }
  session.advance(tokens);
}

/// Advances the session to the end of its prompt, `step` tokens at a time.
inline void pass_prompt(Session& session, std::size_t step = 512) {
  while (!session.pending().empty()) {
    const std::vector<Token> tokens(
        session.pending().begin(),
        session.pending().begin() + static_cast<std::ptrdiff_t>(std::min(step, session.pending().size())));
    pass(session, tokens);
  }
}

}  // namespace banyan
