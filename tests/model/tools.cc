#include "model/tools.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>

namespace banyan::test {
namespace {

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

TemporaryFile::TemporaryFile(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string unique = std::string(test->test_suite_name()) + "." + test->name() + "." + name;
  for (char& c : unique) c = c == '/' ? '_' : c;
  path_ = ::testing::TempDir() + unique;
}

TemporaryFile::~TemporaryFile() { std::filesystem::remove(path_); }

Subject::Subject(const std::string& file, KvType type, int threads)
    : model_(value(Model::load(file))),
      groups_(model_->layer_groups(type)),
      runner_(value(Runner::create(*model_, budget_, {.threads = threads}))) {}

Subject::Path Subject::start() {
  auto path = std::make_unique<States>();
  for (const auto& group : groups_) path->of_groups.push_back(group->resume({}, 0, budget_));
  return path;
}

Subject::Path Subject::fork(const States& trunk, std::size_t tokens) {
  auto path = std::make_unique<States>();
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::unique_ptr<StatePart> part = trunk.of_groups[i]->snapshot(0, tokens);
    const PathPart whole{part.get(), 0, tokens};
    path->of_groups.push_back(groups_[i]->resume({&whole, 1}, tokens, budget_));
  }
  return path;
}

std::vector<LiveState*> Subject::States::reserved(std::size_t rows) const {
  std::vector<LiveState*> states;
  for (const auto& state : of_groups) {
    if (auto room = state->reserve(rows); !room) throw std::runtime_error(room.error().message);
    states.push_back(state.get());
  }
  return states;
}

void Subject::States::commit(std::size_t rows) const {
  for (const auto& state : of_groups) state->commit(rows);
}

Logits Subject::evaluate(std::span<const Piece> pieces) {
  std::vector<std::vector<LiveState*>> states;
  std::vector<Runner::Sequence> sequences;
  for (const auto& [path, tokens] : pieces) {
    states.push_back(path->reserved(tokens.size()));
    sequences.push_back({states.back(), tokens, static_cast<int>(tokens.size())});
  }
  const std::span<const float> logits = value(runner_->forward(sequences));
  for (const auto& [path, tokens] : pieces) path->commit(tokens.size());
  return {logits.begin(), logits.end()};
}

Logits Subject::evaluate(States& path, std::vector<Token> tokens) {
  const Piece piece{&path, std::move(tokens)};
  return evaluate({&piece, 1});
}

LlamaCpp::LlamaCpp(const std::string& file) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  if (ggml_backend_reg_count() == 0) ggml_backend_load_all();
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  model_.reset(llama_model_load_from_file(file.c_str(), params));
  if (!model_) throw std::runtime_error("libllama does not load " + file);
}

Logits LlamaCpp::evaluate(std::span<const Token> tokens) {
  const auto count = static_cast<std::uint32_t>(tokens.size());
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = count;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  const std::unique_ptr<llama_context, Free> context(llama_init_from_model(model_.get(), params));
  if (!context) throw std::runtime_error("libllama makes no context");
  std::vector<llama_token> ids(tokens.begin(), tokens.end());
  std::vector<std::int8_t> wanted(ids.size(), 1);
  std::vector<llama_pos> positions(ids.size());
  std::vector<std::int32_t> sequence_counts(ids.size(), 1);
  llama_seq_id sequence = 0;
  std::vector<llama_seq_id*> sequences(ids.size(), &sequence);
  for (std::size_t i = 0; i < ids.size(); ++i) positions[i] = static_cast<llama_pos>(i);
  const llama_batch batch = {.n_tokens = static_cast<std::int32_t>(count),
                             .token = ids.data(),
                             .embd = nullptr,
                             .pos = positions.data(),
                             .n_seq_id = sequence_counts.data(),
                             .seq_id = sequences.data(),
                             .logits = wanted.data()};
  if (llama_decode(context.get(), batch) != 0) throw std::runtime_error("libllama fails to decode");
  const auto vocabulary = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model_.get())));
  const float* logits = llama_get_logits(context.get());
  return {logits, logits + ids.size() * vocabulary};
}

double relative_error(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) throw std::runtime_error("logits of different sizes");
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

std::vector<Token> random_tokens(std::size_t count, int vocabulary, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<Token> token(0, vocabulary - 1);
  std::vector<Token> tokens(count);
  for (Token& t : tokens) t = token(random);
  return tokens;
}

}  // namespace banyan::test
