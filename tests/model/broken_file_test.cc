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

/// A model of few bytes, without a tokenizer.
TinyModel smallest() {
  TinyModel model;
  model.architecture = "llama";
  model.layers = 1;
  model.embedding = 8;
  model.query_heads = 2;
  model.kv_heads = 1;
  model.head_dim = 4;
  model.feed_forward = 8;
  model.vocabulary = 16;
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

/// Where the tensors' data begins in a file of smallest().
std::size_t metadata_size(const std::string& file) {
  constexpr std::string_view kLast = "blk.0.ffn_down.weight";
  // The last tensor's name, number of dimensions, two dimensions, type and offset, then padding.
  const std::size_t end = file.find(kLast) + kLast.size() + 4 + 2 * 8 + 4 + 8;
  return (end + 31) / 32 * 32;
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
  edit("split", Errc::unsupported, "split.count",
       [](gguf_context* gguf) { gguf_set_val_u16(gguf, "split.count", 2); });
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
  TinyModel model = smallest();
  model.architecture = "llama";
  model.layers = 2;
  model.edit = [](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.block_count", 1); };
  write_tiny_model(model, file.path());
  EXPECT_TRUE(Model::load(file.path()));
}

TEST(ModelLoad, RefusesAFileThatEndsAnywhere) {
  const TemporaryFile file("gguf");
  write_tiny_model(smallest(), file.path());
  const std::string whole = read_bytes(file.path());
  ASSERT_TRUE(Model::load(file.path()));
  const std::size_t data = metadata_size(whole);
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

TEST(ModelLoad, SurvivesAnyDamage) {
  const TemporaryFile file("gguf");
  write_tiny_model(smallest(), file.path());
  const std::string whole = read_bytes(file.path());
  const std::size_t metadata = metadata_size(whole);
  constexpr std::uint32_t kSeed = 7;
  std::mt19937 random(kSeed);
  SCOPED_TRACE(kSeed);
  const unsigned char likely[] = {0, 1, 2, 9, 0x20, 0x7f, 0x80, 0xff};
  for (int round = 0; round < scaled(1000); ++round) {
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

}  // namespace
}  // namespace banyan::test
