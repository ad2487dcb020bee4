/// ggml's state that belongs to the whole process: its plug-ins and its log.
///
/// Any thread.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <string>

#include "banyan/base.h"

namespace banyan {

/// ggml's device for the processor; loads ggml's plug-ins if no one has. Errors: unsupported.
Result<ggml_backend_dev_t> cpu_device();

/// Diverts what ggml logs on this thread while it lives, for ggml prints its reasons instead of
/// returning them. What other threads log goes where it went before. One at a time in the process;
/// another waits.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// The first error logged, without the function's name and the line's end; "" if none.
  const std::string& first_error() const { return first_error_; }

 private:
  static void receive(ggml_log_level level, const char* text, void* self);

  std::string first_error_;
  ggml_log_callback previous_ = nullptr;
  void* previous_data_ = nullptr;
};

}  // namespace banyan
