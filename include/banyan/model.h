/// A model read from a GGUF file, and its forward pass over a batch of sequences.
///
/// Model: loading and the getters may be used from any thread once load() returned. Runner: one
/// thread at a time; it drives ggml's compute threads itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/budget.h"
#include "banyan/file_stamp.h"
#include "banyan/kv_layout.h"
#include "banyan/state.h"

namespace banyan {

/// A file that a model was read from, as it was then.
struct ModelFileInfo {
  std::string path;
  FileStamp stamp;
};

struct ModelInfo {
  std::string path;                  ///< that it was loaded by
  std::vector<ModelFileInfo> files;  ///< that one, and where the model is split, the other parts in order
  std::string architecture;          ///< GGUF general.architecture: "qwen3", ...
  /// What computes its states, and in which version: "banyan qwen3 1". What another left is not gone on from.
  std::string computation;
  std::string name;            ///< GGUF general.name, or the file's name
  std::string quantization;    ///< the type that most weights have: "Q8_0", ...
  std::size_t file_bytes = 0;  ///< of all files
  std::uint64_t parameters = 0;
  int vocabulary = 0;
  int context = 0;  ///< tokens that the model was trained on
  int embedding = 0;
  int layers = 0;
  int query_heads = 0;
  int kv_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  std::string chat_template;  ///< empty when the file has none
};

struct ModelOptions {
  /// Called with 0..1 while the file is read, from the loading thread; return false to stop
  /// (error: cancelled).
  std::function<bool(float)> progress;
};

class Model {
 public:
  /// Maps a GGUF file and checks it whole before any memory is spent: architecture, every tensor's
  /// presence, shape and type, that its data lies inside the file, and that there is no key that would change
  /// the result and is not computed with. A model that is split into several files ("-00001-of-00003.gguf",
  /// as llama-gguf-split names them) is loaded by the first. Errors: io, corrupt, unsupported,
  /// invalid_argument, each naming the file, the key or tensor and what was expected.
  static Result<std::unique_ptr<Model>> load(const std::string& path, const ModelOptions& options = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const;
  /// The layer groups with state, for a PrefixCache: full attention, sliding windows, recurrent
  /// layers, as far as the model has them. States of these groups, in this order, are what
  /// Runner::forward takes.
  std::vector<std::unique_ptr<LayerGroup>> layer_groups(KvType type) const;

  struct TensorInfo {
    std::string name;
    std::string type;
    std::vector<std::int64_t> shape;  ///< as ggml: fastest first
    std::size_t bytes = 0;
  };
  std::vector<TensorInfo> tensors() const;
  /// The file's metadata as (key, text); long arrays are shortened.
  std::vector<std::pair<std::string, std::string>> metadata() const;

 private:
  friend class Runner;
  Model();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct RunnerOptions {
  int threads = 0;  ///< the most that compute; 0: one for each core, as usable_cores() counts them
};

class Runner {
 public:
  struct Sequence {
    std::span<LiveState* const> states;  ///< in the order of Model::layer_groups; rows reserved
    TokenSpan tokens;                    ///< new tokens, one row each
    int outputs = 0;                     ///< logits of the last so many rows are wanted
  };

  /// The model must outlive the runner. Scratch is charged to `budget`. Errors: out_of_memory.
  static Result<std::unique_ptr<Runner>> create(const Model& model, Budget& budget,
                                                const RunnerOptions& options = {});
  ~Runner();

  /// Evaluates the sequences together and writes what the layers remember into their states (the
  /// caller then commits all rows). Returns logits [outputs of sequence 0, outputs of 1, ...][vocabulary],
  /// valid until the next call. Sequences may come in any order.
  /// Errors: out_of_memory, invalid_argument (a token outside the vocabulary).
  Result<std::span<const float>> forward(std::span<const Sequence> sequences);

  /// Bytes that this runner has charged for scratch.
  std::size_t scratch_bytes() const;
  /// Gives back the scratch of the largest step so far. The next one takes what it needs.
  void release_scratch();
  /// The threads of the next steps: the most, until set_threads() is called.
  int threads() const;
  /// Computes the next steps with so many threads, at least 1 and at most those that it was made with.
  /// Results do not depend on it.
  void set_threads(int threads);

 private:
  Runner();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
