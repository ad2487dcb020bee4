/// The numbers that define a model, read from a GGUF file's metadata.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banyan/kv_layout.h"
#include "banyan/recurrent_layout.h"
#include "banyan/recurrent_state.h"
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

/// What a layer remembers of a path.
enum class LayerKind : std::uint8_t {
  attention,  ///< keys and values of all tokens
  window,     ///< keys and values of the last tokens
  recurrent,  ///< the state of a gated delta net
};

/// Of the sliding-window layers.
struct Window {
  int tokens = 0;  ///< that a token sees, itself included
  Rope rope;
};

/// Of the gated delta net layers (arXiv:2412.06464).
struct Recurrence {
  int conv_kernel = 0;
  int key_heads = 0;
  int value_heads = 0;  ///< a multiple of key_heads
  int key_dim = 0;      ///< per head
  int value_dim = 0;    ///< per head
  KeyOrder key_order = KeyOrder::tiled;

  int keys() const { return key_heads * key_dim; }
  int values() const { return value_heads * value_dim; }
  /// Queries, keys and values together, as they pass through the convolution.
  int channels() const { return 2 * keys() + values(); }
};

/// Of a mixture of experts.
struct Experts {
  int count = 0;
  int used = 0;                 ///< for each token
  int feed_forward = 0;         ///< width of one
  int shared_feed_forward = 0;  ///< width of the one that every token uses; 0: none
};

struct Hyperparameters {
  int layers = 0;
  int embedding = 0;
  int query_heads = 0;
  int kv_heads = 0;  ///< divides query_heads
  int head_dim = 0;  ///< of keys and of values
  int vocabulary = 0;
  int context = 0;  ///< tokens that the model was trained on
  float norm_epsilon = 0;
  float attention_scale = 0;  ///< of queries times keys
  Rope rope;
  std::vector<LayerKind> kinds;  ///< of each layer

  // What an architecture has none of stays as it is here.
  int feed_forward = 0;  ///< width of a dense network
  Experts experts;
  Window window;
  Recurrence recurrence;

  int layers_of(LayerKind kind) const;
};

/// How the keys and values of all layers of a kind (attention or window) lie in memory.
KvLayout kv_layout(const Hyperparameters& model, LayerKind kind, KvType type);
/// How the states of all recurrent layers lie in memory.
RecurrentLayout recurrent_layout(const Hyperparameters& model);

// Readers of metadata. What is wrong goes to the file's status(), so look at it afterwards; the
// keys begin with `prefix`, the architecture's name and a dot.

/// Reads what all architectures have. All layers have full attention.
Hyperparameters read_hyperparameters(ModelFile& file, const std::string& prefix);
/// Reads the width of dense networks; refuses a mixture of experts.
void read_feed_forward(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_experts(ModelFile& file, const std::string& prefix, Hyperparameters& model);
void read_shared_expert(ModelFile& file, const std::string& prefix, Hyperparameters& model);
/// Makes layers sliding windows, if the file says how long a window is: those that the file names, or else
/// all but every `period`-th, where the file has no period of its own. They have the rotary embedding of the
/// other layers.
void read_window(ModelFile& file, const std::string& prefix, int period, Hyperparameters& model);
/// Makes layers gated delta nets: those that the file names, or else all but every n-th, where the file says
/// n. Leaves out layers at the end that only predict further tokens.
void read_recurrence(ModelFile& file, const std::string& prefix, Hyperparameters& model);

}  // namespace banyan
