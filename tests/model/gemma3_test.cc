// What is special about the largest Gemma 3, which files do not say.
#include <gtest/gtest.h>

#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

TEST(Gemma3, QueriesOfTheLargestModelHaveAScaleOfTheirOwn) {
  TinyModel model;
  model.architecture = "gemma3";
  model.layers = 62;  // what it is known by
  ASSERT_NE(model.embedding / model.query_heads, model.head_dim) << "the usual scale would do";
  const TemporaryFile file("gguf");
  write_tiny_model(model, file.path());
  Subject subject(file.path());
  const std::vector<Token> tokens = random_tokens(20, model.vocabulary, 1);
  // Rounding to the halves of ggml's table of gelu adds up over the layers.
  EXPECT_LT(
      relative_error(subject.evaluate(*subject.start(), tokens), LlamaCpp(file.path()).evaluate(tokens)),
      1e-3);
}

}  // namespace
}  // namespace banyan::test
