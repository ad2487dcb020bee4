#include "server/responses/endpoints.h"

#include <utility>

#include "server/dialect/chat_job.h"
#include "server/responses/response_writer.h"
#include "server/responses/responses_request.h"

namespace banyan {

Result<Job> responses_job(const Json& body, const ModelContext& context, ResponseStore& store) {
  auto read = read_responses_request(body, store, context.defaults);
  if (!read) return std::unexpected(read.error());
  ResponseOptions options{.model = context.model_id,
                          .echo = std::move(read->echo),
                          .names = std::move(read->names),
                          .seals_thoughts = read->seals_thoughts,
                          .summarizes_thoughts = read->summarizes_thoughts};
  if (read->is_stored) {
    options.ended = [&store, input = std::move(read->input)](const Json& response) {
      store.put(response, input);
    };
  }
  return chat_job(*read, context, event_stream(),
                  [&](const Request&) { return std::make_unique<ResponseWriter>(std::move(options)); });
}

Result<Json> count_response_tokens(const Json& body, const ModelContext& context, ResponseStore& store) {
  const auto read = read_responses_request(body, store, context.defaults);
  if (!read) return std::unexpected(read.error());
  return count_tokens_json(read->chat, context);
}

}  // namespace banyan
