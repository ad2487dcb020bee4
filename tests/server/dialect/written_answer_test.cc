// Deltas to a dialect's writer.
#include "server/dialect/written_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/deltas.h"

namespace banyan {
namespace {

using testing::ElementsAre;

// Events are named after what the writer was told.
class NamingWriter final : public ReplyWriter {
 public:
  std::vector<WireEvent> begin(const Timings&) override { return {{.name = "begin", .data = {}}}; }
  std::vector<WireEvent> wait() override { return {{.name = "wait", .data = {}}}; }
  std::vector<WireEvent> add(const ChatEvent& event) override { return {{.name = event.text, .data = {}}}; }
  std::vector<WireEvent> end(const ReplyEnd& end) override {
    body_ = {{"stop", end.stop_word}, {"generated", end.timings.generated}};
    return {{.name = "end", .data = {}}};
  }
  std::vector<WireEvent> fail(const HttpError& error) override {
    return {{.name = error.message, .data = {}}};
  }
  Json body() const override { return body_; }

 private:
  Json body_;
};

std::vector<std::string> names(const std::vector<WireEvent>& events) {
  std::vector<std::string> all;
  for (const WireEvent& event : events) all.push_back(event.name);
  return all;
}

TEST(WrittenAnswer, TellsItsWriterInOrder) {
  const ReplyForm form;
  WrittenAnswer answer(form, ChatRequest(), "", true, json_lines(), std::make_unique<NamingWriter>());
  EXPECT_THAT(names(answer.add(0, progress(5))), ElementsAre("begin"));
  EXPECT_THAT(names(answer.add(0, progress(9))), ElementsAre("wait"));
  EXPECT_THAT(names(answer.add(0, delta("a", {token(5, "a")}))), ElementsAre("a"));
  Delta end = last(Finish::stop);
  end.text = "b";
  EXPECT_THAT(names(answer.add(0, end)), ElementsAre("b", "end"));
  EXPECT_TRUE(answer.closing().empty());
  EXPECT_EQ(dump(answer.body()), R"({"stop":"!","generated":3})");
  EXPECT_EQ(&answer.form(), &json_lines());
}

TEST(WrittenAnswer, BeginsWithTheReplyWhereNoProgressIsTold) {
  const ReplyForm form;
  WrittenAnswer answer(form, ChatRequest(), "", true, json_lines(), std::make_unique<NamingWriter>());
  EXPECT_THAT(names(answer.add(0, delta("a", {token(5, "a")}))), ElementsAre("begin", "a"));
}

TEST(WrittenAnswer, BreaksOffAsItsWriterSays) {
  const ReplyForm form;
  WrittenAnswer answer(form, ChatRequest(), "", true, event_stream(), std::make_unique<NamingWriter>());
  EXPECT_THAT(names(answer.breaking_off(http_error(500, "gone wrong"))), ElementsAre("gone wrong"));
}

}  // namespace
}  // namespace banyan
