// What a loaded model says of itself.
#include "banyan/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/segment.h"
#include "banyan/window_state.h"
#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Model, DescribesItself) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.architecture = "qwen2";
  tiny.layers = 3;
  tiny.type = GGML_TYPE_Q8_0;
  tiny.tied = true;
  tiny.edit = [](gguf_context* gguf) { gguf_set_val_str(gguf, "tokenizer.chat_template", "{{ messages }}"); };
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;

  const ModelInfo& info = (*model)->info();
  EXPECT_EQ(info.path, file.path());
  EXPECT_EQ(info.architecture, "qwen2");
  EXPECT_EQ(info.name, "tiny");
  EXPECT_EQ(info.quantization, "Q8_0");
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(file.path()));
  EXPECT_EQ(info.vocabulary, tiny.vocabulary);
  EXPECT_EQ(info.context, tiny.context);
  EXPECT_EQ(info.embedding, tiny.embedding);
  EXPECT_EQ(info.layers, tiny.layers);
  EXPECT_EQ(info.query_heads, tiny.query_heads);
  EXPECT_EQ(info.kv_heads, tiny.kv_heads);
  EXPECT_EQ(info.key_dim, tiny.head_dim);
  EXPECT_EQ(info.value_dim, tiny.head_dim);
  EXPECT_EQ(info.chat_template, "{{ messages }}");
  const int attention = 2 * tiny.embedding * tiny.head_dim * (tiny.query_heads + tiny.kv_heads);
  const int layer = attention + 3 * tiny.embedding * tiny.feed_forward + 2 * tiny.embedding;
  EXPECT_EQ(info.parameters, tiny.vocabulary * tiny.embedding + tiny.embedding + tiny.layers * layer);
}

TEST(Model, IsCalledAsItsFileWhenItHasNoName) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.edit = [](gguf_context* gguf) { gguf_remove_key(gguf, "general.name"); };
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->info().name, std::filesystem::path(file.path()).filename());
  EXPECT_EQ((*model)->info().chat_template, "");
}

TEST(Model, ListsItsTensorsAndMetadata) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.architecture = "llama";
  tiny.edit = [](gguf_context* gguf) {
    const float numbers[] = {1, 2.5, 3};
    gguf_set_arr_data(gguf, "some.numbers", GGUF_TYPE_FLOAT32, numbers, 3);
    gguf_set_val_u64(gguf, "some.large", UINT64_MAX);
    gguf_set_val_i8(gguf, "some.small", -1);
  };
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;

  const auto tensors = (*model)->tensors();
  ASSERT_EQ(tensors.size(), 3 + 9 * tiny.layers);
  EXPECT_EQ(tensors[0].name, "token_embd.weight");
  EXPECT_EQ(tensors[0].type, "F32");
  EXPECT_THAT(tensors[0].shape, ElementsAre(tiny.embedding, tiny.vocabulary));
  EXPECT_EQ(tensors[0].bytes, 4 * tiny.embedding * tiny.vocabulary);
  EXPECT_EQ(tensors[2].name, "output_norm.weight");
  EXPECT_THAT(tensors[2].shape, ElementsAre(tiny.embedding));

  const auto metadata = (*model)->metadata();
  EXPECT_THAT(metadata, Contains(Pair("general.architecture", "llama")));
  EXPECT_THAT(metadata, Contains(Pair("llama.block_count", "2")));
  EXPECT_THAT(metadata, Contains(Pair("tokenizer.ggml.add_bos_token", "false")));
  EXPECT_THAT(metadata, Contains(Pair("tokenizer.ggml.merges", "[\"h e\", \"t h\"]")));
  EXPECT_THAT(metadata, Contains(Pair("some.numbers", "[1, 2.5, 3]")));
  EXPECT_THAT(metadata, Contains(Pair("some.large", "18446744073709551615")));
  EXPECT_THAT(metadata, Contains(Pair("some.small", "-1")));
  EXPECT_THAT(metadata,
              Contains(Pair("tokenizer.ggml.token_type", "[1, 1, 1, 1, 1, 1, 1, 1, ...] (288 in all)")));
}

TEST(Model, HasOneGroupOfAttentionLayers) {
  const TemporaryFile file("gguf");
  const TinyModel tiny;
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;
  for (const KvType type : kKvTypes) {
    const auto groups = (*model)->layer_groups(type);
    ASSERT_EQ(groups.size(), 1);
    const auto* group = dynamic_cast<const AttentionGroup*>(groups[0].get());
    ASSERT_NE(group, nullptr);
    EXPECT_EQ(group->layout(), (KvLayout{tiny.layers, tiny.kv_heads, tiny.head_dim, tiny.head_dim, type}));
  }
}

