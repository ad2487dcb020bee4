// Bodies of Anthropic's messages: every one is read or refused, and every refusal can be told.
#include <cstdint>
#include <string_view>

#include "server/anthropic/errors.h"
#include "server/anthropic/messages_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = banyan::parse_object({reinterpret_cast<const char*>(data), size});
  if (!body) return 0;
  for (const auto& request : {banyan::read_messages_request(*body, {}), banyan::read_count_request(*body)}) {
    if (!request) {
      banyan::dump(banyan::anthropic_error(banyan::to_http(request.error()), "req_1"));
    } else if (request->chat.messages.empty()) {
      __builtin_trap();
    }
  }
  return 0;
}
