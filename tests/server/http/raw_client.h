// A socket to a server, for what HTTP clients do not do.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace banyan {

class RawClient {
 public:
  explicit RawClient(int port);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  /// Returns whether all was sent.
  bool send(std::string_view bytes) const;
  void end_sending() const;
  /// Sends, and ends the sending direction in one packet with the last bytes.
  void send_last(std::string_view bytes) const;
  /// What comes until the server ends the connection, or nothing comes for `patience`.
  std::string read_all(std::chrono::milliseconds patience = std::chrono::seconds(60)) const;
  /// As above, until `text` has come `times` times.
  std::string read_until(std::string_view text, std::size_t times = 1) const;
  /// Whether the server has ended the connection, waiting for it at most a minute.
  bool is_ended() const;

 private:
  int socket_;
};

}  // namespace banyan
