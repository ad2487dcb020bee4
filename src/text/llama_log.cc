#include "text/llama_log.h"

#include <llama.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <string_view>

namespace banyan {
namespace {

thread_local std::string* listener = nullptr;

void on_log(ggml_log_level level, const char* text, void*) {
  std::string_view line = text;
  while (line.ends_with('\n')) line.remove_suffix(1);
  if (line.empty()) return;
  spdlog::debug("llama: {}", line);
  if (level != GGML_LOG_LEVEL_ERROR || listener == nullptr) return;
  if (!listener->empty()) *listener += "; ";
  *listener += line;
}

}  // namespace

LlamaErrors::LlamaErrors() {
  static std::once_flag once;
  std::call_once(once, [] { llama_log_set(on_log, nullptr); });
  listener = &text_;
}

LlamaErrors::~LlamaErrors() { listener = nullptr; }

std::string LlamaErrors::text(std::string otherwise) const { return text_.empty() ? otherwise : text_; }

}  // namespace banyan
