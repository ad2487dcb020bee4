#include "support/tiny_model.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <initializer_list>
#include <random>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace banyan::test {
namespace {

/// GPT-2's printable stand-ins for the 256 bytes, in UTF-8.
std::vector<std::string> byte_alphabet() {
  std::vector<std::string> alphabet;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte < 127) || (byte >= 161 && byte < 173) || byte >= 174;
    const int code = printable ? byte : next++;
    if (code < 128) {
      alphabet.emplace_back(1, static_cast<char>(code));
    } else {
      alphabet.push_back({static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))});
    }
  }
  return alphabet;
}

void add_tokenizer(gguf_context* gguf, int vocabulary) {
  constexpr std::int32_t kNormal = 1;
  constexpr std::int32_t kControl = 3;
  std::vector<std::string> tokens = byte_alphabet();
  tokens.insert(tokens.end(), {"he", "th"});
  while (static_cast<int>(tokens.size()) < vocabulary)
    tokens.push_back("<t" + std::to_string(tokens.size()) + ">");
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  types.back() = kControl;
  std::vector<const char*> texts;
  for (const std::string& token : tokens) texts.push_back(token.c_str());
  const char* merges[] = {"h e", "t h"};
  gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
  gguf_set_val_str(gguf, "tokenizer.ggml.pre", "qwen2");
  gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", texts.data(), texts.size());
  gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
  gguf_set_arr_str(gguf, "tokenizer.ggml.merges", merges, std::size(merges));
  gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(tokens.size() - 1));
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", false);
}

class Writer {
 public:
  explicit Writer(const TinyModel& model)
      : model_(&model),
        random_(model.seed),
        gguf_(gguf_init_empty()),
        context_(ggml_init(
            {.mem_size = kMostTensors * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true})) {}

  void write(const std::string& path) {
    metadata();
    tensors();
    if (model_->edit) model_->edit(gguf_.get());
    if (!gguf_write_to_file(gguf_.get(), path.c_str(), false))
      throw std::runtime_error("cannot write " + path);
  }

 private:
  static constexpr std::size_t kMostTensors = 4096;

  bool is(std::initializer_list<std::string_view> architectures) const {
    return std::ranges::find(architectures, model_->architecture) != architectures.end();
  }
  bool has_recurrence() const { return is({"qwen3next", "qwen35", "qwen35moe"}); }
  bool has_experts() const { return is({"gpt-oss", "qwen3moe", "qwen3next", "qwen35moe"}); }
  bool has_shared_expert() const { return is({"qwen3next", "qwen35moe"}); }

  void set(const char* key, int value) {
    gguf_set_val_u32(gguf_.get(), (model_->architecture + "." + key).c_str(),
                     static_cast<std::uint32_t>(value));
  }
  void set_real(const char* key, float value) {
    gguf_set_val_f32(gguf_.get(), (model_->architecture + "." + key).c_str(), value);
  }

  void metadata() {
    const TinyModel& m = *model_;
    gguf_set_val_str(gguf_.get(), "general.architecture", m.architecture.c_str());
    gguf_set_val_str(gguf_.get(), "general.name", "tiny");
    set("block_count", m.layers);
    set("context_length", m.context);
    set("embedding_length", m.embedding);
    if (!is({"qwen35moe"})) set("feed_forward_length", m.feed_forward);
    set("attention.head_count", m.query_heads);
    set("attention.head_count_kv", m.kv_heads);
    set("attention.key_length", m.head_dim);
    set("attention.value_length", m.head_dim);
    set_real("attention.layer_norm_rms_epsilon", 1e-6f);
    if (is({"gemma3", "gpt-oss"})) {
      set("attention.sliding_window", m.window);
      set("attention.sliding_window_pattern", m.full_interval);
    }
    if (is({"gemma3"})) {
      set_real("rope.freq_base", 1e6f);
      set_real("rope.freq_base_swa", 1e4f);
    }
    if (is({"gpt-oss"})) {
      gguf_set_val_str(gguf_.get(), "gpt-oss.rope.scaling.type", "yarn");
      set_real("rope.freq_base", 150000);
      set_real("rope.scaling.factor", 32);
      set("rope.scaling.original_context_length", 64);
    }
    if (has_recurrence()) recurrence_metadata();
    if (has_experts()) {
      set("expert_count", m.experts);
      set("expert_used_count", m.experts_used);
      set("expert_feed_forward_length", m.expert_feed_forward);
    }
    if (has_shared_expert()) set("expert_shared_feed_forward_length", m.shared_feed_forward);
    if (m.vocabulary >= 258) add_tokenizer(gguf_.get(), m.vocabulary);
  }

