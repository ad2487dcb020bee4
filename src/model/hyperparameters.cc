#include "model/hyperparameters.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <format>
#include <optional>

namespace banyan {
namespace {

// No model comes near these; they keep products of two in range.
constexpr int kMostLayers = 1 << 12;
constexpr int kMostHeads = 1 << 12;
constexpr int kMostHeadDim = 1 << 12;
constexpr int kMostExperts = 1 << 12;
constexpr int kMostWide = 1 << 24;

Rope read_rope(ModelFile& file, const std::string& prefix, const Hyperparameters& model) {
  Rope rope;
  rope.dimensions = file.integer_or(prefix + "rope.dimension_count", 2, model.head_dim, model.head_dim);
  if (rope.dimensions % 2 != 0) {
    file.refuse(Errc::corrupt, std::format("key '{}rope.dimension_count' is {}; an even number expected",
                                           prefix, rope.dimensions));
  }
  rope.frequency_base = file.real_or(prefix + "rope.freq_base", 1, 1e12f, 10000);

  const std::string scaling = file.text_or(prefix + "rope.scaling.type", "linear");
  if (scaling != "none" && scaling != "linear" && scaling != "yarn") {
    file.refuse(Errc::unsupported,
                std::format("key '{}rope.scaling.type' is '{}'; 'none', 'linear' or 'yarn' expected", prefix,
                            scaling));
  }
  // 0 stands for no scaling; older files have the other key.
  const std::string key =
      prefix + (file.has(prefix + "rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear");
  const float factor = file.real_or(key, 0, 1e6f, 0);
  if (factor > 0 && factor < 1) {
    file.refuse(Errc::corrupt, std::format("key '{}' is {}; 0 or at least 1 expected", key, factor));
  }
  if (scaling != "none" && factor != 0) rope.frequency_scale = 1 / factor;
  rope.original_context =
      file.integer_or(prefix + "rope.scaling.original_context_length", 1, INT_MAX, model.context);
  rope.attn_factor = file.real_or(prefix + "rope.scaling.attn_factor", 0, 1e6f, 1);
  // YaRN's own attention factor, 1 + 0.1 ln(factor), needs nothing here: ggml applies it.
  // What is less than 0 stands for the usual.
  const float ext_factor = file.real_or(prefix + "rope.scaling.yarn_ext_factor", -1, 1, -1);
  if (scaling == "yarn") rope.ext_factor = ext_factor < 0 ? 1 : ext_factor;
  rope.beta_fast = file.real_or(prefix + "rope.scaling.yarn_beta_fast", 0, 1e6f, rope.beta_fast);
  rope.beta_slow = file.real_or(prefix + "rope.scaling.yarn_beta_slow", 0, 1e6f, rope.beta_slow);
  return rope;
}

}  // namespace

int Hyperparameters::layers_of(LayerKind kind) const {
  return static_cast<int>(std::ranges::count(kinds, kind));
}

KvLayout kv_layout(const Hyperparameters& model, LayerKind kind, KvType type) {
  return {.layers = model.layers_of(kind),
          .kv_heads = model.kv_heads,
          .key_dim = model.head_dim,
          .value_dim = model.head_dim,
          .type = type};
}

RecurrentLayout recurrent_layout(const Hyperparameters& model) {
  const Recurrence& recurrence = model.recurrence;
  return {.layers = model.layers_of(LayerKind::recurrent),
          .conv_taps = recurrence.conv_kernel - 1,
          .conv_channels = recurrence.channels(),
          .value_heads = recurrence.value_heads,
          .value_dim = recurrence.value_dim,
          .key_dim = recurrence.key_dim};
}

Hyperparameters read_hyperparameters(ModelFile& file, const std::string& prefix) {
  Hyperparameters model;
  // A layer has several tensors, so a count beyond the file's is nonsense.
  const auto most_layers = static_cast<int>(std::clamp<std::size_t>(file.tensors().size(), 1, kMostLayers));
  model.layers = file.integer(prefix + "block_count", 1, most_layers);
  model.kinds.assign(static_cast<std::size_t>(model.layers), LayerKind::attention);
  model.context = file.integer(prefix + "context_length", 1, INT_MAX);
  model.embedding = file.integer(prefix + "embedding_length", 1, kMostWide);
  model.query_heads = file.integer(prefix + "attention.head_count", 1, kMostHeads);
  model.kv_heads =
      file.integer_or(prefix + "attention.head_count_kv", 1, model.query_heads, model.query_heads);
  model.norm_epsilon = file.real(prefix + "attention.layer_norm_rms_epsilon", 0, 1);
  if (model.query_heads % model.kv_heads != 0) {
    file.refuse(Errc::corrupt, std::format("{} query heads cannot share {} key/value heads evenly",
                                           model.query_heads, model.kv_heads));
  }

  const std::string key_length = prefix + "attention.key_length";
  if (!file.has(key_length) && model.embedding % model.query_heads != 0) {
    file.refuse(Errc::corrupt,
                std::format("key '{}' is missing, and {} heads do not divide an embedding of {}", key_length,
                            model.query_heads, model.embedding));
  }
  model.head_dim =
      file.integer_or(key_length, 2, kMostHeadDim, std::max(2, model.embedding / model.query_heads));
  const std::string value_length = prefix + "attention.value_length";
  if (file.integer_or(value_length, 1, kMostHeadDim, model.head_dim) != model.head_dim) {
    file.refuse(Errc::unsupported,
                std::format("key '{}' is not {}, the dimension of the keys", value_length, model.head_dim));
  }
  model.attention_scale = 1 / std::sqrt(static_cast<float>(model.head_dim));
  model.rope = read_rope(file, prefix, model);

  const ModelFile::Tensor* embeddings = file.find("token_embd.weight");
  const std::size_t rows = embeddings == nullptr ? 1 : static_cast<std::size_t>(embeddings->shape[1]);
  const std::size_t vocabulary = file.array_size("tokenizer.ggml.tokens").value_or(rows);
  if (vocabulary < 1 || vocabulary > kMostWide) {
    file.refuse(Errc::corrupt,
                std::format("a vocabulary of {} tokens; 1 to {} expected", vocabulary, kMostWide));
  } else {
    model.vocabulary = static_cast<int>(vocabulary);
  }

  if (!file.flag_or(prefix + "attention.causal", true)) {
    file.refuse(Errc::unsupported, "attention that is not causal ('" + prefix + "attention.causal')");
  }
  return model;
}

void read_feed_forward(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  model.feed_forward = file.integer(prefix + "feed_forward_length", 1, kMostWide);
  if (file.integer_or(prefix + "expert_count", 0, INT_MAX, 0) != 0) {
    file.refuse(Errc::unsupported, "a mixture of experts ('" + prefix + "expert_count')");
  }
}

void read_experts(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  Experts& experts = model.experts;
  experts.count = file.integer(prefix + "expert_count", 1, kMostExperts);
  experts.used = file.integer(prefix + "expert_used_count", 1, experts.count);
  experts.feed_forward = file.integer(prefix + "expert_feed_forward_length", 1, kMostWide);
}

void read_shared_expert(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  model.experts.shared_feed_forward =
      file.integer(prefix + "expert_shared_feed_forward_length", 1, kMostWide);
  if (const std::string count = prefix + "expert_shared_count"; file.integer_or(count, 0, INT_MAX, 1) > 1) {
    file.refuse(Errc::unsupported, std::format("key '{}': more than one shared expert", count));
  }
}

void read_window(ModelFile& file, const std::string& prefix, int period, Hyperparameters& model) {
  model.window.tokens = file.integer_or(prefix + "attention.sliding_window", 0, kMostWide, 0);
  const std::string pattern = prefix + "attention.sliding_window_pattern";
  std::optional<std::vector<bool>> windows;
  if (file.is_array(pattern)) {
    windows = file.flags(pattern, model.kinds.size());
  } else {
    period = file.integer_or(pattern, 1, kMostLayers, period);
  }
  if (model.window.tokens == 0) return;
  for (std::size_t layer = 0; layer < model.kinds.size(); ++layer) {
    if (windows ? (*windows)[layer] : (layer + 1) % static_cast<std::size_t>(period) != 0) {
      model.kinds[layer] = LayerKind::window;
    }
  }
  model.window.rope = model.rope;
}

void read_recurrence(ModelFile& file, const std::string& prefix, Hyperparameters& model) {
  Recurrence& recurrence = model.recurrence;
  recurrence.conv_kernel = file.integer(prefix + "ssm.conv_kernel", 2, RecurrentLayout::kMostTaps + 1);
  recurrence.key_heads = file.integer(prefix + "ssm.group_count", 1, kMostHeads);
  recurrence.value_heads = file.integer(prefix + "ssm.time_step_rank", 1, kMostHeads);
  recurrence.key_dim = file.integer(prefix + "ssm.state_size", 1, kMostHeadDim);
  recurrence.value_dim = recurrence.key_dim;
  if (const std::string values = prefix + "ssm.inner_size";
      file.integer(values, 1, INT_MAX) != recurrence.values()) {
    file.refuse(Errc::unsupported, std::format("key '{}' is not {} heads of {}, the dimension of the keys",
                                               values, recurrence.value_heads, recurrence.key_dim));
  }
  if (recurrence.value_heads % recurrence.key_heads != 0) {
    file.refuse(Errc::corrupt, std::format("{} value heads cannot share {} key heads evenly",
                                           recurrence.value_heads, recurrence.key_heads));
  }

  const int period = file.integer_or(prefix + "full_attention_interval", 1, kMostLayers, 4);
  const auto recurrent = file.flags(prefix + "attention.recurrent_layers", model.kinds.size());
  model.layers -= file.integer_or(prefix + "nextn_predict_layers", 0, model.layers - 1, 0);
  model.kinds.resize(static_cast<std::size_t>(model.layers));
  for (std::size_t layer = 0; layer < model.kinds.size(); ++layer) {
    if (recurrent ? (*recurrent)[layer] : (layer + 1) % static_cast<std::size_t>(period) != 0) {
      model.kinds[layer] = LayerKind::recurrent;
    }
  }
}

}  // namespace banyan
