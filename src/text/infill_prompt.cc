#include "text/infill_prompt.h"

#include <llama.h>

#include <optional>
#include <string_view>

namespace banyan {

Result<std::vector<Token>> infill_prompt(const Vocabulary& vocabulary, const InfillText& text) {
  const std::optional<InfillTokens> marks = vocabulary.infill_tokens();
  if (!marks) return fail(Errc::unsupported, "the model's vocabulary has no tokens for filling in text");
  std::vector<Token> prompt;
  const auto add = [&](std::string_view piece) {
    const std::vector<Token> tokens = vocabulary.tokenize(piece, false, false);
    prompt.insert(prompt.end(), tokens.begin(), tokens.end());
  };
  if (!text.files.empty() && marks->repository) {
    prompt.push_back(*marks->repository);
    add("repository\n");
  }
  for (const InfillText::File& file : text.files) {
    if (marks->file) {
      prompt.push_back(*marks->file);
      add(file.name + "\n");
    } else {
      add("\n\n--- " + file.name + " ---\n\n");
    }
    add(file.text);
  }
  // The file that is filled in follows, and has no name of its own.
  if (!text.files.empty() && marks->file) {
    prompt.push_back(*marks->file);
    add("file\n");
  }
  if (text.files.empty() && llama_vocab_get_add_bos(vocabulary.raw())) {
    prompt.push_back(llama_vocab_bos(vocabulary.raw()));
  }
  prompt.push_back(marks->prefix);
  add(text.prefix);
  prompt.push_back(marks->suffix);
  add(text.suffix);
  prompt.push_back(marks->middle);
  add(text.begun);
  return prompt;
}

}  // namespace banyan
