/// The transformer that most architectures are: in each layer attention, and a feed-forward network or a
/// mixture of experts, each behind a norm and beside a residual path.
#pragma once

#include <optional>
#include <vector>

#include "model/architecture.h"
#include "model/blocks.h"
#include "model/experts.h"

namespace banyan {

class Transformer final : public Architecture {
 public:
  struct Layer {
    AttentionBlock attention;
    ggml_tensor* feed_forward_norm;  // [embedding]
    FeedForward feed_forward = {};   // none where there are experts
    std::optional<MixtureOfExperts> experts;
  };

  Transformer(const Ends& ends, std::vector<Layer> layers, const AttentionStyle& style = {});
  void build(Graph& graph) const override;

 private:
  Ends ends_;
  std::vector<Layer> layers_;
  AttentionStyle style_;
};

/// All layers, each with a dense feed-forward network.
std::vector<Transformer::Layer> load_dense_layers(const Hyperparameters& model, WeightLoader& weights);

}  // namespace banyan
