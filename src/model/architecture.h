/// What differs between architectures: which numbers and tensors they have, and how they compute.
#pragma once

#include <memory>
#include <string>
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

/// Where an architecture comes from.
struct ArchitectureType {
  std::string_view name;  ///< GGUF's general.architecture
  /// Of what the architecture computes; part of the name by which a disk cache knows its states. Raise it
  /// with every change after which the same file and tokens leave other states than before, by more than
  /// rounding: in the architecture itself, and for all that use it in a block, a reader of hyperparameters or
  /// a kernel. Never lower it.
  int version;
  /// Reads what the architecture has beside what all have; see hyperparameters.h.
  void (*read)(ModelFile& file, const std::string& prefix, Hyperparameters& model);
  /// Asks the loader for the architecture's tensors.
  std::unique_ptr<Architecture> (*make)(const Hyperparameters& model, WeightLoader& weights);
};

/// Null if there is no architecture of this name.
const ArchitectureType* find_architecture(std::string_view name);
/// The names of all, for messages.
std::string architecture_names();

void read_gemma3(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_gpt_oss(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_qwen3next(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_qwen35(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_qwen35moe(ModelFile& file, const std::string& prefix, Hyperparameters& model);

std::unique_ptr<Architecture> make_gemma3(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_gpt_oss(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_llama(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen2(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen3(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen35(const Hyperparameters& model, WeightLoader& weights);
std::unique_ptr<Architecture> make_qwen3moe(const Hyperparameters& model, WeightLoader& weights);

}  // namespace banyan
