// Bodies of OpenAI's responses: every one is read or refused, and what was read can be kept and gone on from.
#include <cstdint>
#include <string_view>

#include "server/http/http_errors.h"
#include "server/responses/responses_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using banyan::Json;
  const auto body = banyan::parse_object({reinterpret_cast<const char*>(data), size});
  if (!body) return 0;
  banyan::ResponseStore store(std::size_t{1} << 20);
  const auto request = banyan::read_responses_request(*body, store, {});
  if (!request) {
    banyan::dump(banyan::error_json(banyan::to_http(request.error())));
    return 0;
  }
  store.put({{"id", "resp_1"}, {"previous_response_id", nullptr}, {"output", Json::array()}}, request->input);
  if (store.bytes() == 0) return 0;
  const Json next = {{"previous_response_id", "resp_1"}, {"input", "and?"}};
  const auto again = banyan::read_responses_request(next, store, {});
  if (!again) __builtin_trap();
  banyan::dump(request->echo);
  return 0;
}
