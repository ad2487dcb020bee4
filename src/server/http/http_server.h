/// httplib's server, without its way to wait for requests.
#pragma once

#include <httplib.h>

#include <functional>

#include "server/http/request_head.h"

namespace banyan {

class HttpServer final : public httplib::Server {
 public:
  /// httplib listens with a backlog of 5, so a burst of clients would wait for their SYN to be sent again.
  void widen_backlog();

  /// Takes each new connection, on the listening thread.
  std::function<void(int socket)> take;

  /// Returns whether the answer was sent whole and the connection may go on.
  bool answer(httplib::Stream& stream, const RequestHead& head);

  /// The connection ends with the answer to the request that this thread is at.
  static void close_after_answer() { closes_ = true; }
  static bool closes_after_answer() { return closes_; }

 private:
  bool process_and_close_socket(socket_t socket) override;

  static inline thread_local bool closes_ = false;
};

/// What the listening thread does itself.
class AtOnce final : public httplib::TaskQueue {
 public:
  bool enqueue(std::function<void()> task) override {
    task();
    return true;
  }
  void shutdown() override {}
};

}  // namespace banyan
