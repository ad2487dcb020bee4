/// Writes GGUF files of small random models, for tests that compare engines or break files.
#pragma once

#include <ggml-cpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banyan::test {

/// What a family of models does not have is left out of its files.
struct TinyModel {
  std::string architecture = "qwen3";
  int layers = 2;
  int embedding = 64;
  int query_heads = 4;
  int kv_heads = 2;
  int head_dim = 32;
  int feed_forward = 96;
  int vocabulary = 288;  ///< 256 bytes, two merges and made-up tokens; below 258, no tokenizer
  int context = 512;
  bool tied = false;    ///< no output.weight
  bool biases = false;  ///< of q, k and v, and of a llama's attention output; gpt-oss always has them
  bool feed_forward_biases = false;
  bool scales = false;              ///< a NAME.scale for every matrix in the layers
  ggml_type type = GGML_TYPE_F32;   ///< of the matrices
  std::vector<float> rope_factors;  ///< rope_freqs.weight; empty: none
  std::uint32_t seed = 1;

  // Models of two kinds of layer: one in `full_interval` layers has full attention, the others have a window
  // of tokens (gemma3, gpt-oss) or a recurrence (qwen3next, qwen35, qwen35moe).
  int full_interval = 2;
  int window = 24;
  int conv_kernel = 4;
  int key_heads = 2;
  int value_heads = 4;
  int state_dim = 16;  ///< of the recurrence's keys and of its values

  // Mixtures of experts (gpt-oss, qwen3moe, qwen3next, qwen35moe).
  int experts = 8;
  int experts_used = 3;
  int expert_feed_forward = 32;
  int shared_feed_forward = 48;          ///< of the shared expert (qwen3next, qwen35moe)
  std::optional<ggml_type> expert_type;  ///< if another than the other matrices'
  bool fused_experts = false;            ///< gate and up in one tensor

  /// Tensors of other shapes than they should have, or of none: {} leaves the tensor out.
  std::map<std::string, std::vector<std::int64_t>> shapes;
  /// Vectors and matrices of other types.
  std::map<std::string, ggml_type> types;
  /// Changes the metadata at last, with gguf_set_val_*, gguf_remove_key and so on.
  std::function<void(gguf_context*)> edit;
};

/// Throws std::runtime_error if the file cannot be written.
void write_tiny_model(const TinyModel& model, const std::string& path);

/// Splits the model file at `path` into so many, which begin with `prefix` and are named as llama-gguf-split
/// names them; returns their paths. The tensors are dealt out in runs; the first file has none if it is to
/// have the `keys_alone`. `edit` changes a part's keys at last. Throws std::runtime_error where that cannot
/// be done.
std::vector<std::string> split_model(const std::string& path, const std::string& prefix, int parts,
                                     bool keys_alone = false,
                                     const std::function<void(gguf_context*, int part)>& edit = {});

}  // namespace banyan::test