TEST(Model, HasAGroupForEachKindOfLayer) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.layers = 8;
  tiny.full_interval = 4;
  const auto groups_of = [&](const std::string& architecture) {
    tiny.architecture = architecture;
    write_tiny_model(tiny, file.path());
    const auto model = Model::load(file.path());
    EXPECT_TRUE(model) << model.error().message;
    return (*model)->layer_groups(KvType::f16);
  };
  const auto kv_layout = [&](int layers) {
    return KvLayout{layers, tiny.kv_heads, tiny.head_dim, tiny.head_dim, KvType::f16};
  };
  for (const std::string architecture : {"gemma3", "gpt-oss"}) {
    const auto groups = groups_of(architecture);
    ASSERT_EQ(groups.size(), 2);
    EXPECT_EQ(dynamic_cast<const AttentionGroup&>(*groups[0]).layout(), kv_layout(2));
    const auto& windows = dynamic_cast<const WindowGroup&>(*groups[1]);
    EXPECT_EQ(windows.layout(), kv_layout(6));
    EXPECT_EQ(windows.window(), tiny.window);
  }
  for (const std::string architecture : {"qwen35", "qwen35moe", "qwen3next"}) {
    const auto groups = groups_of(architecture);
    ASSERT_EQ(groups.size(), 2);
    EXPECT_EQ(dynamic_cast<const AttentionGroup&>(*groups[0]).layout(), kv_layout(2));
    const int channels = (2 * tiny.key_heads + tiny.value_heads) * tiny.state_dim;
    EXPECT_EQ(dynamic_cast<const RecurrentGroup&>(*groups[1]).layout(),
              (RecurrentLayout{6, tiny.conv_kernel - 1, channels, tiny.value_heads, tiny.state_dim,
                               tiny.state_dim}));
  }
  tiny.window = 0;
  const auto no_windows = groups_of("gemma3");
  ASSERT_EQ(no_windows.size(), 1);
  EXPECT_EQ(no_windows[0]->layer_count(), 8);
}

TEST(Model, SlidingWindowLayersHoldAWindowOfALongConversation) {
  const auto model = Model::load(BANYAN_TEST_DATA "/tally-gemma3-f16.gguf");
  ASSERT_TRUE(model) << model.error().message;
  const auto groups = (*model)->layer_groups(KvType::f16);
  ASSERT_EQ(groups.size(), 2);
  const auto& layout = dynamic_cast<const WindowGroup&>(*groups[1]).layout();
  ASSERT_EQ(layout.bytes_per_token(), 5120);
  constexpr std::size_t kWindow = 128;
  constexpr std::size_t kSegment = SegmentPath::kLeastSegmentTokens;
  constexpr std::size_t kStep = 50;
  // A window may begin inside a segment and end inside another.
  const std::size_t bytes_of_window = (kWindow + 2 * kSegment) * layout.bytes_per_token();

  const std::vector<std::size_t> plans[] = {{}, {1000}, {1000, 2500, 2510}};
  for (const std::vector<std::size_t>& captures : plans) {
    Budget budget(std::size_t{1} << 30);
    const auto state = groups[1]->resume({}, 0, budget);
    for (const std::size_t offset : captures) state->schedule_capture(offset);
    std::size_t most = 0;
    while (state->tokens() < 4000) {
      ASSERT_TRUE(state->reserve(kStep));
      most = std::max(most, budget.used());
      state->commit(kStep);
    }
    EXPECT_LE(budget.used(), (1 + captures.size()) * bytes_of_window);
    EXPECT_LE(most, (1 + captures.size()) * bytes_of_window + 2 * kSegment * layout.bytes_per_token());
  }
}

TEST(Model, LeavesLayersOutThatPredictFurtherTokens) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.architecture = "qwen35";
  tiny.layers = 4;
  tiny.edit = [](gguf_context* gguf) { gguf_set_val_u32(gguf, "qwen35.nextn_predict_layers", 1); };
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->info().layers, 3);
  const auto groups = (*model)->layer_groups(KvType::f16);
  ASSERT_EQ(groups.size(), 2);
  EXPECT_EQ(groups[0]->layer_count(), 1);
  EXPECT_EQ(groups[1]->layer_count(), 2);
}

TEST(Model, PrefersTheListOfItsRecurrentLayersToTheirInterval) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.architecture = "qwen35";
  tiny.layers = 4;
  tiny.full_interval = 4;
  tiny.edit = [](gguf_context* gguf) {
    gguf_set_val_u32(gguf, "qwen35.full_attention_interval", 1);
    const bool recurrent[] = {true, true, true, false};
    gguf_set_arr_data(gguf, "qwen35.attention.recurrent_layers", GGUF_TYPE_BOOL, recurrent, 4);
  };
  write_tiny_model(tiny, file.path());
  const auto model = Model::load(file.path());
  ASSERT_TRUE(model) << model.error().message;
  const auto groups = (*model)->layer_groups(KvType::f16);
  ASSERT_EQ(groups.size(), 2);
  EXPECT_EQ(groups[1]->layer_count(), 3);
}

TEST(Model, ReportsItsLoadingAndStopsWhenAsked) {
  const TemporaryFile file("gguf");
  TinyModel tiny;
  tiny.embedding = tiny.feed_forward = 256;
  tiny.type = GGML_TYPE_Q4_0;  // some of which goes to a layout of its own
  write_tiny_model(tiny, file.path());
  std::vector<float> reports;
  ASSERT_TRUE(Model::load(file.path(), {.progress = [&](float done) {
                            reports.push_back(done);
                            return true;
                          }}));
  EXPECT_EQ(reports.front(), 0);
  EXPECT_EQ(reports.back(), 1);
  EXPECT_TRUE(std::ranges::is_sorted(reports));

  for (std::size_t stop = 0; stop < reports.size(); stop += 5) {
    std::size_t calls = 0;
    const auto model = Model::load(file.path(), {.progress = [&](float) { return calls++ < stop; }});
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, Errc::cancelled);
    EXPECT_EQ(calls, stop + 1);
  }
}

}  // namespace
}  // namespace banyan::test
