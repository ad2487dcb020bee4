// The bodies of requests: every reader answers with a request or an error, never with anything else,
// and every error can be told to the client.
#include <cstdint>
#include <string_view>

#include "server/http/http_errors.h"
#include "server/llama/completion.h"
#include "server/llama/text_endpoints.h"
#include "server/openai/chat.h"
#include "server/openai/completions.h"
#include "server/shipped_model.h"

namespace {

template <class T>
void tell(const banyan::Result<T>& result) {
  if (!result) banyan::dump(banyan::error_json(banyan::to_http(result.error())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const banyan::ModelContext& context = banyan::shipped_context();
  const auto body = banyan::parse_object({reinterpret_cast<const char*>(data), size});
  tell(body);
  if (!body) return 0;
  for (const auto read :
       {banyan::read_openai_chat, banyan::read_openai_completion, banyan::read_llama_completion}) {
    const auto job = read(*body, context);
    tell(job);
    if (job) banyan::dump(job->answer->body());
  }
  for (const auto answer :
       {banyan::tokenize, banyan::detokenize, banyan::apply_template, banyan::count_openai_chat}) {
    const auto json = answer(*body, context);
    tell(json);
    if (json) banyan::dump(*json);
  }
  return 0;
}
