#include "server/http/sse.h"

#include <string>

namespace banyan {

bool SseWriter::event(const Json& data) { return send("data: " + dump(data) + "\n\n"); }

bool SseWriter::done() { return send("data: [DONE]\n\n"); }

bool SseWriter::ping(std::chrono::milliseconds interval) {
  return std::chrono::steady_clock::now() - last_ < interval || send(": ping\n\n");
}

bool SseWriter::send(std::string_view bytes) {
  last_ = std::chrono::steady_clock::now();
  return write_(bytes);
}

}  // namespace banyan
