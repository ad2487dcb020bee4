#include "server/stream_form.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "server/http/stream_writer.h"

namespace banyan {
namespace {

using namespace std::chrono_literals;

const WireEvent kPlain{.name = "", .data = {{"a", 1}}};
const WireEvent kNamed{.name = "message_stop", .data = {{"type", "message_stop"}}};

TEST(StreamForm, EventsMayHaveNames) {
  EXPECT_EQ(event_stream().write(kPlain), "data: {\"a\":1}\n\n");
  EXPECT_EQ(event_stream().write(kNamed), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  EXPECT_STREQ(event_stream().content_type(), "text/event-stream");
  EXPECT_EQ(event_stream().end(), "");
  EXPECT_EQ(event_stream_until_done().end(), "data: [DONE]\n\n");
}

TEST(StreamForm, LinesOfJsonHaveNone) {
  EXPECT_EQ(json_lines().write(kNamed), "{\"type\":\"message_stop\"}\n");
  EXPECT_STREQ(json_lines().content_type(), "application/x-ndjson");
}

TEST(StreamWriter, PingsWhereTheFormHasSuch) {
  std::string sent;
  const auto write = [&](std::string_view bytes) {
    sent += bytes;
    return true;
  };
  StreamWriter events(event_stream_until_done(), write);
  EXPECT_TRUE(events.ping(1h));
  EXPECT_EQ(sent, "");
  EXPECT_TRUE(events.ping(0ms));
  EXPECT_TRUE(events.end());
  EXPECT_EQ(sent, ": ping\n\ndata: [DONE]\n\n");
  sent.clear();
  StreamWriter lines(json_lines(), write);
  EXPECT_TRUE(lines.ping(0ms));
  EXPECT_TRUE(lines.write(kPlain));
  EXPECT_TRUE(lines.end());
  EXPECT_EQ(sent, "{\"a\":1}\n");
}

TEST(StreamWriter, SaysThatTheClientIsGone) {
  StreamWriter writer(event_stream(), [](std::string_view) { return false; });
  EXPECT_FALSE(writer.write(kPlain));
  EXPECT_FALSE(writer.ping(0ms));
  EXPECT_TRUE(writer.end());  // there is nothing to send
}

}  // namespace
}  // namespace banyan
