// Keys of a file that would change what it computes are honoured, or the file is refused and says which key:
// none is passed over. Files as converters write them are not refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Value = std::variant<bool, std::uint32_t, float, const char*>;

void set(gguf_context* gguf, const std::string& key, const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) gguf_set_val_bool(gguf, key.c_str(), *truth);
  if (const auto* integer = std::get_if<std::uint32_t>(&value)) gguf_set_val_u32(gguf, key.c_str(), *integer);
  if (const auto* real = std::get_if<float>(&value)) gguf_set_val_f32(gguf, key.c_str(), *real);
  if (const auto* text = std::get_if<const char*>(&value)) gguf_set_val_str(gguf, key.c_str(), *text);
}

using Keys = std::vector<std::pair<std::string, Value>>;

/// A model with these keys below its architecture's name.
TinyModel with(const std::string& architecture, const Keys& keys) {
  TinyModel model;
  model.architecture = architecture;
  model.edit = [=](gguf_context* gguf) {
    for (const auto& [key, value] : keys) set(gguf, architecture + "." + key, value);
  };
  return model;
}

Result<std::unique_ptr<Model>> load(const TinyModel& model) {
  const TemporaryFile file("gguf");
  write_tiny_model(model, file.path());
  return Model::load(file.path());
}

void expect_refused(const std::string& architecture, const Keys& keys, const std::string& key,
                    const std::string& value) {
  const auto model = load(with(architecture, keys));
  ASSERT_FALSE(model) << architecture << "." << key << " was passed over";
  EXPECT_EQ(model.error().code, Errc::unsupported);
  EXPECT_THAT(model.error().message,
              AllOf(HasSubstr("key '" + architecture + "." + key + "' is " + value), HasSubstr(".gguf: ")));
}

const char* const kArchitectures[] = {"gemma3", "gpt-oss",   "llama",    "qwen2",    "qwen3",
                                      "qwen35", "qwen35moe", "qwen3moe", "qwen3next"};

TEST(UnreadKeys, ThatChangeTheResultAreRefusedByName) {
  const std::vector<std::tuple<std::string, Value, std::string>> cases = {
      {"rope.scaling.yarn_attn_factor", 1.5f, "1.5"},
      {"rope.scaling.yarn_log_multiplier", 0.1f, "0.1"},
      {"rope.scaling.alpha", 1000.0f, "1000"},
      {"attention.scale", 0.25f, "0.25"},
      {"attention.clamp_kqv", 8.0f, "8"},
      {"attention.max_alibi_bias", 8.0f, "8"},
      {"attention.temperature_scale", 0.1f, "0.1"},
      {"attention.temperature_length", 8192u, "8192"},
      {"attention.output_scale", 0.5f, "0.5"},
      {"attention.key_length_mla", 192u, "192"},
      {"attn_logit_softcapping", 50.0f, "50"},
      {"final_logit_softcapping", 30.0f, "30"},
      {"router_logit_softcapping", 30.0f, "30"},
      {"logit_scale", 0.0625f, "0.0625"},
      {"residual_scale", 0.22f, "0.22"},
      {"embedding_scale", 12.0f, "12"},
      {"expert_gating_func", 2u, "2"},
      {"expert_weights_scale", 2.5f, "2.5"},
      {"expert_weights_norm", false, "false"},
      {"expert_group_count", 8u, "8"},
      {"expert_group_used_count", 4u, "4"},
      {"leading_dense_block_count", 1u, "1"},
      {"interleave_moe_layer_step", 2u, "2"},
      {"pooling_type", 3u, "3"},
      {"use_parallel_residual", true, "true"},
      {"hidden_activation", "relu", "relu"},
      {"a_key_of_tomorrow", 0u, "0"},
  };
  for (const std::string architecture : kArchitectures) {
    for (const auto& [key, value, text] : cases) expect_refused(architecture, {{key, value}}, key, text);
  }
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3moe", "qwen35"}) {
    expect_refused(architecture, {{"attention.sliding_window", 4096u}}, "attention.sliding_window", "4096");
  }
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3moe", "gemma3", "gpt-oss"}) {
    expect_refused(architecture, {{"nextn_predict_layers", 1u}}, "nextn_predict_layers", "1");
    expect_refused(architecture, {{"full_attention_interval", 4u}}, "full_attention_interval", "4");
  }
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3moe"}) {
    expect_refused(architecture, {{"rope.freq_base_swa", 1e4f}}, "rope.freq_base_swa", "10000");
  }
}

