// Random models of every architecture, rope scaling and number format, against libllama.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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

// ggml looks gelu up in a table of halves: a last bit may take the next entry.
constexpr double kGeluTolerance = 1e-4;

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

/// Leaves a key out.
std::function<void(gguf_context*)> without(const std::string& key) {
  return [=](gguf_context* gguf) { gguf_remove_key(gguf, key.c_str()); };
}

struct Case {
  std::string name;
  TinyModel model;
  double tolerance = kFloat32Tolerance;
  std::size_t tokens = 77;
  std::vector<std::size_t> chunks = {17, 1};  ///< sizes of the steps, beside all tokens in one
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// A case and others that differ from it in a few things each. These are cut into steps in one way,
/// and those of other types also token by token, for which ggml has other kernels.
class Cases {
 public:
  explicit Cases(const Case& plain) : all_{plain}, plain_(plain) {
    all_.back().name += "_plain";
    plain_.chunks.resize(1);
  }

  void add(const std::string& name, const std::function<void(TinyModel&)>& change) {
    Case& c = all_.emplace_back(plain_);
    c.name += "_" + name;
    change(c.model);
  }

  void add_rounded(const std::string& name, const std::function<void(TinyModel&)>& change) {
    add(name, change);
    all_.back().tolerance = kRoundingTolerance;
    all_.back().chunks.push_back(1);
  }

  void add_types(std::initializer_list<ggml_type> types) {
    for (const ggml_type type : types) {
      add_rounded(ggml_type_name(type), [&](TinyModel& m) {
        // The K types' rows are multiples of this.
        m.embedding = m.feed_forward = m.expert_feed_forward = m.shared_feed_forward = 256;
        m.head_dim = m.state_dim = 64;
        m.layers = 2;
        m.experts = 4;
        m.type = type;
      });
    }
  }

  void add_types_of_experts(std::initializer_list<ggml_type> types) {
    for (const ggml_type type : types) {
      add_rounded(std::string("experts_") + ggml_type_name(type),
                  [&](TinyModel& m) { m.expert_type = type; });
    }
  }

  std::vector<Case> take() { return std::move(all_); }

