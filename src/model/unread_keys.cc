#include "model/unread_keys.h"

#include <algorithm>
#include <format>
#include <initializer_list>
#include <string_view>

namespace banyan {
namespace {

// Change nothing, whatever they say.
constexpr std::string_view kWithoutEffect[] = {
    "attention.layer_norm_epsilon",  // of norms that subtract the mean, which no architecture here has
    "feed_forward_length",      // of dense networks; mixtures of experts, which do not read it, have none
    "rope.dimension_sections",  // of time, height and width, at which a token of text has one position
    "rope.scale_linear",        // an older name of rope.scaling.factor, which goes before it
    "rope.scaling.finetuned",   // how the model came to its context
    "tensor_data_layout",       // how old converters ordered heads; all order them so
    "vocab_size",               // the list of tokens has a length
};

// All keys that begin so are of an encoder of images, which are never given to a model.
constexpr std::string_view kOfImages[] = {"mm.", "vision."};

// Change nothing where they say one of these values, or a list of them; truth values are 0 and 1.
struct Neutral {
  std::string_view key;
  std::initializer_list<double> values;
};
const Neutral kNeutral[] = {
    {"attention.clamp_kqv", {0}},
    {"attention.max_alibi_bias", {0}},
    {"attention.output_scale", {0, 1}},
    {"attention.scale", {0}},
    {"attention.shared_kv_layers", {0}},
    {"attention.sliding_window", {0}},
    {"attention.temperature_length", {0}},
    {"attention.temperature_scale", {0}},
    {"attention.value_scale", {0, 1}},
    {"attn_logit_softcapping", {0}},
    {"embedding_scale", {0, 1}},
    {"expert_feed_forward_length", {0}},
    {"expert_gating_func", {0, 1, 3}},  // not said, a softmax of all scores, a softmax of the chosen ones
    {"expert_group_count", {0, 1}},
    {"expert_group_used_count", {0, 1}},
    {"expert_shared_count", {0}},
    {"expert_used_count", {0}},
    {"expert_weights_norm", {1}},  // as experts.h has it
    {"expert_weights_scale", {0, 1}},
    {"final_logit_softcapping", {0}},
    {"interleave_moe_layer_step", {0, 1}},
    {"leading_dense_block_count", {0}},
    {"logit_scale", {0, 1}},
    {"moe_every_n_layers", {0, 1}},
    {"nextn_predict_layers", {0}},
    {"norm_top_k_prob", {1}},  // Ollama's name of expert_weights_norm
    {"pooling_type", {0}},
    {"residual_scale", {0, 1}},
    {"rope.scaling.alpha", {0}},
    {"rope.scaling.yarn_attn_factor", {1}},
    {"rope.scaling.yarn_log_multiplier", {0}},
    {"router_logit_softcapping", {0}},
    {"ssm.dt_b_c_rms", {0}},
    {"swiglu_clamp_exp", {0}},
    {"swiglu_clamp_shexp", {0}},
    {"use_parallel_residual", {0}},
};

bool is_without_effect(std::string_view key, const std::vector<double>& numbers) {
  if (std::ranges::contains(kWithoutEffect, key)) return true;
  if (std::ranges::any_of(kOfImages, [&](auto beginning) { return key.starts_with(beginning); })) return true;
  const auto* neutral = std::ranges::find(kNeutral, key, &Neutral::key);
  return neutral != std::end(kNeutral) && !numbers.empty() &&
         std::ranges::all_of(numbers, [&](double number) {
           return std::ranges::find(neutral->values, number) != neutral->values.end();
         });
}

}  // namespace

void refuse_unread_keys(ModelFile& file, const std::string& prefix) {
  for (const ModelFile::UnreadKey& key : file.unread(prefix)) {
    if (is_without_effect(std::string_view(key.name).substr(prefix.size()), key.numbers)) continue;
    file.refuse(Errc::unsupported,
                std::format("key '{}' is {}, which Banyan does not compute with", key.name, key.text));
  }
}

}  // namespace banyan
