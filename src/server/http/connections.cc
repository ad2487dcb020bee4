#include "server/http/connections.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace banyan {
namespace {

using namespace std::chrono_literals;
using Clock = Connection::Clock;
using std::chrono::milliseconds;

constexpr std::size_t kHealthThreads = 2;

ConnectionTimes for_health(ConnectionTimes times) {
  // Its answers are short: who has no room for one reads none.
  times.write = 0ms;
  return times;
}

}  // namespace

Connections::Connections(const ConnectionTimes& times, std::size_t threads, std::size_t most_waiting,
                         Serve serve, Refuse refuse)
    : times_(times),
      health_times_(for_health(times)),
      most_waiting_(most_waiting),
      serve_(std::move(serve)),
      refuse_(std::move(refuse)),
      workers_(threads),
      health_workers_(kHealthThreads),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      watcher_([this] { watch(); }) {}

Connections::~Connections() {
  stop();
  close(wake_);
}

void Connections::add(int socket) {
  try {
    give_back(std::make_unique<Connection>(socket));
  } catch (const std::bad_alloc&) {
    close(socket);
  }
}

void Connections::give_back(Owned connection) noexcept {
  connection->looked_at = 0;
  connection->deadline = Clock::now() + (connection->lingers ? times_.head : times_.idle);
  const std::lock_guard lock(mutex_);
  at_work_.erase(connection->socket());
  if (stopping_) return;
  try {
    arrivals_.push_back(std::move(connection));
  } catch (const std::bad_alloc&) {
    return;  // this connection ends, and the others go on
  }
  wake();
}

void Connections::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void Connections::stop() {
  if (watcher_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int socket : at_work_) shutdown(socket, SHUT_RD);
    }
    wake();
    watcher_.join();
  }
  health_workers_.join();
  workers_.join();
}

void Connections::watch() {
  std::vector<pollfd> polled(1);
  for (;;) {
    // Without memory to watch them all, those that came last end.
    while (polled.capacity() <= waiting_.size()) {
      try {
        polled.reserve(2 * waiting_.size() + 1);
      } catch (const std::bad_alloc&) {
        waiting_.pop_back();
      }
    }
    polled.assign(1, {wake_, POLLIN, 0});
    auto next = Clock::now() + 1h;
    for (const Owned& connection : waiting_) {
      polled.push_back({connection->socket(), POLLIN, 0});
      next = std::min(next, connection->deadline);
    }
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
    poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long>(left.count(), 0, INT_MAX)));

    std::size_t index = 1;
    for (auto it = waiting_.begin(); it != waiting_.end(); ++index) {
      it = look_at(*it, polled[index].revents != 0) ? std::next(it) : waiting_.erase(it);
    }
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t read_bytes = read(wake_, &count, sizeof count);
    take_arrivals();
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  waiting_.clear();
  const std::lock_guard lock(mutex_);
  arrivals_.clear();
}

void Connections::take_arrivals() {
  std::list<Owned> arrivals;
  {
    const std::lock_guard lock(mutex_);
    arrivals.swap(arrivals_);
  }
  for (auto it = arrivals.begin(); it != arrivals.end();) {
    // The next request may have come with the one before.
    it = look_at(*it, true) ? std::next(it) : arrivals.erase(it);
  }
  waiting_.splice(waiting_.end(), arrivals);
  while (waiting_.size() > most_waiting_) waiting_.pop_front();
}

bool Connections::look_at(Owned& connection, bool readable) try {
  if (connection->lingers) connection->buffer.clear();
  const bool was_idle = connection->buffer.empty();
  bool ended = false;
  if (readable) ended = connection->receive() == Connection::Received::end;
  if (connection->lingers) return !ended && Clock::now() < connection->deadline;

  std::string& buffer = connection->buffer;
  buffer.erase(0, std::min(buffer.find_first_not_of("\r\n"), buffer.size()));  // between requests
  if (buffer.empty()) return !ended && Clock::now() < connection->deadline;
  if (was_idle) connection->deadline = Clock::now() + times_.head;
  if (const std::size_t size = head_size(buffer, connection->looked_at)) return begin(connection, size);
  connection->looked_at = buffer.size();
  if (buffer.size() > kMaxHeadBytes) return refuse(*connection, too_long_status(buffer));
  if (ended) return false;
  return Clock::now() < connection->deadline || refuse(*connection, 408);
} catch (const std::exception&) {
  return false;  // no memory, or no thread: this connection ends, and the others go on
}

bool Connections::begin(Owned& connection, std::size_t head_bytes) {
  const auto head = std::make_shared<const RequestHead>(
      read_head(std::string_view(connection->buffer).substr(0, head_bytes)));
  if (head->refused != 0) return refuse(*connection, head->refused);
  connection->buffer.erase(0, head_bytes);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;  // stop() would not end the reading of its body
    at_work_.insert(connection->socket());
  }
  const int socket = connection->socket();
  const ConnectionTimes& times = head->is_health ? health_times_ : times_;
  try {
    (head->is_health ? health_workers_ : workers_)
        .submit([this, head, &times, owned = std::move(connection)]() mutable {
          answer(std::move(owned), *head, times);
        });
  } catch (const std::exception&) {
    const std::lock_guard lock(mutex_);
    at_work_.erase(socket);
  }
  return false;
}

bool Connections::refuse(Connection& connection, int status) {
  connection.send_now(refuse_(status));
  connection.end_sending();
  connection.lingers = true;
  connection.deadline = Clock::now() + times_.head;
  connection.buffer.clear();
  return true;
}

void Connections::answer(Owned connection, const RequestHead& head, const ConnectionTimes& times) {
  bool goes_on = false;
  try {
    RequestStream stream(*connection, head, times);
    goes_on = serve_(stream, head) && !head.closes && stream.is_consumed();
  } catch (const std::exception&) {  // no memory for what httplib needs
  }
  if (!goes_on) {
    // Closed at once, the socket would throw away what the client sent, and with it the answer.
    connection->end_sending();
    connection->lingers = true;
    connection->buffer.clear();
  }
  give_back(std::move(connection));
}

}  // namespace banyan
