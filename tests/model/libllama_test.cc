// Random models of every architecture, rope scaling and number format, against libllama.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

// Float32 weights: only the order of the sums differs (1e-6 was seen).
constexpr double kFloat32Tolerance = 1e-5;
// Other weights: ggml rounds the activations too, mostly to 8 bits, so that now and then the last
// bit of a sum before moves one of them by a whole step, 1/127 of its block's largest. It is in the
// float32 cases that a wrong graph shows.
constexpr double kRoundingTolerance = 2e-2;

using KeyValues = std::vector<std::pair<std::string, float>>;

/// Sets "rope.scaling.type" and numbers below "rope.".
std::function<void(gguf_context*)> rope_scaling(const std::string& type, const KeyValues& numbers) {
  return [=](gguf_context* gguf) {
    const std::string prefix =
        std::string(gguf_get_val_str(gguf, gguf_find_key(gguf, "general.architecture"))) + ".rope.";
    if (!type.empty()) gguf_set_val_str(gguf, (prefix + "scaling.type").c_str(), type.c_str());
    for (const auto& [key, number] : numbers) gguf_set_val_f32(gguf, (prefix + key).c_str(), number);
    if (type == "yarn") gguf_set_val_u32(gguf, (prefix + "scaling.original_context_length").c_str(), 32);
  };
}

struct Case {
  std::string name;
  TinyModel model;
  double tolerance = kFloat32Tolerance;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string architecture : {"qwen3", "qwen2", "llama"}) {
    TinyModel plain;
    plain.architecture = architecture;
    if (architecture == "qwen2") {  // of which libllama asks for both
      plain.head_dim = plain.embedding / plain.query_heads;
      plain.biases = true;
    }
    const auto add = [&](const std::string& name, const std::function<void(TinyModel&)>& change) {
      Case c{architecture + "_" + name, plain};
      change(c.model);
      all.push_back(std::move(c));
    };
    add("plain", [](TinyModel&) {});
    add("tied", [](TinyModel& m) { m.tied = true; });
    add("biases", [](TinyModel& m) { m.biases = true; });
    add("one_kv_head", [](TinyModel& m) { m.kv_heads = 1; });
    add("as_many_kv_heads", [](TinyModel& m) { m.kv_heads = m.query_heads; });
    add("rope_base", [](TinyModel& m) { m.edit = rope_scaling("", {{"freq_base", 1e6f}}); });
    add("rope_none", [](TinyModel& m) { m.edit = rope_scaling("none", {{"scaling.factor", 4}}); });
    add("rope_linear", [](TinyModel& m) { m.edit = rope_scaling("linear", {{"scaling.factor", 4}}); });
    add("rope_linear_old_key", [](TinyModel& m) { m.edit = rope_scaling("", {{"scale_linear", 4}}); });
    add("rope_yarn", [](TinyModel& m) { m.edit = rope_scaling("yarn", {{"scaling.factor", 8}}); });
    add("rope_yarn_attention", [](TinyModel& m) {
      m.edit = rope_scaling("yarn", {{"scaling.factor", 8}, {"scaling.attn_factor", 0.7f}});
    });
    if (architecture == "llama") {
      add("feed_forward_biases", [](TinyModel& m) { m.feed_forward_biases = true; });
      add("rope_factors", [](TinyModel& m) {
        for (int i = 0; i < m.head_dim / 2; ++i) m.rope_factors.push_back(1 + static_cast<float>(i) / 2);
      });
    }
    for (const ggml_type type :
         {GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_Q4_K, GGML_TYPE_Q6_K}) {
      add(ggml_type_name(type), [&](TinyModel& m) {
        m.embedding = m.feed_forward = 256;  // the K types' rows are multiples of this
        m.head_dim = 64;
        m.type = type;
      });
      all.back().tolerance = kRoundingTolerance;
    }
    if (architecture != "qwen2")
      add("scales", [](TinyModel& m) { m.scales = true; });  // libllama forgets some there
  }
  return all;
}

class AgainstLibllama : public ::testing::TestWithParam<Case> {};

