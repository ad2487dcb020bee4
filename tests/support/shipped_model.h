// The model that ships with the project, which the engine's tests run on.
#pragma once

#include <string>

#include "banyan/vocabulary.h"

namespace banyan {

inline std::string shipped_model() { return BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf"; }

inline const Vocabulary& shipped_vocabulary() {
  static const std::unique_ptr<Vocabulary> vocabulary = Vocabulary::load(shipped_model()).value();
  return *vocabulary;
}

}  // namespace banyan
