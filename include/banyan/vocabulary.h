/// Text to tokens and back, exactly as the model's GGUF file defines it (through libllama, which
/// loads the vocabulary only).
///
/// Immutable once loaded: any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"

struct llama_vocab;

namespace banyan {

class TokenTrie;

/// The control tokens by which models that were trained for it fill in what is missing in a text.
struct InfillTokens {
  Token prefix = 0, suffix = 0, middle = 0;
  std::optional<Token> repository = {};  ///< in front of a repository's name
  std::optional<Token> file = {};        ///< in front of a file's name
};

class Vocabulary {
 public:
  /// Errors: io, corrupt, unsupported (no vocabulary in the file, or a tokenizer that libllama
  /// does not know), naming the file.
  static Result<std::unique_ptr<Vocabulary>> load(const std::string& gguf_path);
  ~Vocabulary();

  int size() const;
  /// `add_special` puts the beginning-of-sequence token and the like where the model wants them;
  /// `parse_special` reads "<|im_start|>" and the like as the control tokens they name.
  std::vector<Token> tokenize(std::string_view text, bool add_special, bool parse_special) const;
  /// The tokens of what a chat template wrote, which may or may not begin with the
  /// beginning-of-sequence token that the model wants: it comes once.
  std::vector<Token> tokenize_chat(std::string_view text) const;
  /// The bytes of one token (perhaps not whole UTF-8). Control tokens give "" unless `special`.
  std::string piece(Token token, bool special = false) const;
  /// The bytes of the longest token: a text has at least so many tokens as its bytes divided by these. Looks
  /// through the vocabulary.
  std::size_t longest_token() const;
  std::string detokenize(TokenSpan tokens, bool special = true) const;
  /// Whether the token ends a reply.
  bool is_end(Token token) const;
  /// The text of the beginning- and end-of-sequence tokens, "" where there is none.
  std::string bos_text() const;
  std::string eos_text() const;

  /// The text of all tokens but control tokens, made on first use.
  const TokenTrie& trie() const;
  /// The text of the control tokens that do not end a reply, made on first use.
  const TokenTrie& control_trie() const;

  /// None where the vocabulary lacks one of the first three.
  std::optional<InfillTokens> infill_tokens() const;

  const llama_vocab* raw() const;

 private:
  Vocabulary();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
