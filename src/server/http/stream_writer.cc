#include "server/http/stream_writer.h"

namespace banyan {

bool StreamWriter::write(const WireEvent& event) { return send(form_.write(event)); }

bool StreamWriter::end() { return send(form_.end()); }

bool StreamWriter::ping(std::chrono::milliseconds interval) {
  return std::chrono::steady_clock::now() - last_ < interval || send(form_.ping());
}

bool StreamWriter::send(std::string_view bytes) {
  last_ = std::chrono::steady_clock::now();
  return bytes.empty() || write_(bytes);
}

}  // namespace banyan
