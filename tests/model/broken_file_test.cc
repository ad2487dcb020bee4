// Files that are damaged, hostile or of a kind that is not supported: each is refused with an
// error that names what is wrong, and none does harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "model/tools.h"
#include "support/scale.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A model of few bytes, without a tokenizer. If it has layers of two kinds, the second is a full one.
TinyModel smallest(const std::string& architecture = "llama", int layers = 1) {
  TinyModel model;
  model.architecture = architecture;
  model.layers = layers;
  model.embedding = 8;
  model.query_heads = 2;
  model.kv_heads = 1;
  model.head_dim = 4;
  model.feed_forward = 8;
  model.vocabulary = 16;
  model.window = 4;
  model.key_heads = 1;
  model.value_heads = 2;
  model.state_dim = 4;
  model.experts = 4;
  model.experts_used = 2;
  model.expert_feed_forward = model.shared_feed_forward = 4;
  return model;
}

Error refusal(const std::string& path) {
  const auto model = Model::load(path);
  if (model) return {Errc::busy, "it was accepted"};
  return model.error();
}

Error refusal_of(const TinyModel& model) {
  const TemporaryFile file("gguf");
  write_tiny_model(model, file.path());
  return refusal(file.path());
}

void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Where the tensors' data begins in a file.
std::size_t metadata_size(const std::string& path) {
  const gguf_context_ptr gguf(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
  return gguf_get_data_offset(gguf.get());
}

struct Case {
  std::string name;
  Errc code;
  std::string says;
  std::function<void(TinyModel&)> change;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, Errc code, const std::string& says,
                       std::function<void(TinyModel&)> change) {
    all.push_back({name, code, says, std::move(change)});
  };
  const auto edit = [&](const std::string& name, Errc code, const std::string& says,
                        std::function<void(gguf_context*)> change) {
    add(name, code, says, [=](TinyModel& model) { model.edit = change; });
  };
  const auto integer = [&](const std::string& name, const std::string& key, std::uint32_t value) {
    edit(name, Errc::corrupt, key, [=](gguf_context* gguf) { gguf_set_val_u32(gguf, key.c_str(), value); });
  };
  const auto real = [&](const std::string& name, const std::string& key, float value) {
    edit(name, Errc::corrupt, key, [=](gguf_context* gguf) { gguf_set_val_f32(gguf, key.c_str(), value); });
  };

  // Keys that are not there.
  for (const std::string key : {"general.architecture", "llama.block_count", "llama.context_length",
                                "llama.embedding_length", "llama.feed_forward_length",
                                "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon"}) {
    std::string name = "no_" + key;
    std::ranges::replace(name, '.', '_');
    edit(name, Errc::corrupt, "'" + key + "' is missing",
         [=](gguf_context* gguf) { gguf_remove_key(gguf, key.c_str()); });
  }
  edit("no_head_dim", Errc::corrupt, "llama.attention.key_length", [](gguf_context* gguf) {
    gguf_remove_key(gguf, "llama.attention.key_length");
    gguf_set_val_u32(gguf, "llama.attention.head_count", 3);
  });

  // Keys of another type.
  edit("architecture_is_a_number", Errc::corrupt, "general.architecture",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "general.architecture", 3); });
  edit("layers_in_words", Errc::corrupt, "'llama.block_count' is str",
       [](gguf_context* gguf) { gguf_set_val_str(gguf, "llama.block_count", "one"); });
  edit("layers_are_real", Errc::corrupt, "'llama.block_count' is f32",
       [](gguf_context* gguf) { gguf_set_val_f32(gguf, "llama.block_count", 1); });
  edit("layers_are_a_truth", Errc::corrupt, "'llama.block_count' is bool",
       [](gguf_context* gguf) { gguf_set_val_bool(gguf, "llama.block_count", true); });
  edit("epsilon_is_an_integer", Errc::corrupt, "layer_norm_rms_epsilon",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.attention.layer_norm_rms_epsilon", 1); });
  edit("causal_is_a_number", Errc::corrupt, "llama.attention.causal",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.attention.causal", 1); });
  edit("tokens_are_a_number", Errc::corrupt, "tokenizer.ggml.tokens",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "tokenizer.ggml.tokens", 16); });
  edit("name_is_a_number", Errc::corrupt, "general.name",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "general.name", 1); });
  edit("heads_differ", Errc::unsupported, "llama.attention.head_count", [](gguf_context* gguf) {
    const std::uint32_t heads[] = {2, 1};
    gguf_set_arr_data(gguf, "llama.attention.head_count", GGUF_TYPE_UINT32, heads, 2);
  });

  // Numbers that cannot be.
  integer("no_layers", "llama.block_count", 0);
  integer("more_layers_than_tensors", "llama.block_count", 4'000'000'000);
  edit("layers_beyond_integers", Errc::corrupt, "llama.block_count",
       [](gguf_context* gguf) { gguf_set_val_u64(gguf, "llama.block_count", UINT64_MAX); });
  edit("fewer_than_no_layers", Errc::corrupt, "llama.block_count",
       [](gguf_context* gguf) { gguf_set_val_i32(gguf, "llama.block_count", -1); });
  integer("no_context", "llama.context_length", 0);
  integer("no_embedding", "llama.embedding_length", 0);
  integer("huge_embedding", "llama.embedding_length", UINT32_MAX);
  integer("no_feed_forward", "llama.feed_forward_length", 0);
  integer("no_heads", "llama.attention.head_count", 0);
  integer("no_kv_heads", "llama.attention.head_count_kv", 0);
  integer("more_kv_heads_than_heads", "llama.attention.head_count_kv", 4);
  edit("kv_heads_do_not_divide_heads", Errc::corrupt, "3 query heads cannot share 2", [](gguf_context* gguf) {
    gguf_set_val_u32(gguf, "llama.attention.head_count", 3);
    gguf_set_val_u32(gguf, "llama.attention.head_count_kv", 2);
  });
  integer("no_head_dim_at_all", "llama.attention.key_length", 0);
  integer("huge_head_dim", "llama.attention.key_length", UINT32_MAX);
  integer("rope_of_nothing", "llama.rope.dimension_count", 0);
  integer("rope_of_odd_dimensions", "llama.rope.dimension_count", 3);
  integer("rope_beyond_the_head", "llama.rope.dimension_count", 6);
  integer("rope_stretched_from_nothing", "llama.rope.scaling.original_context_length", 0);
  real("rope_base_of_zero", "llama.rope.freq_base", 0);
  real("rope_base_is_no_number", "llama.rope.freq_base", NAN);
  real("rope_shrunk", "llama.rope.scaling.factor", 0.5f);
  real("rope_factor_infinite", "llama.rope.scaling.factor", INFINITY);
  real("attention_factor_is_no_number", "llama.rope.scaling.attn_factor", NAN);
  real("negative_epsilon", "llama.attention.layer_norm_rms_epsilon", -1);
  real("epsilon_is_no_number", "llama.attention.layer_norm_rms_epsilon", NAN);

  // Tensors.
  const auto shape = [&](const std::string& name, const std::string& says, const std::string& tensor,
                         std::vector<std::int64_t> other) {
    add(name, Errc::corrupt, says, [=](TinyModel& model) { model.shapes[tensor] = other; });
  };
  shape("no_embeddings", "'token_embd.weight'", "token_embd.weight", {});
  shape("no_matrix", "'blk.0.attn_q.weight' of shape [8, 8] is missing", "blk.0.attn_q.weight", {});
  shape("no_vector", "'blk.0.ffn_norm.weight' of shape [8] is missing", "blk.0.ffn_norm.weight", {});
  shape("matrix_turned", "'blk.0.attn_k.weight' has shape [4, 8]; [8, 4] expected", "blk.0.attn_k.weight",
        {4, 8});
  shape("matrix_of_three_dimensions", "'blk.0.attn_k.weight' has shape [8, 4, 2]; [8, 4] expected",
        "blk.0.attn_k.weight", {8, 4, 2});
  shape("output_of_another_vocabulary", "'output.weight' has shape [8, 15]; [8, 16] expected",
        "output.weight", {8, 15});
  shape("vector_too_long", "'output_norm.weight' has shape [9]; [8] expected", "output_norm.weight", {9});
  edit("embeddings_of_other_tokens", Errc::corrupt, "'token_embd.weight' has shape [8, 16]; [8, 2] expected",
       [](gguf_context* gguf) {
         const char* tokens[] = {"a", "b"};
         gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", tokens, 2);
       });
  add("matrix_of_integers", Errc::unsupported, "'blk.0.ffn_up.weight' has type i32",
      [](TinyModel& model) { model.types["blk.0.ffn_up.weight"] = GGML_TYPE_I32; });
  add("matrix_of_a_type_for_activations", Errc::unsupported, "'blk.0.ffn_up.weight' has type q8_1",
      [](TinyModel& model) {
        model.embedding = 32;
        model.types["blk.0.ffn_up.weight"] = GGML_TYPE_Q8_1;
      });
  add("vector_of_halves", Errc::unsupported, "'output_norm.weight' has type f16; f32 expected",
      [](TinyModel& model) { model.types["output_norm.weight"] = GGML_TYPE_F16; });
  add("rope_factors_too_short", Errc::corrupt, "'rope_freqs.weight' has shape [1]; [2] expected",
      [](TinyModel& model) { model.rope_factors = {1}; });
  add("bias_too_long", Errc::corrupt, "'blk.0.attn_q.bias' has shape [9]; [8] expected",
      [](TinyModel& model) {
        model.biases = true;
        model.shapes["blk.0.attn_q.bias"] = {9};
      });

  // What is well-formed but not supported.
  edit("unknown_architecture", Errc::unsupported, "architecture 'abacus'",
       [](gguf_context* gguf) { gguf_set_val_str(gguf, "general.architecture", "abacus"); });
  edit("experts", Errc::unsupported, "llama.expert_count",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.expert_count", 8); });
  edit("not_causal", Errc::unsupported, "llama.attention.causal",
       [](gguf_context* gguf) { gguf_set_val_bool(gguf, "llama.attention.causal", false); });
  edit("values_of_other_dimension", Errc::unsupported, "llama.attention.value_length",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.attention.value_length", 8); });
  edit("rope_scaling_of_another_kind", Errc::unsupported, "'longrope'",
       [](gguf_context* gguf) { gguf_set_val_str(gguf, "llama.rope.scaling.type", "longrope"); });
  edit("alignment", Errc::unsupported, "general.alignment is 8",
       [](gguf_context* gguf) { gguf_set_val_u32(gguf, "general.alignment", 8); });
  return all;
}

/// What only models of two kinds of layers or with experts have.
std::vector<Case> cases_of_other_architectures() {
  std::vector<Case> all;
  const auto add = [&](const std::string& architecture, const std::string& name, Errc code,
                       const std::string& says, std::function<void(TinyModel&)> change) {
    all.push_back({architecture + "_" + name, code, says, [=](TinyModel& model) {
                     model = smallest(architecture, 2);
                     change(model);
                   }});
    std::ranges::replace(all.back().name, '-', '_');
  };
  const auto without = [&](const std::string& architecture, const std::string& name, const std::string& key) {
    add(architecture, name, Errc::corrupt, "key '" + architecture + "." + key + "' is missing",
        [=](TinyModel& model) {
          model.edit = [=](gguf_context* gguf) { gguf_remove_key(gguf, (architecture + "." + key).c_str()); };
        });
  };
  const auto integer = [&](const std::string& architecture, const std::string& name, const std::string& key,
                           std::uint32_t value, const std::string& says = "", Errc code = Errc::corrupt) {
    const std::string whole = architecture + "." + key;
    add(architecture, name, code, says.empty() ? "key '" + whole + "' is " + std::to_string(value) : says,
        [=](TinyModel& model) {
          model.edit = [=](gguf_context* gguf) { gguf_set_val_u32(gguf, whole.c_str(), value); };
        });
  };
  const auto shape = [&](const std::string& architecture, const std::string& name, const std::string& tensor,
                         std::vector<std::int64_t> other, const std::string& says) {
    add(architecture, name, Errc::corrupt, "tensor 'blk." + tensor + "' " + says,
        [=](TinyModel& model) { model.shapes["blk." + tensor] = other; });
  };
  const auto type = [&](const std::string& architecture, const std::string& name, const std::string& tensor,
                        ggml_type other, const std::string& says) {
    add(architecture, name, Errc::unsupported, "tensor 'blk." + tensor + "' has type " + says,
        [=](TinyModel& model) { model.types["blk." + tensor] = other; });
  };

  without("qwen3moe", "no_count", "expert_count");
  without("qwen3moe", "no_used_count", "expert_used_count");
  without("qwen3moe", "no_width", "expert_feed_forward_length");
  integer("qwen3moe", "no_experts", "expert_count", 0);
  integer("qwen3moe", "huge_count", "expert_count", UINT32_MAX);
  integer("qwen3moe", "none_used", "expert_used_count", 0);
  integer("qwen3moe", "more_used_than_there_are", "expert_used_count", 5);
  integer("qwen3moe", "width_of_zero", "expert_feed_forward_length", 0);
  shape("qwen3moe", "no_router", "0.ffn_gate_inp.weight", {}, "of shape [8, 4] is missing");
  shape("qwen3moe", "no_up", "1.ffn_up_exps.weight", {}, "of shape [8, 4, 4] is missing");
  shape("qwen3moe", "fewer_experts", "1.ffn_down_exps.weight", {4, 8, 3}, "has shape [4, 8, 3]; [4, 8, 4]");
  shape("qwen3moe", "experts_in_a_row", "0.ffn_gate_exps.weight", {8, 16}, "has shape [8, 16]; [8, 4, 4]");
  type("qwen3moe", "experts_of_integers", "0.ffn_gate_exps.weight", GGML_TYPE_I32, "i32");

  integer("gpt-oss", "window_of_zero", "attention.sliding_window", 0, "'gpt-oss.attention.sliding_window'");
  add("gpt-oss", "no_window", Errc::corrupt, "'gpt-oss.attention.sliding_window'", [](TinyModel& model) {
    model.edit = [](gguf_context* gguf) { gguf_remove_key(gguf, "gpt-oss.attention.sliding_window"); };
  });
  integer("gpt-oss", "huge_window", "attention.sliding_window", UINT32_MAX);
  integer("gpt-oss", "period_of_zero", "attention.sliding_window_pattern", 0);
  shape("gpt-oss", "no_sinks", "0.attn_sinks.weight", {}, "of shape [2] is missing");
  shape("gpt-oss", "sinks_of_more_heads", "1.attn_sinks.weight", {3}, "has shape [3]; [2] expected");
  shape("gpt-oss", "bias_of_fewer_experts", "0.ffn_up_exps.bias", {4, 3}, "has shape [4, 3]; [4, 4]");
  shape("gpt-oss", "router_bias_too_long", "0.ffn_gate_inp.bias", {5}, "has shape [5]; [4] expected");
  type("gpt-oss", "bias_of_halves", "0.ffn_down_exps.bias", GGML_TYPE_F16, "f16; f32 expected");

  integer("gemma3", "period_of_zero", "attention.sliding_window_pattern", 0);
  shape("gemma3", "no_last_norm", "1.post_ffw_norm.weight", {}, "of shape [8] is missing");
  add("gemma3", "capped_logits", Errc::unsupported, "gemma3.final_logit_softcapping", [](TinyModel& model) {
    model.edit = [](gguf_context* gguf) { gguf_set_val_f32(gguf, "gemma3.final_logit_softcapping", 30); };
  });

  for (const std::string key : {"conv_kernel", "group_count", "time_step_rank", "state_size", "inner_size"})
    without("qwen35", "no_" + key, "ssm." + key);
  integer("qwen35", "convolution_of_one", "ssm.conv_kernel", 1);
  integer("qwen35", "convolution_too_long", "ssm.conv_kernel", 100);
  integer("qwen35", "no_key_heads", "ssm.group_count", 0);
  integer("qwen35", "key_heads_do_not_divide", "ssm.group_count", 3,
          "2 value heads cannot share 3 key heads");
  integer("qwen35", "huge_states", "ssm.state_size", UINT32_MAX);
  integer("qwen35", "values_unlike_keys", "ssm.inner_size", 4, "'qwen35.ssm.inner_size'", Errc::unsupported);
  integer("qwen35", "part_of_a_value", "ssm.inner_size", 9, "'qwen35.ssm.inner_size'", Errc::unsupported);
  integer("qwen35", "interval_of_zero", "full_attention_interval", 0);
  add("qwen35", "list_of_fewer_layers", Errc::corrupt, "qwen35.attention.recurrent_layers",
      [](TinyModel& model) {
        model.edit = [](gguf_context* gguf) {
          const bool recurrent[] = {true};
          gguf_set_arr_data(gguf, "qwen35.attention.recurrent_layers", GGUF_TYPE_BOOL, recurrent, 1);
        };
      });
  shape("qwen35", "no_decay", "0.ssm_a", {}, "of shape [2] is missing");
  shape("qwen35", "convolution_of_other_channels", "0.ssm_conv1d.weight", {4, 15},
        "has shape [4, 15]; [4, 16]");
  shape("qwen35", "convolution_of_another_kernel", "0.ssm_conv1d.weight", {3, 16},
        "has shape [3, 16]; [4, 16]");
  shape("qwen35", "values_missing", "0.attn_qkv.weight", {8, 8}, "has shape [8, 8]; [8, 16] expected");
  shape("qwen35", "queries_without_gates", "1.attn_q.weight", {8, 8}, "has shape [8, 8]; [8, 16] expected");
  type("qwen35", "convolution_of_halves", "0.ssm_conv1d.weight", GGML_TYPE_F16, "f16; f32 expected");

  shape("qwen3next", "beta_without_alpha", "0.ssm_ba.weight", {8, 2}, "has shape [8, 2]; [8, 4] expected");
  without("qwen35moe", "no_shared_width", "expert_shared_feed_forward_length");
  shape("qwen35moe", "no_shared_gate", "0.ffn_gate_inp_shexp.weight", {}, "of shape [8] is missing");
  shape("qwen35moe", "shared_too_wide", "1.ffn_up_shexp.weight", {8, 5}, "has shape [8, 5]; [8, 4] expected");
  integer("qwen35moe", "shared_width_beyond_integers", "expert_shared_feed_forward_length", UINT32_MAX);
  return all;
}

class BrokenFile : public ::testing::TestWithParam<Case> {};

TEST_P(BrokenFile, IsRefusedByName) {
  const Case& c = GetParam();
  TinyModel model = smallest();
  c.change(model);
  const Error error = refusal_of(model);
  EXPECT_EQ(error.code, c.code) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr(c.says), HasSubstr(".gguf: ")));
}

