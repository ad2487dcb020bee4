/// What differs between architectures: which tensors they have, and how they compute.
#pragma once

#include <memory>
#include <string_view>

#include "model/graph.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace banyan {

class Architecture {
 public:
  virtual ~Architecture() = default;
  /// Adds the whole network to the graph and finishes it.
  virtual void build(Graph& graph) const = 0;
};

/// Asks the loader for the architecture's tensors.
using ArchitectureFactory = std::unique_ptr<Architecture> (*)(const Hyperparameters& model,
                                                              WeightLoader& weights);

/// The factory for GGUF's general.architecture, or null if it is not supported.
ArchitectureFactory find_architecture(std::string_view name);
/// The names of those that are, for messages.
std::string_view architecture_names();

std::unique_ptr<Architecture> make_llama(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen2(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen3(const Hyperparameters& model, WeightLoader& weights);

}  // namespace banyan
