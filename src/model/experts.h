/// Mixtures of experts (arXiv:1701.06538, arXiv:2101.03961): of many feed-forward networks, a router
/// chooses a few for each token and weighs what they say.
#pragma once

#include <string>

#include "model/graph.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

struct MixtureOfExperts {
  /// What an expert makes of gate(x) and up(x).
  enum class Activation {
    swiglu,      ///< silu(gate) * up
    swiglu_oai,  ///< gpt-oss: a steeper silu(gate) * (up + 1), both clamped
  };

  Activation activation = Activation::swiglu;
  int used = 0;          ///< for each token
  Linear router;         ///< [embedding, experts]
  ExpertLinear gate_up;  ///< [embedding, 2 * width, experts], gates first; or none, but
  ExpertLinear gate;     ///< [embedding, width, experts] and
  ExpertLinear up;       ///< [embedding, width, experts]
  ExpertLinear down;     ///< [width, embedding, experts]

  // One more expert, for every token, behind a gate of its own; or none.
  Linear shared_gate;  ///< [embedding, 1]
  FeedForward shared;
};

/// The tensors "BLOCKffn_gate_inp", "BLOCKffn_gate_exps" and so on, and the shared expert's if the
/// model has one.
MixtureOfExperts load_experts(const Hyperparameters& model, WeightLoader& weights, const std::string& block,
                              MixtureOfExperts::Activation activation = MixtureOfExperts::Activation::swiglu);

/// x [embedding, rows] -> [embedding, rows].
ggml_tensor* mix_experts(Graph& graph, const MixtureOfExperts& layer, ggml_tensor* x);

}  // namespace banyan