  void recurrence_metadata() {
    const TinyModel& m = *model_;
    set("full_attention_interval", m.full_interval);
    set("ssm.conv_kernel", m.conv_kernel);
    set("ssm.state_size", m.state_dim);
    set("ssm.group_count", m.key_heads);
    set("ssm.time_step_rank", m.value_heads);
    set("ssm.inner_size", m.value_heads * m.state_dim);
    // Only half of a head's dimensions are rotated.
    set("rope.dimension_count", m.head_dim / 2);
    if (is({"qwen35", "qwen35moe"})) {
      // How the pairs are shared out to time, height and width, which text does not tell apart.
      const std::int32_t pairs = m.head_dim / 4;
      const std::int32_t time = (pairs + 2) / 3;
      const std::int32_t height = (pairs - time + 1) / 2;
      const std::int32_t sections[] = {time, height, pairs - time - height, 0};
      const std::string key = m.architecture + ".rope.dimension_sections";
      gguf_set_arr_data(gguf_.get(), key.c_str(), GGUF_TYPE_INT32, sections, std::size(sections));
    }
  }

  void tensors() {
    const TinyModel& m = *model_;
    matrix("token_embd", m.embedding, m.vocabulary, std::sqrt(static_cast<float>(m.embedding)), false);
    if (!m.tied) matrix("output", m.embedding, m.vocabulary, 3, false);
    vector("output_norm.weight", m.embedding, 1);
    if (!m.rope_factors.empty()) {
      tensor("rope_freqs.weight", GGML_TYPE_F32, {static_cast<std::int64_t>(m.rope_factors.size())},
             m.rope_factors);
    }
    for (int layer = 0; layer < m.layers; ++layer) {
      const std::string block = "blk." + std::to_string(layer) + ".";
      const bool full = (layer + 1) % m.full_interval == 0;
      vector(block + "attn_norm.weight", m.embedding, 1);
      if (is({"gemma3", "gpt-oss"}) || has_recurrence())
        vector(block + "post_attention_norm.weight", m.embedding, 1);
      if (is({"llama", "qwen2", "qwen3", "qwen3moe", "gemma3"}))
        vector(block + "ffn_norm.weight", m.embedding, 1);
      if (is({"gemma3"})) vector(block + "post_ffw_norm.weight", m.embedding, 1);
      if (has_recurrence() && !full) {
        recurrence(block);
      } else {
        attention(block);
      }
      if (has_experts()) {
        experts(block);
      } else {
        feed_forward(block, "", m.feed_forward);
      }
    }
  }

  void attention(const std::string& block) {
    const TinyModel& m = *model_;
    const int queries = m.query_heads * m.head_dim;
    const int keys = m.kv_heads * m.head_dim;
    const bool biases = m.biases || is({"gpt-oss"});
    if (is({"qwen3", "qwen3moe", "gemma3"}) || has_recurrence()) {
      vector(block + "attn_q_norm.weight", m.head_dim, 1);
      vector(block + "attn_k_norm.weight", m.head_dim, 1);
    }
    // Near the largest of the scores.
    if (is({"gpt-oss"})) vector(block + "attn_sinks.weight", m.query_heads, 6);
    // Wide queries and keys, so that attention is sharp and positions matter.
    matrix(block + "attn_q", m.embedding, has_recurrence() ? 2 * queries : queries, 2, biases);
    matrix(block + "attn_k", m.embedding, keys, 2, biases);
    matrix(block + "attn_v", m.embedding, keys, 1, biases);
    matrix(block + "attn_output", queries, m.embedding, 1, biases && is({"llama", "gpt-oss"}));
  }

