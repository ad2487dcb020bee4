#include "banyan/vocabulary.h"

#include <llama.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <mutex>
#include <system_error>

#include "text/llama_log.h"
#include "text/token_trie.h"
#include "text/utf8.h"
#include "text/vocabulary_check.h"

namespace banyan {

struct Vocabulary::Impl {
  struct Free {
    void operator()(llama_model* loaded) const { llama_model_free(loaded); }
  };
  std::unique_ptr<llama_model, Free> model;
  const llama_vocab* vocab = nullptr;
  std::once_flag trie_made, control_trie_made;
  std::unique_ptr<const TokenTrie> trie, control_trie;
};

namespace {

// Tokens that libllama puts in front and at the end without asking whether there are such.
Result<> check_loaded(const std::string& path, const llama_vocab* vocab) {
  if (llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_NONE) {
    return fail(Errc::unsupported, path + ": the file has no vocabulary");
  }
  const auto check = [&](const char* name, Token token, bool wanted) -> Result<> {
    const bool missing = token == LLAMA_TOKEN_NULL;
    if (missing ? !wanted : token >= 0 && token < llama_vocab_n_tokens(vocab)) return {};
    return fail(Errc::corrupt, path + ": key 'tokenizer.ggml." + name + "' " +
                                   (missing ? "is missing, and texts are to have the token"
                                            : "is missing, and its usual value is no token of the file"));
  };
  if (auto bos = check("bos_token_id", llama_vocab_bos(vocab), llama_vocab_get_add_bos(vocab)); !bos)
    return bos;
  return check("eos_token_id", llama_vocab_eos(vocab), llama_vocab_get_add_eos(vocab));
}

// Fills a text or a list of tokens with what `write` writes there. It returns how much that is, or, negative,
// how much room it needs.
template <class Buffer, class Write>
void fill(Buffer& buffer, Write write) {
  int count = write();
  if (count < 0) {
    buffer.resize(static_cast<std::size_t>(-count));
    count = write();
  }
  buffer.resize(static_cast<std::size_t>(count));
}

}  // namespace

Vocabulary::Vocabulary() : impl_(std::make_unique<Impl>()) {}
Vocabulary::~Vocabulary() = default;

Result<std::unique_ptr<Vocabulary>> Vocabulary::load(const std::string& gguf_path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(gguf_path, error)) {
    return fail(Errc::io, gguf_path + ": " + (error ? error.message() : "not a file"));
  }
  LlamaErrors errors;
  if (Result<> checked = check_vocabulary(gguf_path); !checked) return std::unexpected(checked.error());
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  std::unique_ptr<Vocabulary> vocabulary(new Vocabulary);
  vocabulary->impl_->model.reset(llama_model_load_from_file(gguf_path.c_str(), params));
  if (!vocabulary->impl_->model) {
    return fail(Errc::corrupt,
                gguf_path + ": no vocabulary could be read: " + errors.text("no reason given"));
  }
  vocabulary->impl_->vocab = llama_model_get_vocab(vocabulary->impl_->model.get());
  if (Result<> checked = check_loaded(gguf_path, vocabulary->raw()); !checked) {
    return std::unexpected(checked.error());
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
  fill(tokens, [&] {
    return llama_tokenize(raw(), text.data(), static_cast<int>(text.size()), tokens.data(),
                          static_cast<int>(tokens.size()), add_special, parse_special);
  });
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
  fill(bytes, [&] {
    return llama_token_to_piece(raw(), token, bytes.data(), static_cast<int>(bytes.size()), 0, special);
  });
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
  fill(text, [&] {
    return llama_detokenize(raw(), tokens.data(), static_cast<int>(tokens.size()), text.data(),
                            static_cast<int>(text.size()), false, special);
  });
  return text;
}

bool Vocabulary::is_end(Token token) const { return llama_vocab_is_eog(raw(), token); }

const TokenTrie& Vocabulary::trie() const {
  std::call_once(impl_->trie_made, [&] {
    std::vector<std::string> pieces;
    for (Token token = 0; token < size(); ++token) pieces.push_back(piece(token));
    impl_->trie = std::make_unique<const TokenTrie>(pieces);
  });
  return *impl_->trie;
}

const TokenTrie& Vocabulary::control_trie() const {
  std::call_once(impl_->control_trie_made, [&] {
    std::vector<std::string> pieces(static_cast<std::size_t>(size()));
    for (Token token = 0; token < size(); ++token) {
      if (is_end(token) || !piece(token).empty()) continue;
      pieces[static_cast<std::size_t>(token)] = piece(token, true);
    }
    impl_->control_trie = std::make_unique<const TokenTrie>(pieces);
  });
  return *impl_->control_trie;
}

std::optional<InfillTokens> Vocabulary::infill_tokens() const {
  const auto found = [](Token token) {
    return token == LLAMA_TOKEN_NULL ? std::nullopt : std::optional(token);
  };
  const auto prefix = found(llama_vocab_fim_pre(raw()));
  const auto suffix = found(llama_vocab_fim_suf(raw()));
  const auto middle = found(llama_vocab_fim_mid(raw()));
  if (!prefix || !suffix || !middle) return {};
  return InfillTokens{.prefix = *prefix,
                      .suffix = *suffix,
                      .middle = *middle,
                      .repository = found(llama_vocab_fim_rep(raw())),
                      .file = found(llama_vocab_fim_sep(raw()))};
}

std::string Vocabulary::bos_text() const {
  const Token token = llama_vocab_bos(raw());
  return token == LLAMA_TOKEN_NULL ? "" : piece(token, true);
}

std::string Vocabulary::eos_text() const {
  const Token token = llama_vocab_eos(raw());
  return token == LLAMA_TOKEN_NULL ? "" : piece(token, true);
}

}  // namespace banyan
