#include "server/http/raw_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace banyan {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++times;
  return times;
}

}  // namespace

RawClient::RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect");
  }
}

RawClient::RawClient(RawClient&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

RawClient::~RawClient() {
  if (socket_ >= 0) close(socket_);
}

bool RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end_sending() const { shutdown(socket_, SHUT_WR); }

void RawClient::send_last(std::string_view bytes) const {
  // Held back for what follows, which is the end.
  if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_MORE) == std::ssize(bytes)) {
    end_sending();
  }
}

std::string RawClient::read_all(std::chrono::milliseconds patience) const {
  std::string all;
  char bytes[4096];
  for (;;) {
    pollfd one{socket_, POLLIN, 0};
    if (poll(&one, 1, static_cast<int>(patience.count())) <= 0) return all;
    const ssize_t size = recv(socket_, bytes, sizeof bytes, 0);
    if (size <= 0) return all;
    all.append(bytes, static_cast<std::size_t>(size));
  }
}

std::string RawClient::read_until(std::string_view text, std::size_t times) const {
  std::string all;
  char byte = 0;
  while (count(all, text) < times) {
    pollfd one{socket_, POLLIN, 0};
    if (poll(&one, 1, 60'000) <= 0 || recv(socket_, &byte, 1, 0) <= 0) break;
    all += byte;
  }
  return all;
}

bool RawClient::is_ended() const {
  char byte = 0;
  for (;;) {
    pollfd one{socket_, POLLIN, 0};
    if (poll(&one, 1, 60'000) <= 0) return false;
    if (recv(socket_, &byte, 1, 0) <= 0) return true;
  }
}

}  // namespace banyan