  void recurrence(const std::string& block) {
    const TinyModel& m = *model_;
    const int values = m.value_heads * m.state_dim;
    const int channels = 2 * m.key_heads * m.state_dim + values;
    matrix(block + "attn_qkv", m.embedding, channels, 1, false);
    matrix(block + "attn_gate", m.embedding, values, 1, false);
    if (is({"qwen3next"})) {
      matrix(block + "ssm_ba", m.embedding, 2 * m.value_heads, 1, false);
    } else {
      matrix(block + "ssm_beta", m.embedding, m.value_heads, 1, false);
      matrix(block + "ssm_alpha", m.embedding, m.value_heads, 1, false);
    }
    normal(block + "ssm_conv1d.weight", GGML_TYPE_F32, {m.conv_kernel, channels}, 0, 0.5f);
    // Together, the state loses a tenth or so with each token.
    vector(block + "ssm_a", m.value_heads, -1);
    vector(block + "ssm_dt.bias", m.value_heads, -2);
    vector(block + "ssm_norm.weight", m.state_dim, 1);
    matrix(block + "ssm_out", values, m.embedding, 1, false);
  }

  void feed_forward(const std::string& block, const std::string& suffix, int width) {
    matrix(block + "ffn_gate" + suffix, model_->embedding, width, 1, model_->feed_forward_biases);
    matrix(block + "ffn_up" + suffix, model_->embedding, width, 1, model_->feed_forward_biases);
    matrix(block + "ffn_down" + suffix, width, model_->embedding, 1, model_->feed_forward_biases);
  }

  void experts(const std::string& block) {
    const TinyModel& m = *model_;
    // Wide, so that rounding does not change which experts are chosen.
    normal(block + "ffn_gate_inp.weight", GGML_TYPE_F32, {m.embedding, m.experts}, 0,
           3 / std::sqrt(static_cast<float>(m.embedding)));
    if (is({"gpt-oss"})) vector(block + "ffn_gate_inp.bias", m.experts, 0);
    // gpt-oss limits what gates and up give to 7.
    const float spread = is({"gpt-oss"}) ? 4 : 1;
    if (m.fused_experts) {
      expert_matrix(block + "ffn_gate_up_exps", m.embedding, 2 * m.expert_feed_forward, spread);
    } else {
      expert_matrix(block + "ffn_gate_exps", m.embedding, m.expert_feed_forward, spread);
      expert_matrix(block + "ffn_up_exps", m.embedding, m.expert_feed_forward, spread);
    }
    expert_matrix(block + "ffn_down_exps", m.expert_feed_forward, m.embedding, 1);
    if (has_shared_expert()) {
      normal(block + "ffn_gate_inp_shexp.weight", GGML_TYPE_F32, {m.embedding}, 0,
             1 / std::sqrt(static_cast<float>(m.embedding)));
      feed_forward(block, "_shexp", m.shared_feed_forward);
    }
  }

  /// NAME.weight such that inputs of size one give outputs of size `spread`; and NAME.bias, NAME.scale.
  void matrix(const std::string& name, int in, int out, float spread, bool bias) {
    normal(name + ".weight", model_->type, {in, out}, 0, spread / std::sqrt(static_cast<float>(in)));
    if (bias) vector(name + ".bias", out, 0);
    if (model_->scales && name.starts_with("blk.")) vector(name + ".scale", 1, 1);
  }

  void expert_matrix(const std::string& name, int in, int out, float spread) {
    const TinyModel& m = *model_;
    normal(name + ".weight", m.expert_type.value_or(m.type), {in, out, m.experts}, 0,
           spread / std::sqrt(static_cast<float>(in)));
    if (is({"gpt-oss"})) normal(name + ".bias", GGML_TYPE_F32, {out, m.experts}, 0, 0.2f);
    if (m.scales) vector(name + ".scale", m.experts, 1);
  }

  void vector(const std::string& name, int n, float mean) { normal(name, GGML_TYPE_F32, {n}, mean, 0.2f); }

