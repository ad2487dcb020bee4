// Vocabularies that libllama would end the process over, or read past the end of: each is refused with an
// error that names the file and the key.
#include <gguf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "banyan/vocabulary.h"
#include "support/tiny_model.h"

namespace banyan {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Edit = std::function<void(gguf_context*)>;

std::string load(const Edit& edit, Errc expected = Errc::corrupt) {
  const std::string path = ::testing::TempDir() + "banyan_vocabulary_" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".gguf";
  test::TinyModel model;
  model.edit = edit;
  write_tiny_model(model, path);
  const auto loaded = Vocabulary::load(path);
  std::filesystem::remove(path);
  if (loaded) {
    const Vocabulary& vocabulary = **loaded;
    vocabulary.detokenize(vocabulary.tokenize("The cat\n\xF0\x9F\x8C\xB3", true, true));
    return "loaded";
  }
  EXPECT_EQ(loaded.error().code, expected) << loaded.error().message;
  EXPECT_THAT(loaded.error().message, HasSubstr(path));
  return loaded.error().message;
}

void set_tokens(gguf_context* gguf, std::size_t count, const std::function<std::string(std::size_t)>& text) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(text(i));
  std::vector<const char*> pointers;
  for (const std::string& one : texts) pointers.push_back(one.c_str());
  gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
}

void set_texts(gguf_context* gguf, const char* key, std::vector<const char*> texts) {
  gguf_set_arr_str(gguf, key, texts.data(), texts.size());
}

TEST(VocabularyCheck, AWholeOneIsLoaded) { EXPECT_EQ(load({}), "loaded"); }

TEST(VocabularyCheck, EqualTokensAreRefused) {
  EXPECT_THAT(load([](gguf_context* gguf) {
                set_tokens(gguf, 288, [](std::size_t i) { return i == 9 ? "t7" : "t" + std::to_string(i); });
              }),
              AllOf(HasSubstr("tokenizer.ggml.tokens"), HasSubstr("tokens 7 and 9: \"t7\"")));
  // libllama gives an empty token this name.
  EXPECT_THAT(load([](gguf_context* gguf) {
                set_tokens(gguf, 288, [](std::size_t i) {
                  return i == 9 ? "" : i == 12 ? "[EMPTY_9]" : "t" + std::to_string(i);
                });
              }),
              HasSubstr("tokens 9 and 12"));
}

TEST(VocabularyCheck, TokensThatAreNoTextsAreRefused) {
  const char* const key = "tokenizer.ggml.tokens";
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_remove_key(gguf, key); }), HasSubstr(key));
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_set_val_u32(gguf, key, 288); }), HasSubstr(key));
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_set_val_str(gguf, key, "a"); }), HasSubstr(key));
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_set_arr_str(gguf, key, nullptr, 0); }), HasSubstr(key));
  const std::vector<std::int32_t> numbers(288);
  EXPECT_THAT(load([&](gguf_context* gguf) {
                gguf_set_arr_data(gguf, key, GGUF_TYPE_INT32, numbers.data(), numbers.size());
              }),
              HasSubstr(key));
}

TEST(VocabularyCheck, NumbersOfTokensMustBeAsManyAndOfTheirType) {
  const std::vector<std::int32_t> numbers(288, 1);
  for (const char* key : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    const gguf_type right = std::string(key).ends_with("scores") ? GGUF_TYPE_FLOAT32 : GGUF_TYPE_INT32;
    const auto set = [&](gguf_type type, std::size_t count) {
      return load([&](gguf_context* gguf) { gguf_set_arr_data(gguf, key, type, numbers.data(), count); });
    };
    EXPECT_EQ(set(right, 288), "loaded");
    EXPECT_THAT(set(right, 1), AllOf(HasSubstr(key), HasSubstr("1 values for 288 tokens")));
    EXPECT_THAT(set(right, 0), HasSubstr(key));
    EXPECT_THAT(set(GGUF_TYPE_INT8, 288), HasSubstr(key));
    EXPECT_THAT(load([&](gguf_context* gguf) { gguf_set_val_f32(gguf, key, 1); }), HasSubstr(key));
    EXPECT_THAT(load([&](gguf_context* gguf) { set_texts(gguf, key, {"a"}); }), HasSubstr(key));
  }
}

TEST(VocabularyCheck, MergesAreTwoParts) {
  const char* const key = "tokenizer.ggml.merges";
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_remove_key(gguf, key); }), HasSubstr(key));
  EXPECT_THAT(load([&](gguf_context* gguf) { gguf_set_val_str(gguf, key, "h e"); }), HasSubstr(key));
  EXPECT_THAT(load([&](gguf_context* gguf) {
                const std::int32_t number = 0;
                gguf_set_arr_data(gguf, key, GGUF_TYPE_INT32, &number, 1);
              }),
              HasSubstr(key));
  for (const char* merge : {"", "he", " he", "he "}) {
    EXPECT_THAT(load([&](gguf_context* gguf) { set_texts(gguf, key, {"h e", merge}); }),
                AllOf(HasSubstr(key), HasSubstr("at 1")));
  }
}

TEST(VocabularyCheck, UnknownTokenizersAreRefused) {
  const auto set = [](const char* key, const char* value, Errc code) {
    return load([&](gguf_context* gguf) { gguf_set_val_str(gguf, key, value); }, code);
  };
  EXPECT_THAT(set("tokenizer.ggml.model", "none", Errc::unsupported), HasSubstr("'none'"));
  EXPECT_THAT(set("tokenizer.ggml.model", "t5", Errc::unsupported), HasSubstr("'t5'"));
  EXPECT_THAT(set("tokenizer.ggml.pre", "no-such", Errc::corrupt), HasSubstr("no-such"));
  EXPECT_NE(load([](gguf_context* gguf) { gguf_set_val_u32(gguf, "tokenizer.ggml.model", 1); }), "loaded");
  EXPECT_NE(load([](gguf_context* gguf) { gguf_set_val_u32(gguf, "tokenizer.ggml.pre", 1); }), "loaded");
  EXPECT_NE(
      load([](gguf_context* gguf) { gguf_remove_key(gguf, "tokenizer.ggml.model"); }, Errc::unsupported),
      "loaded");
}

TEST(VocabularyCheck, ATokenForEachByteIsWantedOfALlamaTokenizer) {
  EXPECT_THAT(load([](gguf_context* gguf) { gguf_set_val_str(gguf, "tokenizer.ggml.model", "llama"); }),
              AllOf(HasSubstr("tokenizer.ggml.tokens"), HasSubstr("no token for the byte")));
}

// Each special token out of range, and of a wrong type: loaded without it or refused, never fatal.
TEST(VocabularyCheck, SpecialTokensMayBeAnything) {
  for (const char* name :
       {"bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "cls", "mask", "fim_pre", "fim_suf",
        "fim_mid", "fim_pad", "fim_rep", "fim_sep", "prefix", "suffix", "middle"}) {
    const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
    for (const std::uint32_t id : {287u, 288u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      for (const bool added : {false, true}) {
        load([&](gguf_context* gguf) {
          gguf_set_val_u32(gguf, key.c_str(), id);
          gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", added);
          gguf_set_val_bool(gguf, "tokenizer.ggml.add_eos_token", added);
          gguf_set_val_bool(gguf, "tokenizer.ggml.add_sep_token", added);
        });
      }
    }
    load([&](gguf_context* gguf) { gguf_set_val_str(gguf, key.c_str(), "a"); });
    load([&](gguf_context* gguf) { set_texts(gguf, key.c_str(), {"a"}); });
  }
}

}  // namespace
}  // namespace banyan
