#include "server/http/http_server.h"

#include <sys/socket.h>

namespace banyan {

void HttpServer::widen_backlog() { ::listen(svr_sock_, SOMAXCONN); }

bool HttpServer::answer(httplib::Stream& stream, const RequestHead& head) {
  bool closed = false;
  closes_ = false;
  return process_request(stream, "", 0, "", 0, head.closes, closed, nullptr) && !closes_;
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  take(socket);
  return true;
}

}  // namespace banyan