  void normal(const std::string& name, ggml_type type, std::vector<std::int64_t> shape, float mean,
              float deviation) {
    std::normal_distribution<float> distribution(mean, deviation);
    std::size_t count = 1;
    for (const std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    tensor(name, type, std::move(shape), std::move(values));
  }

  void tensor(const std::string& name, ggml_type type, std::vector<std::int64_t> shape,
              std::vector<float> values) {
    if (const auto other = model_->types.find(name); other != model_->types.end()) type = other->second;
    if (const auto other = model_->shapes.find(name); other != model_->shapes.end()) shape = other->second;
    if (shape.empty()) return;
    ggml_tensor* tensor = ggml_new_tensor(context_.get(), type, static_cast<int>(shape.size()), shape.data());
    ggml_set_name(tensor, name.c_str());
    values.resize(static_cast<std::size_t>(ggml_nelements(tensor)));
    data_.emplace_back().reserve(1);  // ggml wants an address even of nothing
    data_.back().resize(ggml_nbytes(tensor));
    if (slow_to_quantise(type)) {
      fill_with_random_blocks(type, data_.back());
    } else if (type == GGML_TYPE_F32 || ggml_get_type_traits(type)->to_float != nullptr) {
      const std::vector<float> importance(static_cast<std::size_t>(shape[0]), 1);
      ggml_quantize_chunk(type, values.data(), data_.back().data(), 0, ggml_nrows(tensor), shape[0],
                          importance.data());
    }
    tensor->data = data_.back().data();
    gguf_add_tensor(gguf_.get(), tensor);
  }

  /// Types for which ggml first builds tables for seconds.
  static bool slow_to_quantise(ggml_type type) {
    return type == GGML_TYPE_IQ1_S || type == GGML_TYPE_IQ1_M || type == GGML_TYPE_IQ2_XXS ||
           type == GGML_TYPE_IQ2_XS || type == GGML_TYPE_IQ2_S;
  }

  /// Any bits are a valid block of these types; the scale is made one near 0.01.
  void fill_with_random_blocks(ggml_type type, std::vector<std::byte>& blocks) {
    for (std::byte& b : blocks) b = static_cast<std::byte>(random_());
    const std::size_t size = ggml_type_size(type);
    for (std::size_t block = 0; block < blocks.size(); block += size) {
      // The scale is a block's first number, but IQ1_M spreads it over the last bytes' upper halves.
      std::byte& high = blocks[block + (type == GGML_TYPE_IQ1_M ? size - 1 : 1)];
      high = std::byte{0x20} | (high & std::byte{0x0f});
    }
  }

  const TinyModel* model_;
  std::mt19937 random_;
  gguf_context_ptr gguf_;
  ggml_context_ptr context_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace

void write_tiny_model(const TinyModel& model, const std::string& path) { Writer(model).write(path); }

std::vector<std::string> split_model(const std::string& path, const std::string& prefix, int parts,
                                     bool keys_alone,
                                     const std::function<void(gguf_context*, int part)>& edit) {
  ggml_context* data = nullptr;
  const gguf_context_ptr whole(gguf_init_from_file(path.c_str(), {.no_alloc = false, .ctx = &data}));
  const ggml_context_ptr context(data);
  if (!whole) throw std::runtime_error("cannot read " + path);
  const std::int64_t tensors = gguf_get_n_tensors(whole.get());
  const int with_tensors = keys_alone ? parts - 1 : parts;
  std::vector<std::string> paths;
  for (int part = 0; part < parts; ++part) {
    const gguf_context_ptr gguf(gguf_init_empty());
    if (part == 0) gguf_set_kv(gguf.get(), whole.get());
    gguf_set_val_u16(gguf.get(), "split.no", static_cast<std::uint16_t>(part));
    gguf_set_val_u16(gguf.get(), "split.count", static_cast<std::uint16_t>(parts));
    gguf_set_val_i32(gguf.get(), "split.tensors.count", static_cast<std::int32_t>(tensors));
    for (std::int64_t id = 0; id < tensors; ++id) {
      if (id * with_tensors / tensors + (keys_alone ? 1 : 0) != part) continue;
      gguf_add_tensor(gguf.get(), ggml_get_tensor(context.get(), gguf_get_tensor_name(whole.get(), id)));
    }
    if (edit) edit(gguf.get(), part);
    paths.push_back(std::format("{}-{:05}-of-{:05}.gguf", prefix, part + 1, parts));
    if (!gguf_write_to_file(gguf.get(), paths.back().c_str(), false))
      throw std::runtime_error("cannot write " + paths.back());
  }
  return paths;
}

}  // namespace banyan::test
