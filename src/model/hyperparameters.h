/// The numbers that define a model, read from a GGUF file's metadata.
#pragma once

#include <string>

#include "banyan/kv_layout.h"
#include "model/model_file.h"

namespace banyan {

/// Rotary position embedding (arXiv:2104.09864) and how it is stretched to longer contexts:
/// linearly, or by YaRN (arXiv:2309.00071). Named as the parameters of ggml_rope_ext.
struct Rope {
  int dimensions = 0;  ///< of each head's key_dim, the first so many are rotated
  float frequency_base = 0;
  float frequency_scale = 1;  ///< 1 / scaling factor
  int original_context = 0;   ///< before it was stretched
  float ext_factor = 0;       ///< 1: YaRN, 0: not
  float attn_factor = 1;
  float beta_fast = 32;
  float beta_slow = 1;
};

struct Hyperparameters {
  int layers = 0;
  int embedding = 0;
  int feed_forward = 0;
  int query_heads = 0;
  int kv_heads = 0;  ///< divides query_heads
  int head_dim = 0;  ///< of keys and of values
  int vocabulary = 0;
  int context = 0;  ///< tokens that the model was trained on
  float norm_epsilon = 0;
  Rope rope;
};

/// How the keys and values of all layers lie in memory.
inline KvLayout attention_layout(const Hyperparameters& model, KvType type) {
  return {.layers = model.layers,
          .kv_heads = model.kv_heads,
          .key_dim = model.head_dim,
          .value_dim = model.head_dim,
          .type = type};
}

/// Reads what dense transformers have in common; the keys begin with the architecture's name.
/// Look at file.status() afterwards.
Hyperparameters read_hyperparameters(ModelFile& file, const std::string& architecture);

}  // namespace banyan
