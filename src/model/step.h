/// What one forward pass works on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "banyan/attention_batch.h"
#include "banyan/model.h"
#include "banyan/recurrent_state.h"
#include "model/hyperparameters.h"

namespace banyan {

struct Step {
  // Of each row. Sequences that share a trunk are neighbours.
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> positions;
  /// The rows whose logits are wanted, in the caller's order.
  std::vector<std::int32_t> outputs;
  // Of those kinds of layers that the model has.
  std::unique_ptr<AttentionBatch> attention;
  std::unique_ptr<AttentionBatch> window;
  std::unique_ptr<RecurrentBatch> recurrent;
};

/// Errors: out_of_memory, invalid_argument (a token outside the vocabulary). Throws Misuse as
/// Runner::forward does. REQUIRES: there is a sequence.
Result<Step> plan_step(std::span<const Runner::Sequence> sequences, const Hyperparameters& model, int threads,
                       AttentionScratch& scratch);

}  // namespace banyan
