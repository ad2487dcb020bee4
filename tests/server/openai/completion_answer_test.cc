// Deltas to OpenAI's completions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/deltas.h"
#include "server/openai/completions.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

using testing::ElementsAre;

std::unique_ptr<Answer> completion(const char* fields) {
  return read_openai_completion(Json::parse(fields), shipped_context()).value().answer;
}

TEST(CompletionAnswer, NumbersChoicesAcrossPromptsAndEchoes) {
  const auto answer = completion(R"({"prompt": ["Hello", "Bye"], "n": 2, "echo": true})");
  add(*answer, 0, delta("a", {}, 0));
  add(*answer, 0, delta("b", {}, 1));
  add(*answer, 1, delta("c", {}, 0));
  add(*answer, 1, delta("d", {}, 1));
  const Json body = answer->body();
  std::vector<std::string> texts;
  for (const Json& choice : body["choices"]) texts.push_back(choice["text"]);
  EXPECT_THAT(texts, ElementsAre("Helloa", "Hellob", "Byec", "Byed"));
  EXPECT_EQ(body["choices"][3]["index"], 3);
  EXPECT_EQ(body["usage"]["prompt_tokens"], 20);
  EXPECT_EQ(body["usage"]["completion_tokens"], 12);
}

TEST(CompletionAnswer, StreamsTheEchoFirst) {
  const auto answer = completion(R"({"prompt": "Hello", "stream": true, "echo": true})");
  const std::vector<Json> events = add(*answer, 0, delta(" you", {}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(dump(events[0]["choices"]),
            R"([{"index":0,"text":"Hello","logprobs":null,"finish_reason":null}])");
  EXPECT_EQ(events[1]["choices"][0]["text"], " you");
  EXPECT_EQ(add(*answer, 0, last(Finish::end))[0]["choices"][0]["finish_reason"], "stop");
}

TEST(CompletionAnswer, LogprobsHaveOpenAisOlderForm) {
  const auto answer = completion(R"({"prompt": "x", "stream": true, "logprobs": 2})");
  const Json first = add(*answer, 0, delta("aö", {token(5, "a"), token(6, "\xc3"), token(7, "\xb6")}))[0];
  EXPECT_EQ(dump(first["choices"][0]["logprobs"]),
            R"({"tokens":["a","bytes:\\xc3","bytes:\\xb6"],"token_logprobs":[-0.5,-0.5,-0.5],)"
            R"("top_logprobs":[{"a":-0.5,"bytes:\\xc3":-9999.0},{"bytes:\\xc3":-9999.0},)"
            R"({"bytes:\\xb6":-0.5,"bytes:\\xc3":-9999.0}],"text_offset":[0,1,2]})");
  const Json second = add(*answer, 0, delta("b", {token(8, "b")}))[0];
  EXPECT_EQ(dump(second["choices"][0]["logprobs"]["text_offset"]), "[2]");
}

}  // namespace
}  // namespace banyan