TEST(UnreadKeys, OfListsAreRefusedUnlessAllTheirNumbersChangeNothing) {
  const auto model_with = [](std::vector<float> limits) {
    TinyModel model;
    model.edit = [=](gguf_context* gguf) {
      gguf_set_arr_data(gguf, "qwen3.swiglu_clamp_exp", GGUF_TYPE_FLOAT32, limits.data(), limits.size());
    };
    return model;
  };
  EXPECT_TRUE(load(model_with({0, 0})));
  const auto refused = load(model_with({0, 7}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("key 'qwen3.swiglu_clamp_exp' is [0, 7]"));
}

TEST(UnreadKeys, OfAnotherArchitectureOrOfTheFileAreNotLookedAt) {
  TinyModel model;
  model.edit = [](gguf_context* gguf) {
    gguf_set_val_f32(gguf, "qwen3moe.logit_scale", 2);
    gguf_set_val_f32(gguf, "qwen3x.logit_scale", 2);
    gguf_set_val_u32(gguf, "general.file_type", 7);
    gguf_set_val_u32(gguf, "quantize.imatrix.entries_count", 7);
  };
  EXPECT_TRUE(load(model));
}

TEST(UnreadKeys, WithNeutralValuesAreFine) {
  const Keys keys = {{"rope.scaling.type", "none"},
                     {"rope.scaling.factor", 1.0f},
                     {"rope.scaling.finetuned", false},
                     {"rope.scaling.yarn_attn_factor", 1.0f},
                     {"rope.scaling.yarn_log_multiplier", 0.0f},
                     {"attention.scale", 0.0f},
                     {"attention.clamp_kqv", 0.0f},
                     {"attention.temperature_scale", 0.0f},
                     {"attn_logit_softcapping", 0.0f},
                     {"final_logit_softcapping", 0.0f},
                     {"logit_scale", 1.0f},
                     {"residual_scale", 1.0f},
                     {"embedding_scale", 0.0f},
                     {"expert_gating_func", 1u},
                     {"expert_weights_scale", 1.0f},
                     {"expert_weights_norm", true},
                     {"expert_group_count", 1u},
                     {"pooling_type", 0u},
                     {"use_parallel_residual", false},
                     {"nextn_predict_layers", 0u},
                     {"attention.causal", true}};
  for (const std::string architecture : kArchitectures) {
    const auto model = load(with(architecture, keys));
    EXPECT_TRUE(model) << model.error().message;
  }
  const auto dense = load(with("llama", {{"expert_count", 0u},
                                         {"expert_used_count", 0u},
                                         {"attention.sliding_window", 0u},
                                         {"expert_weights_scale", 0.0f}}));
  EXPECT_TRUE(dense) << dense.error().message;
}

// Beside what all files of the architecture have: see convert_hf_to_gguf.py, and older converters.
TEST(UnreadKeys, OfFilesAsConvertersWriteThemAreFine) {
  const std::vector<std::pair<std::string, Keys>> files = {
      {"llama",
       {{"vocab_size", 288u},
        {"rope.dimension_count", 32u},
        {"rope.freq_base", 500000.0f},
        {"attention.layer_norm_epsilon", 1e-5f},
        {"tensor_data_layout", "Meta AI original pth"},
        {"rope.scaling.type", "linear"},
        {"rope.scaling.factor", 2.0f},
        {"rope.scale_linear", 2.0f},
        {"rope.scaling.finetuned", true},
        {"expert_count", 0u},
        {"expert_used_count", 0u}}},
      {"qwen2", {{"rope.freq_base", 1e6f}}},
      {"qwen3",
       {{"rope.freq_base", 1e6f},
        {"rope.scaling.type", "yarn"},
        {"rope.scaling.factor", 4.0f},
        {"rope.scaling.original_context_length", 128u}}},
      {"qwen3moe", {{"rope.freq_base", 1e7f}, {"feed_forward_length", 6144u}, {"norm_top_k_prob", true}}},
      {"qwen3next", {{"rope.freq_base", 1e7f}, {"feed_forward_length", 5120u}}},
      {"qwen35", {{"rope.freq_base", 1e7f}, {"nextn_predict_layers", 0u}}},
      {"qwen35moe", {{"rope.freq_base", 1e7f}, {"feed_forward_length", 512u}, {"expert_shared_count", 1u}}},
      {"gemma3",
       {{"rope.scaling.type", "linear"},
        {"rope.scaling.factor", 8.0f},
        {"mm.tokens_per_image", 256u},
        {"vision.block_count", 27u}}},
      {"gpt-oss",
       {{"feed_forward_length", 2880u},
        {"rope.scaling.yarn_beta_fast", 32.0f},
        {"rope.scaling.yarn_beta_slow", 1.0f}}},
  };
  for (const auto& [architecture, keys] : files) {
    const auto model = load(with(architecture, keys));
    EXPECT_TRUE(model) << model.error().message;
  }
}

TEST(UnreadKeys, SaySoWhereExpertsAreSharedByMoreThanOne) {
  const auto model = load(with("qwen35moe", {{"expert_shared_count", 2u}}));
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("qwen35moe.expert_shared_count"));
}