INSTANTIATE_TEST_SUITE_P(Cases, BrokenFile, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(OtherArchitectures, BrokenFile, ::testing::ValuesIn(cases_of_other_architectures()),
                         [](const auto& test) { return test.param.name; });

TEST(ModelLoad, RefusesWhatIsNotAFile) {
  EXPECT_EQ(refusal("/nowhere/at/all.gguf").code, Errc::io);
  EXPECT_THAT(refusal("/nowhere/at/all.gguf").message, HasSubstr("/nowhere/at/all.gguf"));
  EXPECT_EQ(refusal(::testing::TempDir()).code, Errc::io);
  EXPECT_EQ(refusal("/dev/null").code, Errc::io);
}

TEST(ModelLoad, RefusesWhatIsNotGguf) {
  const TemporaryFile file("gguf");
  for (const std::string_view bytes : {"", "G", "GGUF", "GGUF\3\0\0\0", "PK\3\4 something else altogether"}) {
    write_bytes(file.path(), bytes);
    EXPECT_EQ(refusal(file.path()).code, Errc::corrupt) << bytes;
  }
}

TEST(ModelLoad, IgnoresTensorsThatItDoesNotKnow) {
  const TemporaryFile file("gguf");
  TinyModel model = smallest("llama", 2);
  model.edit = [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.block_count", 1); };
  write_tiny_model(model, file.path());
  EXPECT_TRUE(Model::load(file.path()));
}

TEST(ModelLoad, RefusesAFileThatEndsAnywhere) {
  const TemporaryFile file("gguf");
  write_tiny_model(smallest(), file.path());
  const std::string whole = read_bytes(file.path());
  ASSERT_TRUE(Model::load(file.path()));
  const std::size_t data = metadata_size(file.path());
  // Whatever follows the last tensor pads the file.
  for (std::size_t size = whole.size() - 32; size-- > 0;) {
    std::filesystem::resize_file(file.path(), size);
    const Error error = refusal(file.path());
    ASSERT_EQ(error.code, Errc::corrupt) << "at " << size << ": " << error.message;
    if (size >= data) {
      ASSERT_THAT(error.message, HasSubstr("the file ends inside tensor '")) << size;
    }
  }
}

class DamagedFile : public ::testing::TestWithParam<std::string> {};

TEST_P(DamagedFile, DoesNoHarm) {
  const TemporaryFile file("gguf");
  write_tiny_model(smallest(GetParam(), 2), file.path());
  ASSERT_TRUE(Model::load(file.path()));
  const std::string whole = read_bytes(file.path());
  const std::size_t metadata = metadata_size(file.path());
  constexpr std::uint32_t kSeed = 7;
  std::mt19937 random(kSeed);
  SCOPED_TRACE(kSeed);
  const unsigned char likely[] = {0, 1, 2, 9, 0x20, 0x7f, 0x80, 0xff};
  for (int round = 0; round < scaled(500); ++round) {
    std::string damaged = whole;
    for (std::uint32_t left = 1 + random() % 4; left > 0; --left) {
      const std::size_t at = random() % metadata;
      damaged[at] = static_cast<char>(random() % 2 == 0 ? likely[random() % std::size(likely)] : random());
    }
    write_bytes(file.path(), damaged);
    // Some damage is harmless, say to a name that no one reads.
    if (const auto model = Model::load(file.path()); !model) {
      EXPECT_FALSE(model.error().message.empty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, DamagedFile,
                         ::testing::Values("llama", "gemma3", "gpt-oss", "qwen3next", "qwen35moe"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace banyan::test
