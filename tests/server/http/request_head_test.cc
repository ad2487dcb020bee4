#include "server/http/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace banyan {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(RequestHead, EndsWithAnEmptyLineHoweverItComes) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string bytes = head + "rest";
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    for (std::size_t from = 0; from < std::min(size, head.size()); ++from) {
      EXPECT_EQ(head_size(std::string_view(bytes).substr(0, size), from),
                size < head.size() ? 0 : head.size());
    }
  }
  EXPECT_EQ(head_size("GET / HTTP/1.0\n\nrest", 0), 16u);
}

TEST(RequestHead, AnAbsoluteTargetIsItsPathAndItsHostCounts) {
  const RequestHead head =
      read_head("GET http://example.com:80/health?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(head.refused, 0);
  EXPECT_THAT(head.text, StartsWith("GET /health?a=b HTTP/1.1\r\n"));
  EXPECT_THAT(head.text, HasSubstr("\r\nHost: example.com:80\r\n"));
  EXPECT_THAT(head.text, Not(HasSubstr("localhost")));
  EXPECT_TRUE(head.is_health);
  EXPECT_THAT(read_head("GET http://a HTTP/1.1\r\n\r\n").text, StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_EQ(read_head("GET http:///x HTTP/1.1\r\n\r\n").refused, 400);
}

TEST(RequestHead, HeadersThatMeanNothingHereAreLeftOut) {
  const RequestHead head =
      read_head("GET / HTTP/1.1\r\nRANGE: bytes=0-4\r\nAccept: ;;\r\nX-Own:  a b \r\n\r\n");
  EXPECT_EQ(head.text, "GET / HTTP/1.1\r\nX-Own: a b\r\nContent-Length: 0\r\n\r\n");
}

TEST(RequestHead, SaysWhereTheBodyAndTheConnectionEnd) {
  EXPECT_EQ(read_head("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n").body_bytes, 12u);
  const RequestHead chunked = read_head("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n");
  EXPECT_TRUE(chunked.is_chunked);
  EXPECT_TRUE(chunked.closes);
  EXPECT_THAT(chunked.text, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(read_head("GET / HTTP/1.1\r\n\r\n").closes);
  EXPECT_TRUE(read_head("GET / HTTP/1.0\r\n\r\n").closes);
  EXPECT_TRUE(read_head("GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n").closes);
  EXPECT_FALSE(read_head("GET /health HTTP/1.1\r\nContent-Length: 1\r\n\r\n").is_health);
  EXPECT_FALSE(read_head("GET /healthy HTTP/1.1\r\n\r\n").is_health);
}

TEST(RequestHead, RefusesWhatHttpDoes) {
  const std::pair<std::string, int> wrong[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / a HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET / FTP/1.0\r\n\r\n", 400},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nA: " + std::string(9000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
  };
  for (const auto& [head, status] : wrong) EXPECT_EQ(read_head(head).refused, status) << head.substr(0, 60);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "A: b\r\n";
  EXPECT_EQ(read_head(many + "\r\n").refused, 431);
}

}  // namespace
}  // namespace banyan