Logits logits_of(const TinyModel& model) {
  const TemporaryFile file("gguf");
  write_tiny_model(model, file.path());
  Subject subject(file.path());
  const auto path = subject.start();
  return subject.evaluate(*path, random_tokens(77, model.vocabulary, 5));
}

TEST(KeysThatAreRead, YarnIsBlendedAsTheFileSays) {
  const auto yarn = [](const Keys& more) {
    Keys keys = {{"rope.scaling.type", "yarn"},
                 {"rope.scaling.factor", 8.0f},
                 {"rope.scaling.original_context_length", 4096u}};
    keys.insert(keys.end(), more.begin(), more.end());
    return logits_of(with("qwen3", keys));
  };
  const Logits plain = yarn({});
  EXPECT_EQ(yarn({{"rope.scaling.yarn_beta_fast", 32.0f}, {"rope.scaling.yarn_beta_slow", 1.0f}}), plain);
  EXPECT_EQ(yarn({{"rope.scaling.yarn_ext_factor", -1.0f}}), plain);
  EXPECT_GT(relative_error(yarn({{"rope.scaling.yarn_beta_fast", 4.0f}}), plain), 1e-3);
  EXPECT_GT(relative_error(yarn({{"rope.scaling.yarn_beta_slow", 0.25f}}), plain), 1e-3);
  // Without extrapolation it is linear.
  EXPECT_EQ(yarn({{"rope.scaling.yarn_ext_factor", 0.0f}}),
            logits_of(with("qwen3", {{"rope.scaling.type", "linear"}, {"rope.scaling.factor", 8.0f}})));
}

TEST(KeysThatAreRead, AListOfWindowLayersGoesBeforeAPeriod) {
  for (const std::string architecture : {"gemma3", "gpt-oss"}) {
    const auto listed = [&](std::vector<char> windows, int layers) {
      TinyModel model;
      model.architecture = architecture;
      model.layers = layers;
      model.edit = [=](gguf_context* gguf) {
        const std::string key = architecture + ".attention.sliding_window_pattern";
        gguf_set_arr_data(gguf, key.c_str(), GGUF_TYPE_BOOL, windows.data(), windows.size());
      };
      return model;
    };
    TinyModel period;
    period.architecture = architecture;
    period.layers = 4;
    EXPECT_EQ(logits_of(listed({1, 0, 1, 0}, 4)), logits_of(period));
    EXPECT_GT(relative_error(logits_of(listed({0, 1, 0, 1}, 4)), logits_of(period)), 1e-3);
    const auto model = load(listed({1, 0, 1}, 4));
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().message, HasSubstr("sliding_window_pattern' is not an array of 4"));
  }
}

}  // namespace
}  // namespace banyan::test
