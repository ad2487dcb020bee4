#include "support/tiny_model.h"

#include <cmath>
#include <random>
#include <stdexcept>

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

  void metadata() {
    gguf_context* gguf = gguf_.get();
    const std::string prefix = model_->architecture + ".";
    const auto set = [&](const char* key, int value) {
      gguf_set_val_u32(gguf, (prefix + key).c_str(), static_cast<std::uint32_t>(value));
    };
    gguf_set_val_str(gguf, "general.architecture", model_->architecture.c_str());
    gguf_set_val_str(gguf, "general.name", "tiny");
    set("block_count", model_->layers);
    set("context_length", model_->context);
    set("embedding_length", model_->embedding);
    set("feed_forward_length", model_->feed_forward);
    set("attention.head_count", model_->query_heads);
    set("attention.head_count_kv", model_->kv_heads);
    set("attention.key_length", model_->head_dim);
    set("attention.value_length", model_->head_dim);
    gguf_set_val_f32(gguf, (prefix + "attention.layer_norm_rms_epsilon").c_str(), 1e-6f);
    if (model_->vocabulary >= 258) add_tokenizer(gguf, model_->vocabulary);
  }

  void tensors() {
    const TinyModel& m = *model_;
    const int queries = m.query_heads * m.head_dim;
    const int keys = m.kv_heads * m.head_dim;
    matrix("token_embd", m.embedding, m.vocabulary, std::sqrt(static_cast<float>(m.embedding)), false);
    if (!m.tied) matrix("output", m.embedding, m.vocabulary, 3, false);
    vector("output_norm.weight", m.embedding, 1);
    if (!m.rope_factors.empty()) {
      tensor("rope_freqs.weight", GGML_TYPE_F32, {static_cast<std::int64_t>(m.rope_factors.size())},
             m.rope_factors);
    }
    for (int layer = 0; layer < m.layers; ++layer) {
      const std::string block = "blk." + std::to_string(layer) + ".";
      vector(block + "attn_norm.weight", m.embedding, 1);
      vector(block + "ffn_norm.weight", m.embedding, 1);
      if (m.architecture == "qwen3") {
        vector(block + "attn_q_norm.weight", m.head_dim, 1);
        vector(block + "attn_k_norm.weight", m.head_dim, 1);
      }
      // Wide queries and keys, so that attention is sharp and positions matter.
      matrix(block + "attn_q", m.embedding, queries, 2, m.biases);
      matrix(block + "attn_k", m.embedding, keys, 2, m.biases);
      matrix(block + "attn_v", m.embedding, keys, 1, m.biases);
      matrix(block + "attn_output", queries, m.embedding, 1, m.biases && m.architecture == "llama");
      matrix(block + "ffn_gate", m.embedding, m.feed_forward, 1, m.feed_forward_biases);
      matrix(block + "ffn_up", m.embedding, m.feed_forward, 1, m.feed_forward_biases);
      matrix(block + "ffn_down", m.feed_forward, m.embedding, 1, m.feed_forward_biases);
    }
  }

  /// NAME.weight such that inputs of size one give outputs of size `spread`; and NAME.bias, NAME.scale.
  void matrix(const std::string& name, int in, int out, float spread, bool bias) {
    std::normal_distribution<float> normal(0, spread / std::sqrt(static_cast<float>(in)));
    std::vector<float> values(static_cast<std::size_t>(in) * static_cast<std::size_t>(out));
    for (float& value : values) value = normal(random_);
    tensor(name + ".weight", model_->type, {in, out}, values);
    if (bias) vector(name + ".bias", out, 0);
    if (model_->scales && name.starts_with("blk.")) vector(name + ".scale", 1, 1);
  }

  void vector(const std::string& name, int n, float mean) {
    std::normal_distribution<float> normal(mean, 0.2f);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = normal(random_);
    tensor(name, GGML_TYPE_F32, {n}, values);
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

}  // namespace banyan::test
