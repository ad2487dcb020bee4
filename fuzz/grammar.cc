// Clients' grammars: what check_grammar lets pass, libllama must take without falling over.
#include <llama.h>

#include <cstdint>
#include <string>

#include "banyan/vocabulary.h"
#include "sampling/grammar_check.h"
#include "text/llama_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto vocabulary =
      banyan::Vocabulary::load(BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf").value();
  const std::string grammar(reinterpret_cast<const char*>(data), size);
  if (!banyan::check_grammar(*vocabulary, grammar)) return 0;
  const banyan::LlamaErrors quiet;
  llama_sampler_free(llama_sampler_init_grammar(vocabulary->raw(), grammar.c_str(), "root"));
  return 0;
}
