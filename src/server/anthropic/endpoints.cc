#include "server/anthropic/endpoints.h"

#include <algorithm>
#include <cstddef>

#include "server/anthropic/message_writer.h"
#include "server/anthropic/messages_request.h"
#include "server/dialect/chat_job.h"

namespace banyan {
namespace {

// Tokens of the prompt up to the last mark.
std::size_t marked_tokens(const Request& request) {
  std::size_t marked = 0;
  for (const RestorePoint& point : request.restore_points) {
    if (point.user) marked = std::max(marked, point.offset);
  }
  return marked;
}

}  // namespace

Result<Job> messages_job(const Json& body, const ModelContext& context) {
  const auto read = read_messages_request(body, context.defaults);
  if (!read) return std::unexpected(read.error());
  return chat_job(*read, context, event_stream(), [&](const Request& request) {
    return std::make_unique<MessageWriter>(MessageOptions{
        .model = context.model_id, .marked = marked_tokens(request), .hides_thoughts = read->hides_thoughts});
  });
}

Result<Json> count_message_tokens(const Json& body, const ModelContext& context) {
  const auto read = read_count_request(body);
  if (!read) return std::unexpected(read.error());
  const auto tokens = count_tokens(read->chat, context);
  if (!tokens) return std::unexpected(tokens.error());
  return Json{{"input_tokens", *tokens}};
}

}  // namespace banyan
