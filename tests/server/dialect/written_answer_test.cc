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

// The mark that ends a thought is none of its tokens.
TEST(WrittenAnswer, CountsTheTokensOfThoughts) {
  const ReplyForm form{.reasoning = {.begin = "<think>", .end = "</think>"}};
  const auto count = [&](const std::string& prompt, const std::vector<std::string>& tokens) {
    WrittenAnswer answer(form, ChatRequest(), prompt, false, json_lines(), std::make_unique<NamingWriter>());
    for (const std::string& text : tokens) answer.add(0, delta(text, {token(5, text)}));
    answer.add(0, last(Finish::end));
    return answer.reasoning_tokens();
  };
  EXPECT_EQ(count("<think>\n", {"One", " two", " three", "\n", "</th", "ink>", "\n\n", "So."}), 3);
  EXPECT_EQ(count("<think>\n", {"One", "\n", "two", "</think>", "So."}), 3);
  EXPECT_EQ(count("<think>\n", {"\n", "</think>", "\n\n", "So."}), 0);
  EXPECT_EQ(count("<think>\n", {"One", " <b>", " two"}), 3);
  EXPECT_EQ(count("", {"<think>", "One", " two", "\n", "</think>", "\n", "So."}), 2);
}

TEST(WrittenAnswer, BreaksOffAsItsWriterSays) {
  const ReplyForm form;
  WrittenAnswer answer(form, ChatRequest(), "", true, event_stream(), std::make_unique<NamingWriter>());
  EXPECT_THAT(names(answer.breaking_off(http_error(500, "gone wrong"))), ElementsAre("gone wrong"));
}

}  // namespace
}  // namespace banyan
