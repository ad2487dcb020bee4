/// Writes a stream to a connection.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <utility>

#include "server/stream_form.h"

namespace banyan {

class StreamWriter {
 public:
  /// `write` sends bytes to the client and says whether it could. The form outlives this.
  StreamWriter(const StreamForm& form, std::function<bool(std::string_view)> write)
      : form_(form), write_(std::move(write)) {}

  /// Each returns whether the client is still there.
  bool write(const WireEvent& event);
  bool end();
  /// A sign of life, if nothing was sent for `interval`.
  bool ping(std::chrono::milliseconds interval);

 private:
  bool send(std::string_view bytes);

  const StreamForm& form_;
  std::function<bool(std::string_view)> write_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace banyan
