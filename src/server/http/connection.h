/// A client's connection, and what of it httplib sees while a request is answered.
#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/request_head.h"

namespace banyan {

/// How long clients may take.
struct ConnectionTimes {
  std::chrono::milliseconds idle;   ///< between requests
  std::chrono::milliseconds head;   ///< from the first byte of a request's head to its end
  std::chrono::milliseconds body;   ///< for all of a body, and more as it comes at least at `body_rate`
  std::size_t body_rate;            ///< bytes a second
  std::chrono::milliseconds read;   ///< for each read of a body
  std::chrono::milliseconds write;  ///< for each write
};

/// Owns the socket, which does not block.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Connection(int socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }

  enum class Received : std::uint8_t { some, nothing, end };
  /// Takes what has come into `buffer`, at most some KiB; does not wait.
  Received receive();
  /// Sends what goes without waiting.
  void send_now(std::string_view bytes) const;
  /// Ends the sending direction, so that the client sees the end of the answer.
  void end_sending() const;

  std::string buffer;          ///< received and not used yet
  std::size_t looked_at = 0;   ///< bytes of `buffer` in which no head ends
  Clock::time_point deadline;  ///< while it waits
  bool lingers = false;        ///< answered for the last time; what still comes is thrown away

 private:
  int socket_;
};

/// Reads a request's head, and then its body from the connection. All of a request's time limits are here.
class RequestStream final : public httplib::Stream {
 public:
  RequestStream(Connection& connection, const RequestHead& head, const ConnectionTimes& times);
  /// Leaves in the connection's buffer what was not read.
  ~RequestStream() override;

  /// Whether the body was read to its end, so that what follows is the next request.
  bool is_consumed() const { return head_read_ == head_.text.size() && body_read_ == head_.body_bytes; }

  bool is_readable() const override;
  bool wait_readable() const override;
  bool wait_writable() const override;
  ssize_t read(char* bytes, std::size_t size) override;
  ssize_t write(const char* bytes, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  int socket() const override { return connection_.socket(); }
  time_t duration() const override;

 private:
  Connection::Clock::time_point body_deadline() const;

  Connection& connection_;
  const RequestHead& head_;
  const ConnectionTimes& times_;
  const Connection::Clock::time_point begun_ = Connection::Clock::now();
  std::size_t head_read_ = 0;
  std::size_t body_read_ = 0;
  std::size_t body_earned_ = 0;  // read before the answer: what comes then is thrown away, and earns no time
  bool is_answered_ = false;
  std::size_t used_ = 0;  // of the connection's buffer
  bool gave_up_ = false;  // the body came too slowly
};

}  // namespace banyan
