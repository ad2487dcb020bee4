// The model that ships with the project, and what requests are read against.
#pragma once

#include <memory>
#include <string>

#include "server/answer.h"

namespace banyan {

inline std::string shipped_model() { return BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf"; }

inline const ModelContext& shipped_context() {
  static const std::unique_ptr<Vocabulary> vocabulary = Vocabulary::load(shipped_model()).value();
  static const std::unique_ptr<ChatTemplate> chatml =
      ChatTemplate::create("", vocabulary->bos_text(), vocabulary->eos_text()).value();
  static const ModelContext context{*vocabulary, *chatml, "tally"};
  return context;
}

}  // namespace banyan
