#include "text/vocabulary_check.h"

#include <ggml-cpp.h>

#include <array>
#include <cstdint>
#include <format>
#include <string_view>
#include <unordered_map>

namespace banyan {
namespace {

constexpr const char* kModel = "tokenizer.ggml.model";
constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";

class Checker {
 public:
  Checker(const std::string& path, const gguf_context* gguf) : path_(path), gguf_(gguf) {}

  Result<> run() {
    const std::int64_t model = gguf_find_key(gguf_, kModel);
    if (model < 0) return fail(Errc::unsupported, path_ + ": the file has no vocabulary");
    if (gguf_get_kv_type(gguf_, model) != GGUF_TYPE_STRING) return wrong(kModel, "is not a string");
    const std::string_view name = gguf_get_val_str(gguf_, model);
    // What the architectures that Banyan reads come with. Others' checks in libllama are not known to be
    // complete.
    if (name != "gpt2" && name != "llama") {
      return fail(
          Errc::unsupported,
          std::format("{}: the tokenizer '{}' is not supported; 'gpt2' and 'llama' are", path_, name));
    }
    if (Result<> tokens = check_tokens(); !tokens) return tokens;
    if (Result<> scores = check_numbers(kScores, {GGUF_TYPE_FLOAT32, GGUF_TYPE_FLOAT32}); !scores)
      return scores;
    if (Result<> types = check_numbers(kTypes, {GGUF_TYPE_INT32, GGUF_TYPE_UINT32}); !types) return types;
    return name == "gpt2" ? check_merges() : check_bytes();
  }

 private:
  std::unexpected<Error> wrong(std::string_view key, std::string_view what) const {
    return fail(Errc::corrupt, std::format("{}: key '{}' {}", path_, key, what));
  }

  Result<> check_texts(const char* name, std::int64_t& key) const {
    key = gguf_find_key(gguf_, name);
    if (key < 0) return wrong(name, "is missing");
    if (gguf_get_kv_type(gguf_, key) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(gguf_, key) != GGUF_TYPE_STRING) {
      return wrong(name, "is not an array of strings");
    }
    return {};
  }

  Result<> check_tokens() {
    std::int64_t key = 0;
    if (Result<> texts = check_texts(kTokens, key); !texts) return texts;
    count_ = gguf_get_arr_n(gguf_, key);
    if (count_ == 0) return wrong(kTokens, "is empty");
    if (count_ > INT32_MAX) return wrong(kTokens, "has too many tokens");
    for (std::size_t i = 0; i < count_; ++i) {
      std::string text = gguf_get_arr_str(gguf_, key, i);
      if (text.empty()) text = std::format("[EMPTY_{}]", i);  // as libllama names it
      const auto [first, added] = tokens_.try_emplace(std::move(text), i);
      if (!added) {
        return wrong(kTokens, std::format("has the same text twice, as tokens {} and {}: \"{}\"",
                                          first->second, i, first->first));
      }
    }
    return {};
  }

  // An array of one number for each token, of one of two types. It may be missing.
  Result<> check_numbers(const char* name, std::array<gguf_type, 2> types) const {
    const std::int64_t key = gguf_find_key(gguf_, name);
    if (key < 0) return {};
    if (gguf_get_kv_type(gguf_, key) != GGUF_TYPE_ARRAY) return wrong(name, "is not an array");
    const gguf_type type = gguf_get_arr_type(gguf_, key);
    if (type != types[0] && type != types[1]) {
      return wrong(name, std::format("is an array of {}; {} expected", gguf_type_name(type),
                                     gguf_type_name(types[0])));
    }
    if (gguf_get_arr_n(gguf_, key) != count_) {
      return wrong(name, std::format("has {} values for {} tokens", gguf_get_arr_n(gguf_, key), count_));
    }
    return {};
  }

  Result<> check_merges() const {
    std::int64_t key = 0;
    if (Result<> texts = check_texts(kMerges, key); !texts) return texts;
    for (std::size_t i = 0; i < gguf_get_arr_n(gguf_, key); ++i) {
      const std::string_view merge = gguf_get_arr_str(gguf_, key, i);
      const std::size_t space = merge.find(' ', 1);
      if (space == merge.npos || space + 1 == merge.size()) {
        return wrong(kMerges, std::format("has no two parts at {}: \"{}\"", i, merge));
      }
    }
    return {};
  }

  // What no other token covers is split into bytes, and libllama throws where one has no token.
  Result<> check_bytes() const {
    for (int byte = 0; byte < 256; ++byte) {
      const std::string name = std::format("<0x{:02X}>", byte);
      if (!tokens_.contains(name) && !tokens_.contains(std::string(1, static_cast<char>(byte)))) {
        return wrong(kTokens, std::format("has no token for the byte {}", name));
      }
    }
    return {};
  }

  const std::string& path_;
  const gguf_context* gguf_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::size_t> tokens_;  // ids by text
};

}  // namespace

Result<> check_vocabulary(const std::string& gguf_path) {
  const gguf_context_ptr gguf(gguf_init_from_file(gguf_path.c_str(), {.no_alloc = true, .ctx = nullptr}));
  if (!gguf) return fail(Errc::corrupt, gguf_path + ": not a readable GGUF file");
  return Checker(gguf_path, gguf.get()).run();
}

}  // namespace banyan
