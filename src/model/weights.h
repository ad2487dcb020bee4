/// Weights: tensors of a model file that ggml can compute with, in its mappings or, where ggml has
/// a faster layout for this machine, in memory of their own.
#pragma once

#include <ggml-cpp.h>

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banyan/base.h"
#include "model/mapped_file.h"
#include "model/model_file.h"

namespace banyan {

/// y = weight x * scale + bias.
struct Linear {
  ggml_tensor* weight = nullptr;  ///< [in, out]
  ggml_tensor* scale = nullptr;   ///< [1], or null
  ggml_tensor* bias = nullptr;    ///< [out], or null
};

/// Linears with the same input.
struct LinearStack {
  struct Part {
    Linear linear;
    int out = 0;
  };
  /// Those of all parts, one after the other, [in, sum of out]; null: each part has its own.
  ggml_tensor* weight = nullptr;
  std::vector<Part> parts;
};

/// A Linear for each of several experts.
struct ExpertLinear {
  ggml_tensor* weight = nullptr;  ///< [in, out, experts]
  ggml_tensor* scale = nullptr;   ///< [experts], or null
  ggml_tensor* bias = nullptr;    ///< [out, experts], or null
};

/// The gated feed-forward network of arXiv:2002.05202.
struct FeedForward {
  LinearStack gate_up;  ///< [embedding, width] each
  Linear down;          ///< [width, embedding]
};

/// Owns the memory of a model's weights.
struct Weights {
  std::vector<std::unique_ptr<MappedFile>> mappings;
  std::vector<ggml_context_ptr> contexts;
  std::vector<ggml_backend_buffer_ptr> buffers;
  bool rearranged = false;  ///< some are in a layout of ggml's beside its plain one
};

/// Hands an architecture the tensors that it asks for, checked: present, of the expected shape, of
/// a type that can be used so. What is wrong goes to the file's status(), and null is returned;
/// their data is there after load().
class WeightLoader {
 public:
  /// Both must outlive the loader.
  WeightLoader(ModelFile& file, ggml_backend_dev_t device);

  /// NAME.weight [width, rows], to look rows up in.
  ggml_tensor* table(const std::string& name, int width, int rows);
  /// The float32 tensor that is called exactly so.
  ggml_tensor* floats(const std::string& name, std::initializer_list<int> shape);
  /// NAME.weight [n], float32.
  ggml_tensor* vector(const std::string& name, int n);
  /// The same, or null if the file has none.
  ggml_tensor* optional_vector(const std::string& name, int n);
  /// NAME.weight [in, out] to multiply with, and NAME.scale [1] and NAME.bias [out] if there.
  Linear linear(const std::string& name, int in, int out);
  /// Several linear() by name and `out`, in one matrix where they are of one type that ggml has a
  /// faster layout for: what is in the mapping stays there.
  LinearStack linear_stack(int in, std::initializer_list<std::pair<std::string, int>> parts);
  /// The same as linear() for each of several experts.
  ExpertLinear expert_linear(const std::string& name, int in, int out, int experts);
  /// The three of "BLOCKffn_gateSUFFIX" and so on.
  FeedForward feed_forward(const std::string& block, int embedding, int width,
                           const std::string& suffix = "");
  bool has(const std::string& name) const { return file_->find(name + ".weight") != nullptr; }

  /// Reads everything that was asked for and takes the file's mappings over. Errors: cancelled (by
  /// `progress`), out_of_memory. REQUIRES: file.ok().
  Result<Weights> load(const std::function<bool(float)>& progress);

 private:
  using Shape = std::array<std::int64_t, GGML_MAX_DIMS>;

  struct Part {
    ggml_tensor* tensor;
    std::vector<const ModelFile::Tensor*> sources;  ///< in a mapping, only one
  };
  /// The weights that go to one kind of memory.
  struct Place {
    ggml_backend_buffer_type_t type;  ///< null: the mappings
    ggml_context_ptr context;
    std::vector<Part> parts;
  };

  const ModelFile::Tensor* find(const std::string& name, std::initializer_list<int> shape);
  /// NAME.weight, of a type to look rows up in or to multiply with.
  const ModelFile::Tensor* find_matrix(const std::string& name, std::initializer_list<int> shape);
  ggml_tensor* add(Place& place, std::vector<const ModelFile::Tensor*> sources, const Shape& shape);
  /// Where GGML_OP_MUL_MAT or GGML_OP_MUL_MAT_ID is fastest with such a matrix, or one for each expert.
  Place& best_place(ggml_op multiply, ggml_type type, const Shape& shape);
  ggml_tensor* add_to_multiply(ggml_op multiply, const ModelFile::Tensor& source);
  /// The NAME.scale and NAME.bias of a Linear, if there.
  void add_scale_and_bias(Linear& linear, const std::string& name, int out);

  ModelFile* file_;
  ggml_backend_dev_t device_;
  std::vector<Place> places_;  ///< best first; the mappings are last
};

}  // namespace banyan
