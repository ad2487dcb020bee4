#include "model/step.h"

#include <algorithm>
#include <format>
#include <numeric>
#include <utility>

#include "banyan/attention_state.h"
#include "banyan/window_state.h"

namespace banyan {
namespace {

/// A sequence's states by their kinds; null where the model has no layer of the kind.
struct States {
  AttentionState* attention = nullptr;
  WindowState* window = nullptr;
  RecurrentState* recurrent = nullptr;
};

/// Takes the next state if the model has layers of the kind. REQUIRES: it is one of theirs. (This is no
/// question of what kind it is: a model made the groups, and gets their states back as what they are.)
template <class State, class Matches>
State* take(std::span<LiveState* const>& states, int layers, const Matches& matches) {
  if (layers == 0) return nullptr;
  State* state = states.empty() ? nullptr : dynamic_cast<State*>(states.front());
  require(state != nullptr && matches(*state), "Runner::forward: states of another model");
  states = states.subspan(1);
  return state;
}

States states_of(std::span<LiveState* const> states, const Hyperparameters& model) {
  const auto has_layout = [&](LayerKind kind) {
    return [&model, kind](const auto& state) {
      const KvLayout& layout = state.path().layout();
      return layout == kv_layout(model, kind, layout.type);
    };
  };
  States typed;
  typed.attention =
      take<AttentionState>(states, model.layers_of(LayerKind::attention), has_layout(LayerKind::attention));
  typed.window = take<WindowState>(states, model.layers_of(LayerKind::window), [&](const WindowState& state) {
    return state.window() == model.window.tokens && has_layout(LayerKind::window)(state);
  });
  typed.recurrent = take<RecurrentState>(
      states, model.layers_of(LayerKind::recurrent),
      [&](const RecurrentState& state) { return state.layout() == recurrent_layout(model); });
  require(states.empty(), "Runner::forward: states of another model");
  return typed;
}

/// An order of the sequences in which those that share a trunk are neighbours.
std::vector<std::size_t> order(std::span<const States> sequences) {
  std::vector<const SegmentPath*> paths;
  for (const States& states : sequences) {
    if (states.attention != nullptr) {
      paths.push_back(&states.attention->path());
    } else if (states.window != nullptr) {
      paths.push_back(&states.window->path());
    }
  }
  if (!paths.empty()) return AttentionBatch::order(paths);
  std::vector<std::size_t> as_given(sequences.size());
  std::ranges::iota(as_given, std::size_t{0});
  return as_given;
}

Result<> check(const Runner::Sequence& sequence, const Hyperparameters& model) {
  require(!sequence.tokens.empty(), "Runner::forward: a sequence without tokens");
  require(sequence.outputs >= 0 && static_cast<std::size_t>(sequence.outputs) <= sequence.tokens.size(),
          "Runner::forward: more outputs than rows");
  for (const LiveState* state : sequence.states) {
    require(state->tokens() == sequence.states[0]->tokens(),
            "Runner::forward: states that stand at different tokens");
  }
  for (const Token token : sequence.tokens) {
    if (token < 0 || token >= model.vocabulary) {
      return fail(Errc::invalid_argument,
                  std::format("token {} is outside the vocabulary of {}", token, model.vocabulary));
    }
  }
  return {};
}

}  // namespace

Result<Step> plan_step(std::span<const Runner::Sequence> sequences, const Hyperparameters& model, int threads,
                       AttentionScratch& scratch) {
  std::vector<States> states;
  for (const Runner::Sequence& sequence : sequences) {
    states.push_back(states_of(sequence.states, model));
    if (auto good = check(sequence, model); !good) return std::unexpected(good.error());
  }

  Step step;
  std::vector<AttentionBatch::Sequence> attention;
  std::vector<AttentionBatch::Sequence> window;
  std::vector<RecurrentBatch::Sequence> recurrent;
  std::vector<std::int32_t> first_row(sequences.size());
  for (const std::size_t i : order(states)) {
    const TokenSpan tokens = sequences[i].tokens;
    const int rows = static_cast<int>(tokens.size());
    if (states[i].attention != nullptr) attention.push_back({&states[i].attention->path(), rows});
    if (states[i].window != nullptr) window.push_back({&states[i].window->path(), rows});
    if (states[i].recurrent != nullptr) recurrent.push_back({states[i].recurrent, rows});
    first_row[i] = static_cast<std::int32_t>(step.tokens.size());
    step.tokens.append_range(tokens);
    const auto begin = static_cast<std::int32_t>(sequences[i].states[0]->tokens());
    for (std::int32_t row = 0; row < rows; ++row) step.positions.push_back(begin + row);
  }
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto end = first_row[i] + static_cast<std::int32_t>(sequences[i].tokens.size());
    for (std::int32_t row = end - sequences[i].outputs; row < end; ++row) step.outputs.push_back(row);
  }

  const auto batch_of = [&](std::span<const AttentionBatch::Sequence> paths, int window_tokens) {
    const AttentionBatch::Shape shape{
        .query_heads = model.query_heads, .scale = model.attention_scale, .window = window_tokens};
    return AttentionBatch::create(paths, shape, threads, scratch);
  };
  if (!attention.empty()) {
    auto batch = batch_of(attention, 0);
    if (!batch) return std::unexpected(batch.error());
    step.attention = std::move(*batch);
  }
  if (!window.empty()) {
    auto batch = batch_of(window, model.window.tokens);
    if (!batch) return std::unexpected(batch.error());
    step.window = std::move(*batch);
  }
  if (!recurrent.empty()) {
    step.recurrent =
        std::make_unique<RecurrentBatch>(recurrent, model.recurrence.key_heads, model.recurrence.key_order);
  }
  return step;
}

}  // namespace banyan
