#include "model/ggml_runtime.h"

#include <mutex>
#include <new>
#include <string_view>
#include <thread>

namespace banyan {
namespace {

std::mutex capture_mutex;
std::thread::id capturing_thread;

}  // namespace

LogCapture::LogCapture() {
  capture_mutex.lock();
  capturing_thread = std::this_thread::get_id();
  ggml_log_get(&previous_, &previous_data_);
  ggml_log_set(receive, this);
}

LogCapture::~LogCapture() {
  ggml_log_set(previous_, previous_data_);
  capture_mutex.unlock();
}

void LogCapture::receive(ggml_log_level level, const char* text, void* self) {
  auto& capture = *static_cast<LogCapture*>(self);
  if (std::this_thread::get_id() != capturing_thread) {
    capture.previous_(level, text, capture.previous_data_);
    return;
  }
  if (level != GGML_LOG_LEVEL_ERROR || !capture.first_error_.empty()) return;
  std::string_view line = text;
  if (const auto colon = line.find(": "); colon != line.npos) line.remove_prefix(colon + 2);
  while (line.ends_with('\n') || line.ends_with(' ')) line.remove_suffix(1);
  try {
    capture.first_error_ = line;
  } catch (const std::bad_alloc&) {
    // Nothing may be thrown through ggml, which is in the middle of its work.
  }
}

Result<ggml_backend_dev_t> cpu_device() {
  static std::once_flag loaded;
  std::call_once(loaded, [] {
    LogCapture quiet;
    // libllama's user may have loaded them; loading twice would register every device twice.
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) ggml_backend_load_all();
  });
  const ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (device == nullptr) return fail(Errc::unsupported, "ggml has no CPU backend on this machine");
  return device;
}

}  // namespace banyan
