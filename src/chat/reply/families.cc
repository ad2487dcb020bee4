#include "chat/reply/families.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace banyan {
namespace {

struct Family {
  std::string_view sign;  // in the template
  ReasoningForm reasoning = {};
  SilentMarkers silent = {};
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {.sign = "<|START_RESPONSE|>",  // Command R7B
       .reasoning = {"<|START_THINKING|>", "<|END_THINKING|>"},
       .silent = {"<|START_RESPONSE|>", "<|END_RESPONSE|>"}},
      {.sign = "<|START_TEXT|>",  // later models of Cohere's
       .reasoning = {"<|START_THINKING|>", "<|END_THINKING|>"},
       .silent = {"<|START_TEXT|>", "<|END_TEXT|>"}},
      {.sign = "<|tool_call:begin|>",  // Solar Open, where each part is a message
       .reasoning = {"<|think|>", "<|end|><|begin|>assistant", true},
       .silent = {"<|content|>", "<|end|>"}},
      {.sign = "<|open|>",  // Kimi K3
       .reasoning = {"<|open|>think<|sep|>", "<|close|>think<|sep|>"},
       .silent = {"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"}},
      {.sign = ">>>all", .silent = {.text_begin = ">>>all\n"}},                // functionary 3.2
      {.sign = "<|python_tag|>", .silent = {.text_begin = "<|python_tag|>"}},  // Llama 3.1 and later
      {.sign = "[BEGIN FINAL RESPONSE]", .silent = {.text_end = "[END FINAL RESPONSE]"}},  // Apriel
  };
  return all;
}

}  // namespace

void apply_known_family(std::string_view source, ReplyForm& form) {
  // gpt-oss. Its call and its thought may be opened in more ways than its template writes.
  if (source.contains("<|channel|>") && source.contains("<|message|>")) {
    form.has_channels = true;
    form.reasoning = {"<|channel|>analysis<|message|>", "<|end|>"};
    return;
  }
  const auto family =
      std::ranges::find_if(families(), [&](const Family& one) { return source.contains(one.sign); });
  if (family == families().end()) return;
  form.reasoning = family->reasoning;
  form.silent = family->silent;
}

ReasoningForm known_reasoning(std::string_view source) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMarks = {{
      {"<think>", "</think>"},
      {"[THINK]", "[/THINK]"},
      {"<seed:think>", "</seed:think>"},
      {"<mm:think>", "</mm:think>"},
      {"<|inner_prefix|>", "<|inner_suffix|>"},
  }};
  for (const auto& [begin, end] : kMarks) {
    if (source.contains(end)) return {std::string(begin), std::string(end)};
  }
  return {};
}

}  // namespace banyan