TEST_P(AgainstLibllama, EveryWayOfEvaluatingGivesItsLogits) {
  const TemporaryFile file("gguf");
  write_tiny_model(GetParam().model, file.path());
  Subject subject(file.path());
  LlamaCpp libllama(file.path());
  const int vocabulary = GetParam().model.vocabulary;
  const std::vector<Token> tokens = random_tokens(77, vocabulary, 5);
  const Logits expected = libllama.evaluate(tokens);

  for (const std::size_t chunk : {std::size_t{77}, std::size_t{17}, std::size_t{1}}) {
    const auto path = subject.start();
    Logits logits;
    for (std::span<const Token> left = tokens; !left.empty();) {
      const std::span<const Token> some = left.first(std::min(chunk, left.size()));
      const Logits of_some = subject.evaluate(*path, {some.begin(), some.end()});
      logits.insert(logits.end(), of_some.begin(), of_some.end());
      left = left.subspan(some.size());
    }
    EXPECT_LT(relative_error(logits, expected), GetParam().tolerance) << "in chunks of " << chunk;
  }

  const auto trunk = subject.start();
  subject.evaluate(*trunk, {tokens.begin(), tokens.begin() + 40});
  std::vector<Subject::Path> paths;
  std::vector<Subject::Piece> pieces;
  for (const std::size_t rows : {11, 1, 20, 6}) {
    const bool alone = rows == 20;
    paths.push_back(alone ? subject.start() : subject.fork(*trunk));
    pieces.push_back({paths.back().get(), random_tokens(rows, vocabulary, static_cast<std::uint32_t>(rows))});
  }
  const Logits batch = subject.evaluate(pieces);
  Logits apart;
  for (const Subject::Piece& piece : pieces) {
    const std::size_t before = piece.path->tokens() - piece.tokens.size();
    std::vector<Token> whole(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(before));
    whole.insert(whole.end(), piece.tokens.begin(), piece.tokens.end());
    const Logits logits = libllama.evaluate(whole);
    apart.insert(apart.end(), logits.begin() + static_cast<std::ptrdiff_t>(before) * vocabulary,
                 logits.end());
  }
  EXPECT_LT(relative_error(batch, apart), GetParam().tolerance) << "in a batch that shares a trunk";
}

INSTANTIATE_TEST_SUITE_P(Models, AgainstLibllama, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

std::vector<ggml_type> weight_types() {
  std::vector<ggml_type> types;
  for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
    const auto type = static_cast<ggml_type>(i);
    if (ggml_get_type_traits(type)->to_float != nullptr) types.push_back(type);
  }
  return types;
}

class WeightType : public ::testing::TestWithParam<ggml_type> {};

TEST_P(WeightType, GivesLibllamasLogits) {
  const TemporaryFile file("gguf");
  TinyModel model;
  model.layers = 1;
  model.embedding = 256;
  model.tied = true;  // so that the type is looked up in and multiplied with
  // Only these two, for some types take long to write.
  model.types = {{"token_embd.weight", GetParam()}, {"blk.0.attn_q.weight", GetParam()}};
  write_tiny_model(model, file.path());
  Subject subject(file.path());
  const std::vector<Token> tokens = random_tokens(40, model.vocabulary, 5);
  const auto path = subject.start();
  const Logits logits = subject.evaluate(*path, tokens);
  EXPECT_LT(relative_error(logits, LlamaCpp(file.path()).evaluate(tokens)), kRoundingTolerance);
}

INSTANTIATE_TEST_SUITE_P(All, WeightType, ::testing::ValuesIn(weight_types()),
                         [](const auto& test) { return std::string(ggml_type_name(test.param)); });

// libllama refuses to rotate only a part of the heads' dimensions. But to rotate all, with factors
// that give the first pairs the frequencies of the part and stop the others, is the same.
TEST(PartialRope, EqualsFactorsThatStopTheRest) {
  constexpr double kBase = 10000;
  TinyModel model;
  model.architecture = "llama";
  const int part = model.head_dim / 2;
  const TemporaryFile partial("partial.gguf");
  model.edit = [&](gguf_context* gguf) {
    gguf_set_val_u32(gguf, "llama.rope.dimension_count", static_cast<std::uint32_t>(part));
  };
  write_tiny_model(model, partial.path());

  const TemporaryFile stopped("stopped.gguf");
  model.edit = nullptr;
  for (int pair = 0; pair < model.head_dim / 2; ++pair) {
    const double slower = std::pow(kBase, 2.0 * pair / part - 2.0 * pair / model.head_dim);
    model.rope_factors.push_back(pair < part / 2 ? static_cast<float>(slower) : 1e30f);
  }
  // The writer draws the same numbers for the other tensors.
  write_tiny_model(model, stopped.path());

  const std::vector<Token> tokens = random_tokens(50, model.vocabulary, 5);
  Subject subject(partial.path());
  const auto path = subject.start();
  EXPECT_LT(relative_error(subject.evaluate(*path, tokens), LlamaCpp(stopped.path()).evaluate(tokens)),
            kFloat32Tolerance);
}

}  // namespace
}  // namespace banyan::test
