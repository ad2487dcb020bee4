/// The prompt by which a model fills in what is missing in a text.
#pragma once

#include <string>
#include <vector>

#include "banyan/vocabulary.h"

namespace banyan {

struct InfillText {
  std::string prefix = {}, suffix = {};  ///< around what is missing
  std::string begun = {};                ///< its beginning
  struct File {
    std::string name = {}, text = {};
  };
  std::vector<File> files = {};  ///< others of the repository
};

/// In the order of Qwen's and llama-server's: the files, the prefix, the suffix, and then what is missing.
/// Errors: unsupported where the vocabulary has no tokens for it.
Result<std::vector<Token>> infill_prompt(const Vocabulary& vocabulary, const InfillText& text);

}  // namespace banyan
