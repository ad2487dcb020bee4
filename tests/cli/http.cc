#include "cli/http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

namespace banyan::cli {
namespace {

std::string answer_to(int port, const std::string& request) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    std::string_view rest = request;
    while (!rest.empty()) {
      const ssize_t count = send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    char buffer[4096];
    for (ssize_t count; (count = read(connection, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(count));
    }
  }
  close(connection);
  return answer;
}

}  // namespace

int listening_port(Program& server) {
  const std::string line = server.read_until("\n");
  const std::string before = "banyan: listening on http://127.0.0.1:";
  EXPECT_THAT(line, testing::StartsWith(before));
  return line.starts_with(before) ? std::stoi(line.substr(before.size())) : 0;
}

std::string get(int port, const std::string& path) {
  return answer_to(port, "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
}

std::string post(int port, const std::string& path, const std::string& body) {
  return answer_to(port, "POST " + path +
                             " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body);
}

}  // namespace banyan::cli
