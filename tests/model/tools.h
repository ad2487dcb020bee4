/// What the model tests share: a model with its runner and states, libllama beside it, and how far
/// two rows of logits are apart.
#pragma once

#include <llama.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "banyan/model.h"
#include "banyan/state.h"

namespace banyan::test {

/// A file in the test's temporary folder that goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Logits = std::vector<float>;

/// A model, a runner, and paths through its memory.
class Subject {
 public:
  /// The states of a path, one for each of the model's layer groups.
  struct States {
    std::vector<std::unique_ptr<LiveState>> of_groups;
    std::size_t tokens() const { return of_groups.front()->tokens(); }
    /// As Runner::forward takes them, with room for `rows` more tokens.
    std::vector<LiveState*> reserved(std::size_t rows) const;
    void commit(std::size_t rows) const;
  };
  using Path = std::unique_ptr<States>;
  struct Piece {
    States* path;
    std::vector<Token> tokens;
  };

  /// Throws what load() and create() complain of.
  explicit Subject(const std::string& file, KvType type = KvType::f32, int threads = 1);

  const Model& model() const { return *model_; }
  Runner& runner() { return *runner_; }
  Budget& budget() { return budget_; }

  /// An empty path.
  Path start();
  /// A path that shares all of `trunk`, or its first `tokens`, at which it was captured.
  Path fork(const States& trunk) { return fork(trunk, trunk.tokens()); }
  Path fork(const States& trunk, std::size_t tokens);
  /// Evaluates a piece of each path together; the logits of all rows, one piece after the other.
  Logits evaluate(std::span<const Piece> pieces);
  Logits evaluate(States& path, std::vector<Token> tokens);

 private:
  Budget budget_{std::size_t{1} << 30};
  std::unique_ptr<Model> model_;
  std::vector<std::unique_ptr<LayerGroup>> groups_;
  std::unique_ptr<Runner> runner_;
};

/// The logits [tokens][vocabulary] that libllama computes in one prefill with f32 keys and values.
class LlamaCpp {
 public:
  explicit LlamaCpp(const std::string& file);
  Logits evaluate(std::span<const Token> tokens);

 private:
  struct Free {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
  };
  std::unique_ptr<llama_model, Free> model_;
};

/// |a - b| / |b|.
double relative_error(std::span<const float> a, std::span<const float> b);

std::vector<Token> random_tokens(std::size_t count, int vocabulary, std::uint32_t seed);

}  // namespace banyan::test
