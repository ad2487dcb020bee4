#include "text/infill_prompt.h"

#include <gguf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "support/tiny_model.h"

namespace banyan {
namespace {

class InfillPrompt : public ::testing::Test {
 protected:
  std::unique_ptr<Vocabulary> vocabulary(const std::function<void(gguf_context*)>& edit) {
    test::TinyModel model;
    model.edit = edit;
    write_tiny_model(model, path_);
    auto loaded = Vocabulary::load(path_).value();
    std::filesystem::remove(path_);
    return loaded;
  }

  // With the first tokens of those that are made up.
  static void set_marks(gguf_context* gguf) {
    gguf_set_val_u32(gguf, "tokenizer.ggml.fim_pre_token_id", 260);
    gguf_set_val_u32(gguf, "tokenizer.ggml.fim_suf_token_id", 261);
    gguf_set_val_u32(gguf, "tokenizer.ggml.fim_mid_token_id", 262);
  }
  static void set_file_marks(gguf_context* gguf) {
    set_marks(gguf);
    gguf_set_val_u32(gguf, "tokenizer.ggml.fim_rep_token_id", 263);
    gguf_set_val_u32(gguf, "tokenizer.ggml.fim_sep_token_id", 264);
  }

  // Its text, with the tokens that are marks as <260>.
  static std::string told(const Vocabulary& vocabulary, const InfillText& text) {
    std::string all;
    for (const Token token : infill_prompt(vocabulary, text).value()) {
      all += token >= 260 && token <= 264 ? "<" + std::to_string(token) + ">" : vocabulary.piece(token);
    }
    return all;
  }

 private:
  // The tests run beside each other.
  const std::string path_ = ::testing::TempDir() + "banyan_infill_" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".gguf";
};

TEST_F(InfillPrompt, TheMissingTextComesLast) {
  const auto made = vocabulary(set_marks);
  EXPECT_EQ(told(*made, {.prefix = "ab", .suffix = "cd", .begun = "e"}), "<260>ab<261>cd<262>e");
  EXPECT_EQ(told(*made, {}), "<260><261><262>");
}

TEST_F(InfillPrompt, OtherFilesComeFirst) {
  const InfillText text{.prefix = "ab", .suffix = "cd", .files = {{"f.c", "one"}, {"g.c", "two"}}};
  EXPECT_EQ(told(*vocabulary(set_file_marks), text),
            "<263>repository\n<264>f.c\none<264>g.c\ntwo<264>file\n<260>ab<261>cd<262>");
  EXPECT_EQ(told(*vocabulary(set_marks), text),
            "\n\n--- f.c ---\n\none\n\n--- g.c ---\n\ntwo<260>ab<261>cd<262>");
}

TEST_F(InfillPrompt, WithoutTheMarksItIsRefused) {
  const auto refused = infill_prompt(*vocabulary({}), {.prefix = "a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
}

}  // namespace
}  // namespace banyan
