#include "banyan/vocabulary.h"

#include <llama.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

#include "engine/llama_log.h"
#include "engine/utf8.h"

namespace banyan {

struct Vocabulary::Impl {
  struct Free {
    void operator()(llama_model* loaded) const { llama_model_free(loaded); }
  };
  std::unique_ptr<llama_model, Free> model;
  const llama_vocab* vocab = nullptr;
};

Vocabulary::Vocabulary() : impl_(std::make_unique<Impl>()) {}
Vocabulary::~Vocabulary() = default;

Result<std::unique_ptr<Vocabulary>> Vocabulary::load(const std::string& gguf_path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(gguf_path, error)) {
    return fail(Errc::io, gguf_path + ": " + (error ? error.message() : "not a file"));
  }
  LlamaErrors errors;
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  std::unique_ptr<Vocabulary> vocabulary(new Vocabulary);
  vocabulary->impl_->model.reset(llama_model_load_from_file(gguf_path.c_str(), params));
  if (!vocabulary->impl_->model) {
    return fail(Errc::corrupt,
                gguf_path + ": no vocabulary could be read: " + errors.text("no reason given"));
  }
  vocabulary->impl_->vocab = llama_model_get_vocab(vocabulary->impl_->model.get());
  if (llama_vocab_type(vocabulary->raw()) == LLAMA_VOCAB_TYPE_NONE) {
    return fail(Errc::unsupported, gguf_path + ": the file has no vocabulary");
  }
  return vocabulary;
}

const llama_vocab* Vocabulary::raw() const { return impl_->vocab; }
int Vocabulary::size() const { return llama_vocab_n_tokens(raw()); }

std::vector<Token> Vocabulary::tokenize(std::string_view text, bool add_special, bool parse_special) const {
  require(text.size() <= std::numeric_limits<int>::max() / 3, "tokenize: the text is too long");
  std::string repaired;
  if (!is_utf8(text)) text = repaired = repair_utf8(text);
  // A token for each byte, and a few special ones, is enough for most vocabularies.
  std::vector<Token> tokens(text.size() + 8);
  const auto run = [&] {
    return llama_tokenize(raw(), text.data(), static_cast<int>(text.size()), tokens.data(),
                          static_cast<int>(tokens.size()), add_special, parse_special);
  };
  int count = run();
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-count));
    count = run();
  }
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

std::vector<Token> Vocabulary::tokenize_chat(std::string_view text) const {
  const std::string bos = bos_text();
  const bool has_bos = !bos.empty() && text.starts_with(bos);
  return tokenize(text, !has_bos, true);
}

std::string Vocabulary::piece(Token token, bool special) const {
  require(token >= 0 && token < size(), "piece: not a token of the vocabulary");
  std::string bytes(16, '\0');  // longer than nearly every token
  const auto run = [&] {
    return llama_token_to_piece(raw(), token, bytes.data(), static_cast<int>(bytes.size()), 0, special);
  };
  int count = run();
  if (count < 0) {
    bytes.resize(static_cast<std::size_t>(-count));
    count = run();
  }
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

std::size_t Vocabulary::longest_token() const {
  constexpr std::size_t kLongestCharacter = 4;  // which a token for what is unknown may stand for
  std::size_t longest = kLongestCharacter;
  for (Token token = 0; token < size(); ++token) longest = std::max(longest, piece(token, true).size());
  return longest;
}

std::string Vocabulary::detokenize(TokenSpan tokens, bool special) const {
  for (const Token token : tokens) {
    require(token >= 0 && token < size(), "detokenize: not a token of the vocabulary");
  }
  require(tokens.size() <= std::numeric_limits<int>::max(), "detokenize: too many tokens");
  std::string text(tokens.size() * 8, '\0');  // a guess
  const auto run = [&] {
    return llama_detokenize(raw(), tokens.data(), static_cast<int>(tokens.size()), text.data(),
                            static_cast<int>(text.size()), false, special);
  };
  int count = run();
  if (count < 0) {
    text.resize(static_cast<std::size_t>(-count));
    count = run();
  }
  text.resize(static_cast<std::size_t>(count));
  return text;
}

bool Vocabulary::is_end(Token token) const { return llama_vocab_is_eog(raw(), token); }

std::string Vocabulary::bos_text() const {
  const Token token = llama_vocab_bos(raw());
  return token == LLAMA_TOKEN_NULL ? "" : piece(token, true);
}

std::string Vocabulary::eos_text() const {
  const Token token = llama_vocab_eos(raw());
  return token == LLAMA_TOKEN_NULL ? "" : piece(token, true);
}

}  // namespace banyan