 private:
  std::vector<Case> all_;
  Case plain_;
};

std::vector<Case> dense_cases(const std::string& architecture) {
  TinyModel plain;
  plain.architecture = architecture;
  if (architecture == "qwen2") {  // of which libllama asks for both
    plain.head_dim = plain.embedding / plain.query_heads;
    plain.biases = true;
  }
  Cases cases({architecture, plain});
  cases.add("tied", [](TinyModel& m) { m.tied = true; });
  cases.add("biases", [](TinyModel& m) { m.biases = true; });
  cases.add("one_kv_head", [](TinyModel& m) { m.kv_heads = 1; });
  cases.add("as_many_kv_heads", [](TinyModel& m) { m.kv_heads = m.query_heads; });
  cases.add("rope_base", [](TinyModel& m) { m.edit = rope_scaling("", {{"freq_base", 1e6f}}); });
  cases.add("rope_none", [](TinyModel& m) { m.edit = rope_scaling("none", {{"scaling.factor", 4}}); });
  cases.add("rope_linear", [](TinyModel& m) { m.edit = rope_scaling("linear", {{"scaling.factor", 4}}); });
  cases.add("rope_linear_old_key", [](TinyModel& m) { m.edit = rope_scaling("", {{"scale_linear", 4}}); });
  cases.add("rope_yarn", [](TinyModel& m) { m.edit = rope_scaling("yarn", {{"scaling.factor", 8}}); });
  cases.add("rope_yarn_attention", [](TinyModel& m) {
    m.edit = rope_scaling("yarn", {{"scaling.factor", 8}, {"scaling.attn_factor", 0.7f}});
  });
  if (architecture == "llama") {
    cases.add("feed_forward_biases", [](TinyModel& m) { m.feed_forward_biases = true; });
    cases.add("rope_factors", [](TinyModel& m) {
      for (int i = 0; i < m.head_dim / 2; ++i) m.rope_factors.push_back(1 + static_cast<float>(i) / 2);
    });
  }
  cases.add_types({GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0});
  if (architecture == "qwen3") cases.add_types({GGML_TYPE_Q4_K, GGML_TYPE_Q6_K});
  if (architecture != "qwen2")
    cases.add("scales", [](TinyModel& m) { m.scales = true; });  // libllama forgets some there
  return cases.take();
}

/// Sequences leave the window, in one step and step by step.
std::vector<Case> window_cases(const std::string& architecture) {
  TinyModel plain;
  plain.architecture = architecture;
  plain.layers = 3;
  const double tolerance = architecture == "gemma3" ? kGeluTolerance : kFloat32Tolerance;
  Cases cases({.name = architecture,
               .model = plain,
               .tolerance = tolerance,
               .tokens = 131,
               .chunks = {23, 24, 25, 1}});
  cases.add("every_third_layer_full", [](TinyModel& m) { m.full_interval = 3; });
  cases.add("only_windows", [](TinyModel& m) { m.full_interval = 4; });
  cases.add("full_last", [](TinyModel& m) { m.layers = 2; });
  cases.add("window_of_one_token", [](TinyModel& m) { m.window = 1; });
  cases.add("window_of_two_tiles", [](TinyModel& m) { m.window = 32; });
  cases.add("window_beyond_all_tokens", [](TinyModel& m) { m.window = 500; });
  cases.add("one_kv_head", [](TinyModel& m) { m.kv_heads = 1; });
  if (architecture == "gemma3") {
    cases.add("no_windows", [](TinyModel& m) { m.window = 0; });
    cases.add("tied", [](TinyModel& m) { m.tied = true; });
    cases.add("usual_period", [](TinyModel& m) {
      m.layers = m.full_interval = 6;
      m.edit = without("gemma3.attention.sliding_window_pattern");
    });
    cases.add("rope_linear", [](TinyModel& m) { m.edit = rope_scaling("linear", {{"scaling.factor", 8}}); });
    cases.add_types({GGML_TYPE_F16, GGML_TYPE_Q8_0});
  } else {
    cases.add("usual_period",
              [](TinyModel& m) { m.edit = without("gpt-oss.attention.sliding_window_pattern"); });
    cases.add("rope_base_of_windows", [](TinyModel& m) {
      m.edit = [](gguf_context* gguf) { gguf_set_val_f32(gguf, "gpt-oss.rope.freq_base_swa", 1e4f); };
    });
    cases.add_types_of_experts({GGML_TYPE_MXFP4});
    cases.add_types({GGML_TYPE_Q8_0});
  }
  return cases.take();
}

std::vector<Case> expert_cases() {
  TinyModel plain;
  plain.architecture = "qwen3moe";
  Cases cases({"qwen3moe", plain});
  cases.add("tied", [](TinyModel& m) { m.tied = true; });
  cases.add("one_used", [](TinyModel& m) { m.experts_used = 1; });
  cases.add("all_used", [](TinyModel& m) { m.experts_used = m.experts; });
  cases.add("many", [](TinyModel& m) { m.experts = 40; });
  cases.add("scales", [](TinyModel& m) { m.scales = true; });
  cases.add_types_of_experts({GGML_TYPE_Q4_0, GGML_TYPE_MXFP4});
  cases.add_types({GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K});
  return cases.take();
}

/// Steps are cut everywhere around the convolution's edge.
std::vector<Case> recurrent_cases(const std::string& architecture) {
  TinyModel plain;
  plain.architecture = architecture;
  plain.layers = 3;
  Cases cases({.name = architecture, .model = plain, .chunks = {3, 17, 5, 4, 2, 1}});
  cases.add("tied", [](TinyModel& m) { m.tied = true; });
  cases.add("full_last", [](TinyModel& m) { m.layers = 2; });
  cases.add("usual_interval", [&](TinyModel& m) {
    m.layers = m.full_interval = 4;
    m.edit = without(architecture + ".full_attention_interval");
  });
  cases.add("listed_layers", [&](TinyModel& m) {
    m.edit = [=](gguf_context* gguf) {
      const bool recurrent[] = {true, false, true};
      gguf_set_arr_data(gguf, (architecture + ".attention.recurrent_layers").c_str(), GGUF_TYPE_BOOL,
                        recurrent, std::size(recurrent));
      gguf_set_val_u32(gguf, (architecture + ".full_attention_interval").c_str(), 3);
    };
  });
  cases.add("one_key_head", [](TinyModel& m) { m.key_heads = 1; });
  cases.add("as_many_key_heads", [](TinyModel& m) { m.key_heads = m.value_heads; });
  cases.add("convolution_of_two", [](TinyModel& m) { m.conv_kernel = 2; });
  cases.add("wide_states", [](TinyModel& m) { m.state_dim = 48; });
  if (architecture != "qwen35") {
    cases.add("fused_experts", [](TinyModel& m) { m.fused_experts = true; });
    cases.add("all_experts_used", [](TinyModel& m) { m.experts_used = m.experts; });
    cases.add_types_of_experts({GGML_TYPE_MXFP4});
    cases.add_types({GGML_TYPE_Q8_0});
  }
  if (architecture != "qwen3next")
    cases.add("scales", [](TinyModel& m) { m.scales = true; });  // which libllama has none of there
  if (architecture == "qwen35") cases.add_types({GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K});
  return cases.take();
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  const auto append = [&](const std::vector<Case>& some) { all.insert(all.end(), some.begin(), some.end()); };
  for (const std::string architecture : {"qwen3", "qwen2", "llama"}) append(dense_cases(architecture));
  for (const std::string architecture : {"gemma3", "gpt-oss"}) append(window_cases(architecture));
  append(expert_cases());
  for (const std::string architecture : {"qwen3next", "qwen35", "qwen35moe"})
    append(recurrent_cases(architecture));
  for (Case& c : all) std::ranges::replace(c.name, '-', '_');
  return all;
}

class AgainstLibllama : public ::testing::TestWithParam<Case> {};

TEST_P(AgainstLibllama, EveryWayOfEvaluatingGivesItsLogits) {
  const TemporaryFile file("gguf");
  write_tiny_model(GetParam().model, file.path());
  Subject subject(file.path());
  LlamaCpp libllama(file.path());
  const int vocabulary = GetParam().model.vocabulary;
  const std::vector<Token> tokens = random_tokens(GetParam().tokens, vocabulary, 5);
  const Logits expected = libllama.evaluate(tokens);

  std::vector<std::size_t> chunks = GetParam().chunks;
  chunks.push_back(tokens.size());
  for (const std::size_t chunk : chunks) {
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
  for (const std::size_t rows : {11, 1, 20, 7}) {
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

INSTANTIATE_TEST_SUITE_P(Models, AgainstLibllama, ::testing::ValuesIn(all_cases()),
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

TEST_P(WeightType, OfExpertsGivesLibllamasLogits) {
  const TemporaryFile file("gguf");
  TinyModel model;
  model.architecture = "qwen3moe";
  model.layers = 1;
  model.embedding = 256;
  model.types = {{"blk.0.ffn_gate_exps.weight", GetParam()}};
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
