#include "model/architecture.h"

namespace banyan {

ArchitectureFactory find_architecture(std::string_view name) {
  if (name == "llama") return make_llama;
  if (name == "qwen2") return make_qwen2;
  if (name == "qwen3") return make_qwen3;
  return nullptr;
}

std::string_view architecture_names() { return "llama, qwen2, qwen3"; }

}  // namespace banyan
