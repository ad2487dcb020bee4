#include "model/architecture.h"

#include <algorithm>

namespace banyan {
namespace {

constexpr ArchitectureType kArchitectures[] = {
    {"gemma3", 1, read_gemma3, make_gemma3},       {"gpt-oss", 1, read_gpt_oss, make_gpt_oss},
    {"llama", 1, read_feed_forward, make_llama},   {"qwen2", 1, read_feed_forward, make_qwen2},
    {"qwen3", 1, read_feed_forward, make_qwen3},   {"qwen35", 1, read_qwen35, make_qwen35},
    {"qwen35moe", 1, read_qwen35moe, make_qwen35}, {"qwen3moe", 1, read_experts, make_qwen3moe},
    {"qwen3next", 1, read_qwen3next, make_qwen35},
};

}  // namespace

const ArchitectureType* find_architecture(std::string_view name) {
  const auto* found = std::ranges::find(kArchitectures, name, &ArchitectureType::name);
  return found == std::end(kArchitectures) ? nullptr : found;
}

std::string architecture_names() {
  std::string names;
  for (const ArchitectureType& type : kArchitectures) {
    if (!names.empty()) names += ", ";
    names += type.name;
  }
  return names;
}

}  // namespace banyan
