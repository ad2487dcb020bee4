#include "server/http/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace banyan {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kChunk = std::size_t{16} << 10;

// Whether the socket is ready within the time.
bool wait_for(int socket, short events, milliseconds timeout) {
  pollfd one{socket, events, 0};
  const auto end = Connection::Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - Connection::Clock::now());
    const int ready = poll(&one, 1, static_cast<int>(std::clamp<long>(left.count(), 0, INT_MAX)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

Connection::Connection(int socket) : socket_(socket) {
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

Connection::~Connection() { close(socket_); }

Connection::Received Connection::receive() {
  char bytes[kChunk];
  for (;;) {
    const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
    if (count > 0) {
      buffer.append(bytes, static_cast<std::size_t>(count));
      return Received::some;
    }
    if (count < 0 && errno == EINTR) continue;
    return count < 0 && would_block() ? Received::nothing : Received::end;
  }
}

void Connection::send_now(std::string_view bytes) const {
  while (send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void Connection::end_sending() const { shutdown(socket_, SHUT_WR); }

RequestStream::RequestStream(Connection& connection, const RequestHead& head, const ConnectionTimes& times)
    : connection_(connection), head_(head), times_(times) {}

RequestStream::~RequestStream() { connection_.buffer.erase(0, used_); }

Connection::Clock::time_point RequestStream::body_deadline() const {
  const auto earned = milliseconds(body_earned_ * 1000 / times_.body_rate);
  return begun_ + times_.body + earned;
}

bool RequestStream::is_readable() const {
  return head_read_ < head_.text.size() || used_ < connection_.buffer.size();
}

bool RequestStream::wait_readable() const {
  if (is_readable()) return true;
  const auto left = std::chrono::ceil<milliseconds>(body_deadline() - Connection::Clock::now());
  return left > 0ms && wait_for(socket(), POLLIN, std::min(left, times_.read));
}

bool RequestStream::wait_writable() const { return wait_for(socket(), POLLOUT, times_.write); }

ssize_t RequestStream::read(char* bytes, std::size_t size) {
  if (head_read_ < head_.text.size()) {
    size = std::min(size, head_.text.size() - head_read_);
    std::memcpy(bytes, head_.text.data() + head_read_, size);
    head_read_ += size;
    return static_cast<ssize_t>(size);
  }
  if (!head_.is_chunked) {
    // httplib reads on after a body that it gave up, as if nothing of it had been read.
    if (body_read_ == head_.body_bytes) return 0;
    size = std::min(size, head_.body_bytes - body_read_);
  }
  while (used_ == connection_.buffer.size()) {
    connection_.buffer.clear();
    used_ = 0;
    // httplib reads on after an answer, to find the end of the body; too slow once is too slow for good.
    if (gave_up_ || !wait_readable()) {
      gave_up_ = true;
      return -1;
    }
    if (connection_.receive() == Connection::Received::end) return 0;
  }
  size = std::min(size, connection_.buffer.size() - used_);
  std::memcpy(bytes, connection_.buffer.data() + used_, size);
  used_ += size;
  body_read_ += size;
  if (!is_answered_) body_earned_ += size;
  return static_cast<ssize_t>(size);
}

ssize_t RequestStream::write(const char* bytes, std::size_t size) {
  // "100 Continue" is no answer yet.
  const std::string_view text(bytes, size);
  if (text.starts_with("HTTP/1.1 ") && !text.starts_with("HTTP/1.1 1")) is_answered_ = true;
  for (;;) {
    const ssize_t count = send(socket(), bytes, size, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (!would_block() || !wait_writable()) return -1;
  }
}

void RequestStream::get_remote_ip_and_port(std::string&, int&) const {}
void RequestStream::get_local_ip_and_port(std::string&, int&) const {}

time_t RequestStream::duration() const {
  return std::chrono::duration_cast<milliseconds>(Connection::Clock::now() - begun_).count();
}

}  // namespace banyan
