/// Who is connected: waits for requests on one thread, and has them answered by others.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>

#include "server/http/connection.h"
#include "server/http/worker_pool.h"

namespace banyan {

/// A connection occupies a thread only from the end of a request's head to the end of its answer; idle and
/// slow ones cost a descriptor each. Questions about the server's health have threads of their own, so that
/// they are answered whatever others do.
///
/// Any thread.
class Connections {
 public:
  /// Answers one request; returns whether the answer was sent whole and the connection may go on.
  using Serve = std::function<bool(httplib::Stream&, const RequestHead&)>;
  /// The whole answer to a request that is refused with a status before it is read.
  using Refuse = std::function<std::string(int status)>;

  /// At most `threads` requests are answered at once, those about health aside, and `most_waiting`
  /// connections wait without one: the one that has waited longest goes for the next.
  Connections(const ConnectionTimes& times, std::size_t threads, std::size_t most_waiting, Serve serve,
              Refuse refuse);
  /// stop().
  ~Connections();

  /// Takes over a socket.
  void add(int socket);
  /// Closes the connections that wait, lets no more of a body be read, and returns when what is being
  /// answered has been.
  void stop();

  /// Threads that answer, so far.
  std::size_t threads() const { return workers_.threads(); }

 private:
  using Owned = std::unique_ptr<Connection>;

  void watch();
  void take_arrivals();
  // Returns whether it goes on waiting; else it was handed on or is to be closed.
  bool look_at(Owned& connection, bool readable);
  bool begin(Owned& connection, std::size_t head_bytes);
  bool refuse(Connection& connection, int status);
  void answer(Owned connection, const RequestHead& head, const ConnectionTimes& times);
  // To the watching thread, or closed when it has ended or there is no memory.
  void give_back(Owned connection) noexcept;
  void wake() const;

  const ConnectionTimes times_;
  const ConnectionTimes health_times_;
  const std::size_t most_waiting_;
  const Serve serve_;
  const Refuse refuse_;
  WorkerPool workers_;
  WorkerPool health_workers_;

  std::mutex mutex_;
  std::list<Owned> arrivals_;        // guarded by mutex_
  std::unordered_set<int> at_work_;  // sockets; guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  std::list<Owned> waiting_;         // the watching thread's; in the order of arrival
  int wake_;                         // an eventfd
  std::thread watcher_;
};

}  // namespace banyan
