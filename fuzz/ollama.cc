// Bodies of Ollama's endpoints: every one is read or refused, and every refusal can be told.
#include <cstdint>
#include <string_view>

#include "server/ollama/chat_request.h"
#include "server/ollama/generate_request.h"
#include "server/ollama/models.h"
#include "server/ollama/reply_objects.h"

namespace {

template <class T>
void tell(const banyan::Result<T>& result) {
  if (!result) banyan::dump(banyan::ollama_error(banyan::to_http(result.error())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = banyan::parse_object({reinterpret_cast<const char*>(data), size});
  if (!body) return 0;
  const auto chat = banyan::read_ollama_chat(*body, {});
  tell(chat);
  if (chat && chat->only_loads != chat->chat.messages.empty()) __builtin_trap();
  tell(banyan::read_ollama_generate(*body, {}));
  tell(banyan::ollama_show_json(*body, {.id = "tally"}));
  tell(banyan::ollama_pull(*body, {.id = "tally"}));
  return 0;
}
