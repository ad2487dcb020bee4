/// Server-sent events over a connection.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "server/json_fields.h"

namespace banyan {

class SseWriter {
 public:
  /// `write` sends bytes to the client and says whether it could.
  explicit SseWriter(std::function<bool(std::string_view)> write) : write_(std::move(write)) {}

  /// "data: {...}". Each returns whether the client is still there.
  bool event(const Json& data);
  /// "data: [DONE]".
  bool done();
  /// A comment, which clients skip, if nothing was sent for `interval`.
  bool ping(std::chrono::milliseconds interval);

 private:
  bool send(std::string_view bytes);

  std::function<bool(std::string_view)> write_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace banyan
