#include "server/http/json_body.h"

#include <malloc.h>

#include <cstddef>
#include <string>

#include "server/http/http_server.h"

namespace banyan {
namespace {

// Bodies larger than this are read into JSON one after the other, as far as they are not small together.
constexpr std::size_t kSmallBody = std::size_t{64} << 10;
// From here on memory is given back to the system.
constexpr std::size_t kLargeBody = std::size_t{1} << 20;

std::optional<HttpError> receive(BodyMemory& memory, const httplib::ContentReader& content,
                                 const httplib::Response& response, const UseBody& use, std::size_t& bytes) {
  std::string body;
  BodyMemory::Share share(memory);
  bool has_room = true;
  const bool whole = content([&](const char* data, std::size_t size) {
    has_room = share.grow(size);
    if (has_room) body.append(data, size);
    return has_room;
  });
  if (!whole) HttpServer::close_after_answer();
  if (!has_room) {
    return to_http({Errc::out_of_memory, "other requests have too large bodies just now; try again"});
  }
  if (!whole && response.status == 415) return http_error(415, "no such Content-Encoding is known");
  if (!whole) return http_error(400, "the body is cut short, came too slowly or is wrongly encoded");
  bytes = body.size();
  if (bytes > kSmallBody) share.wait_to_work();
  const auto json = parse_object(body);
  return json ? use(*json) : to_http(json.error());
}

}  // namespace

std::optional<HttpError> with_json_body(BodyMemory& memory, const httplib::ContentReader& content,
                                        const httplib::Response& response, const UseBody& use) {
  std::size_t bytes = 0;
  std::optional<HttpError> error = receive(memory, content, response, use, bytes);
  if (bytes >= kLargeBody) malloc_trim(0);
  return error;
}

}  // namespace banyan
