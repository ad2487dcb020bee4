// JSON to requests, in every dialect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "server/llama/completion.h"
#include "server/openai/chat.h"
#include "server/openai/completions.h"
#include "server/shipped_model.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Reader = Result<Job> (*)(const Json&, const ModelContext&);
constexpr Reader kReaders[] = {read_openai_chat, read_openai_completion, read_llama_completion};

const Vocabulary& vocabulary() { return shipped_context().vocabulary; }

Result<Job> read(Reader reader, Json fields) {
  const bool is_chat = reader == read_openai_chat;
  if (is_chat && !fields.contains("messages")) {
    fields["messages"] = Json::parse(R"([{"role": "user", "content": "hi"}])");
  }
  if (!is_chat && !fields.contains("prompt")) fields["prompt"] = "hi";
  return reader(fields, shipped_context());
}

Request only(Result<Job> job) {
  EXPECT_TRUE(job.has_value()) << job.error().message;
  EXPECT_EQ(job->requests.size(), 1u);
  return std::move(job->requests.at(0));
}

Error error_of(Result<Job> job) { return job ? Error{Errc::io, "there was none"} : job.error(); }

TEST(Requests, DefaultsAreTheEnginesOwn) {
  const Request plain;
  for (const Reader reader : kReaders) {
    const Request request = only(read(reader, Json::object()));
    EXPECT_EQ(request.sampling.temperature, plain.sampling.temperature);
    EXPECT_EQ(request.sampling.top_k, plain.sampling.top_k);
    EXPECT_EQ(request.sampling.top_p, plain.sampling.top_p);
    EXPECT_EQ(request.sampling.min_p, plain.sampling.min_p);
    EXPECT_EQ(request.sampling.seed, std::nullopt);
    EXPECT_EQ(request.max_tokens, -1);
    EXPECT_EQ(request.choices, 1);
    EXPECT_TRUE(request.stop.empty());
    EXPECT_TRUE(request.reuse_cache);
    EXPECT_FALSE(request.logprobs);
    EXPECT_FALSE(request.ignore_eos);
  }
}

TEST(Requests, EveryDialectReadsEverySamplingField) {
  const Json fields = Json::parse(R"({
    "temperature": 0.5, "top_k": 3, "top_p": 0.25, "min_p": 0.125, "repeat_penalty": 1.5,
    "repeat_last_n": -1, "presence_penalty": -0.5, "frequency_penalty": 0.75, "seed": 42,
    "logit_bias": {"7": -1.5}, "grammar": "root ::= \"a\"", "stop": ["x", "", "yz"],
    "ignore_eos": true, "cache_prompt": false, "max_tokens": 9,
    "model": "any", "user": "u", "metadata": {"a": "b"}, "store": true})");
  for (const Reader reader : kReaders) {
    const Request request = only(read(reader, fields));
    EXPECT_EQ(request.sampling.temperature, 0.5f);
    EXPECT_EQ(request.sampling.top_k, 3);
    EXPECT_EQ(request.sampling.top_p, 0.25f);
    EXPECT_EQ(request.sampling.min_p, 0.125f);
    EXPECT_EQ(request.sampling.repeat_penalty, 1.5f);
    EXPECT_EQ(request.sampling.penalty_last_n, -1);
    EXPECT_EQ(request.sampling.presence_penalty, -0.5f);
    EXPECT_EQ(request.sampling.frequency_penalty, 0.75f);
    EXPECT_EQ(request.sampling.seed, 42u);
    EXPECT_THAT(request.sampling.logit_bias, ElementsAre(Pair(7, -1.5f)));
    EXPECT_EQ(request.sampling.grammar, "root ::= \"a\"");
    EXPECT_THAT(request.stop, ElementsAre("x", "yz"));
    EXPECT_TRUE(request.ignore_eos);
    EXPECT_FALSE(request.reuse_cache);
    EXPECT_EQ(request.max_tokens, 9);
  }
}

TEST(Requests, WrongFieldsAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"temperature": "hot"})", "temperature"},
      {R"({"temperature": -2})", "temperature"},
      {R"({"top_p": 1.5})", "top_p"},
      {R"({"top_k": 0.5})", "top_k"},
      {R"({"min_p": -0.1})", "min_p"},
      {R"({"presence_penalty": 3})", "presence_penalty"},
      {R"({"frequency_penalty": []})", "frequency_penalty"},
      {R"({"repeat_penalty": 0})", "repeat_penalty"},
      {R"({"seed": "x"})", "seed"},
      {R"({"max_tokens": "many"})", "max_tokens"},
      {R"({"stop": 5})", "stop"},
      {R"({"stop": ["a", 5]})", "stop[1]"},
      {R"({"stream": 1})", "stream"},
      {R"({"logit_bias": 5})", "logit_bias"},
      {R"({"logit_bias": {"5": "x"}})", "logit_bias[\"5\"]"},
      {R"({"logit_bias": {"99999": 1}})", "logit_bias[\"99999\"]"},
      {R"({"logit_bias": {"-1": 1}})", "logit_bias[\"-1\"]"},
      {R"({"logit_bias": {"99999999999999999999": 1}})", "logit_bias[\"99999999999999999999\"]"},
      {R"({"logit_bias": {"": 1}})", "logit_bias[\"\"]"},
      {R"({"logit_bias": [[5, 1], [6]]})", "logit_bias[1]"},
      {R"({"logit_bias": [[2048, 1]]})", "logit_bias[0]"},
      {R"({"logit_bias": [[5, true]]})", "logit_bias[0]"},
      {R"({"response_format": "json"})", "response_format"},
      {R"({"response_format": {"type": "yaml"}})", "response_format.type"},
      {R"({"response_format": {"type": "json_object"}, "grammar": "x"})", "grammar"},
      {R"({"response_format": {"type": "json_schema"}})", "response_format.json_schema"},
      {R"({"response_format": {"type": "json_schema", "json_schema": 1}})", "response_format.json_schema"},
      {R"({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}})",
       "response_format.json_schema.schema"},
      {R"({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 1}}}})",
       "response_format.json_schema.schema"},
      {R"({"response_format": {"type": "json_schema", "json_schema": {"strict": 1}}})",
       "response_format.json_schema.strict"},
      {R"({"response_format": {"type": "json_schema", "json_schema": {"strict": true,
           "schema": {"$ref": "#/nowhere"}}}})",
       "response_format.json_schema.schema"},
      {R"({"response_format": {"type": "json_object", "schema": {"type": "text"}}})",
       "response_format.schema"},
      {R"({"json_schema": {"uniqueItems": true}})", "json_schema"},
      {R"({"json_schema": {"type": "text"}})", "json_schema"},
      {R"({"json_schema": 5})", "json_schema"},
      {R"({"json_schema": {}, "grammar": "x"})", "grammar"},
      {R"({"json_schema": {}, "response_format": {"type": "json_object"}})", "json_schema"},
      {R"({"cache_prompt": 1})", "cache_prompt"},
  };
  for (const Reader reader : kReaders) {
    for (const auto& [fields, name] : wrong) {
      const Error error = error_of(read(reader, Json::parse(fields)));
      EXPECT_EQ(error.code, Errc::invalid_argument) << fields;
      EXPECT_EQ(error.field, name) << fields;
      EXPECT_THAT(error.message, HasSubstr(name)) << fields;
    }
  }
}

TEST(Requests, WhatWouldChangeTheReplyAndIsNotOfferedIsRefused) {
  for (const Reader reader : kReaders) {
    for (const char* fields :
         {R"({"mirostat": 2})", R"({"typical_p": 0.5})", R"({"lora": [{"id": 0, "scale": 1}]})"}) {
      EXPECT_EQ(error_of(read(reader, Json::parse(fields))).code, Errc::unsupported) << fields;
    }
    EXPECT_TRUE(read(reader, Json::parse(R"({"mirostat": 0, "typical_p": 1.0, "dry_multiplier": 0,
        "xtc_probability": 0.0, "dynatemp_range": 0, "top_n_sigma": -1.0, "lora": []})")));
  }
}

TEST(Requests, MinusOneIsARandomSeedAndOthersAreTakenModulo32Bits) {
  const auto seed = [](std::int64_t value) {
    return only(read(read_llama_completion, {{"seed", value}})).sampling.seed;
  };
  EXPECT_EQ(seed(-1), std::nullopt);
  EXPECT_EQ(seed(4294967295), std::nullopt);
  EXPECT_EQ(seed(4294967296 + 5), 5u);
  EXPECT_EQ(seed(-2), 4294967294u);
  EXPECT_EQ(seed(std::numeric_limits<std::int64_t>::min() + 7), 7u);
  const auto written = [](const char* number) {
    return only(read(read_llama_completion, Json::parse(std::string(R"({"seed": )") + number + "}")))
        .sampling.seed;
  };
  EXPECT_EQ(written("18446744073709551613"), 4294967293u);
  EXPECT_EQ(written("7.0"), 7u);
  EXPECT_EQ(written("-1.0"), std::nullopt);
  // What would be taken for "random" is not.
  EXPECT_EQ(written("18446744073709551615"), 0u);
  EXPECT_TRUE(written("123456789012345678901234567890"));
}

TEST(Requests, PromptsTooLongByTheirBytesAreNotTokenized) {
  ModelContext context{
      vocabulary(), shipped_context().chat_template, "tally", {.tokens = 100, .token_bytes = 10}};
  const std::string fits(1000, 'a'), long_text(1001, 'a');
  const auto code = [&](Reader reader, Json fields) {
    const auto job = reader(fields, context);
    return job ? std::optional<Errc>() : job.error().code;
  };
  for (const Reader reader : {read_openai_completion, read_llama_completion}) {
    EXPECT_EQ(code(reader, {{"prompt", fits}}), std::nullopt);
    EXPECT_EQ(code(reader, {{"prompt", long_text}}), Errc::too_long);
    EXPECT_EQ(code(reader, {{"prompt", {5, fits, "b"}}}), Errc::too_long);
  }
  EXPECT_EQ(code(read_openai_chat, {{"messages", {{{"role", "user"}, {"content", long_text}}}}}),
            Errc::too_long);
  EXPECT_EQ(vocabulary().longest_token() >= 4, true);
}

TEST(Requests, ManyPromptsAreCountedBeforeTheyAreRead) {
  ModelContext context{vocabulary(), shipped_context().chat_template, "tally", {.prompts = 2}};
  EXPECT_TRUE(read_llama_completion({{"prompt", {"a", "b"}}}, context));
  EXPECT_EQ(error_of(read_llama_completion({{"prompt", {"a", "b", "c"}}}, context)).field, "prompt");
}

TEST(Requests, OtherServersFieldsAreTakenOrRefused) {
  for (const Reader reader : kReaders) {
    for (const char* fields :
         {R"({"min_tokens": 5})", R"({"stop_token_ids": [3]})", R"({"guided_json": {"type": "object"}})",
          R"({"guided_choice": ["a"]})", R"({"structured_outputs": {"json": {}}})", R"({"best_of": 3})",
          R"({"suffix": "x"})", R"({"min_keep": 2})", R"({"adaptive_target": 0.5})"}) {
      EXPECT_EQ(error_of(read(reader, Json::parse(fields))).code, Errc::unsupported) << fields;
    }
    EXPECT_EQ(only(read(reader, {{"repetition_penalty", 1.25}})).sampling.repeat_penalty, 1.25f);
    EXPECT_EQ(only(read(reader, {{"n_predict", 6}})).max_tokens, 6);
    EXPECT_EQ(only(read(reader, {{"temp", 0.25}})).sampling.temperature, 0.25f);
    EXPECT_EQ(only(read(reader, {{"temp", 0.25}, {"temperature", 0.5}})).sampling.temperature, 0.5f);
    EXPECT_TRUE(read(reader, Json::parse(R"({"min_tokens": 0, "stop_token_ids": [], "guided_json": null,
        "best_of": 1, "suffix": "", "repetition_penalty": 1})")));
    EXPECT_EQ(error_of(read(reader, {{"stop", Json(std::vector<std::string>(1025, "x"))}})).field, "stop");
  }
}

TEST(Requests, ToolsAreObjectsAndObjectsAreNotEndless) {
  EXPECT_EQ(error_of(read(read_openai_chat, Json::parse(R"({"tools": [{"function": {"name": "f"}}, null]})")))
                .field,
            "tools[1]");
  Json many = Json::object();
  for (int i = 0; i < 513; ++i) many[std::to_string(i)] = i;
  EXPECT_EQ(error_of(read(read_openai_chat, {{"chat_template_kwargs", many}})).field, "chat_template_kwargs");
}

TEST(Requests, LogitBiasTakesIdsTextsAndNever) {
  const float never = -std::numeric_limits<float>::infinity();
  const auto bias = [](const char* json) {
    return only(read(read_llama_completion, {{"logit_bias", Json::parse(json)}})).sampling.logit_bias;
  };
  EXPECT_THAT(bias(R"([[5, false], ["6", 2]])"), ElementsAre(Pair(5, never), Pair(6, 2.f)));
  EXPECT_THAT(bias(R"({"Hello": 1})"),
              ElementsAre(Pair(vocabulary().tokenize("Hello", false, true)[0], 1.f)));
  EXPECT_THAT(bias(R"({"5": 1e300})"), ElementsAre(Pair(5, 1e6f)));
}

TEST(Requests, LogitBiasIsBounded) {
  const auto most = static_cast<std::size_t>(vocabulary().size());
  const Json pair = Json::parse("[5, 1]");
  Json pairs = Json(std::vector<Json>(most, pair));
  EXPECT_EQ(only(read(read_llama_completion, {{"logit_bias", pairs}})).sampling.logit_bias.size(), most);
  pairs.push_back(pair);
  const Error many = error_of(read(read_llama_completion, {{"logit_bias", pairs}}));
  EXPECT_EQ(many.field, "logit_bias");
  EXPECT_THAT(many.message, HasSubstr(std::to_string(most) + " tokens"));
  Json texts = Json::object();
  texts[std::string((64 << 10) + 1, 'a')] = 1;
  const Error long_text = error_of(read(read_llama_completion, {{"logit_bias", texts}}));
  EXPECT_EQ(long_text.field, "logit_bias");
  EXPECT_THAT(long_text.message, HasSubstr("bytes of text"));
}

TEST(Requests, JsonObjectsComeFromAGrammar) {
  const Request request =
      only(read(read_openai_chat, Json::parse(R"({"response_format": {"type": "json_object"}})")));
  EXPECT_THAT(request.sampling.grammar, HasSubstr("root"));
  EXPECT_EQ(
      only(read(read_openai_chat, Json::parse(R"({"response_format": {"type": "text"}})"))).sampling.grammar,
      "");
}

TEST(Requests, SchemasComeAsGrammarsInEveryDialect) {
  for (const Reader reader : kReaders) {
    const auto grammar = [&](const char* fields) {
      return only(read(reader, Json::parse(fields))).sampling.grammar;
    };
    const std::string yes = grammar(R"({"json_schema": {"const": "yes"}})");
    EXPECT_THAT(yes, HasSubstr(R"(root ::= "\"yes\"")"));
    EXPECT_EQ(grammar(R"({"response_format": {"type": "json_object", "schema": {"const": "yes"}}})"), yes);
    EXPECT_EQ(grammar(R"({"response_format": {"type": "json_schema", "json_schema": {"name": "answer",
        "schema": {"const": "yes"}, "strict": true}}})"),
              yes);
    // What is not strict is kept as far as a grammar can.
    EXPECT_EQ(grammar(R"({"response_format": {"type": "json_schema", "json_schema": {"strict": false,
        "schema": {"const": "yes", "not": {"const": "no"}}}}})"),
              yes);
    const Error error = error_of(read(reader, Json::parse(R"({"response_format": {"type": "json_schema",
        "json_schema": {"schema": {"properties": {"age": {"not": {"format": "date"}}}}}}})")));
    EXPECT_THAT(error.message, HasSubstr("properties/age/not"));
  }
}

TEST(Requests, PromptsAreTextTokenIdsOrBothMixed) {
  const std::vector<Token> hello = vocabulary().tokenize("Hello", false, true);
  for (const Reader reader : {read_openai_completion, read_llama_completion}) {
    const auto prompt = [&](const char* json) {
      return only(read(reader, {{"prompt", Json::parse(json)}})).prompt;
    };
    EXPECT_EQ(prompt(R"("Hello")"), hello);
    EXPECT_THAT(prompt("[5, 6, 7]"), ElementsAre(5, 6, 7));
    std::vector<Token> mixed = {5};
    mixed.insert(mixed.end(), hello.begin(), hello.end());
    mixed.push_back(6);
    EXPECT_EQ(prompt(R"([5, "Hello", 6])"), mixed);
    EXPECT_THAT(prompt(R"("<|im_start|>")"), ElementsAre(1));
  }
}

TEST(Requests, PromptsMayBeObjects) {
  const std::vector<Token> hello = vocabulary().tokenize("Hello", false, true);
  for (const Reader reader : {read_openai_completion, read_llama_completion}) {
    EXPECT_EQ(only(read(reader, Json::parse(R"({"prompt": {"prompt_string": "Hello"}})"))).prompt, hello);
    const auto two = read(reader, Json::parse(R"({"prompt": ["x", {"prompt_string": "Hello"}]})"));
    ASSERT_TRUE(two) << two.error().message;
    ASSERT_EQ(two->requests.size(), 2u);
    EXPECT_EQ(two->requests[1].prompt, hello);
    EXPECT_EQ(error_of(read(reader, Json::parse(R"({"prompt": {"prompt_string": 5}})"))).field,
              "prompt.prompt_string");
    const Error image = error_of(
        read(reader, Json::parse(R"({"prompt": [{"prompt_string": "x", "multimodal_data": ["a"]}]})")));
    EXPECT_EQ(image.code, Errc::unsupported);
    EXPECT_EQ(image.field, "prompt[0].multimodal_data");
  }
}

TEST(Requests, SamplersKeepToTheirOrder) {
  const auto sampling = [](Json samplers) {
    return only(read(read_llama_completion, {{"samplers", std::move(samplers)},
                                             {"temperature", 0.5},
                                             {"repeat_penalty", 1.5},
                                             {"top_k", 7}}))
        .sampling;
  };
  const Sampling all =
      sampling({"penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"});
  EXPECT_EQ(all.top_k, 7);
  EXPECT_EQ(all.temperature, 0.5f);
  EXPECT_EQ(all.repeat_penalty, 1.5f);
  for (const Sampling& some : {sampling({"top_k", "temperature"}), sampling("kt")}) {
    EXPECT_EQ(some.top_k, 7);
    EXPECT_EQ(some.temperature, 0.5f);
    EXPECT_EQ(some.repeat_penalty, 1);
    EXPECT_EQ(some.top_p, 1);
    EXPECT_EQ(some.min_p, 0);
  }
  EXPECT_EQ(sampling({"top_k"}).temperature, 1);
  EXPECT_EQ(sampling(Json::array()).top_k, 0);
  for (const Json& samplers : {Json({"temperature", "top_k"}), Json({"top_k", "top_k"}), Json({"infill"}),
                               Json({"any"}), Json("kz"), Json("tk")}) {
    for (const Reader reader : kReaders) {
      EXPECT_EQ(error_of(read(reader, {{"samplers", samplers}})).code, Errc::unsupported) << dump(samplers);
    }
  }
  for (const Json& samplers : {Json(5), Json::parse("[5]"), Json::parse("{}")}) {
    EXPECT_EQ(error_of(read(read_llama_completion, {{"samplers", samplers}})).code, Errc::invalid_argument);
  }
}

TEST(Requests, LlamasOtherFieldsAreReadOrRefused) {
  const Request request = only(read(read_llama_completion, Json::parse(R"({
      "t_max_predict_ms": 250, "n_probs": 3, "post_sampling_probs": true, "stream": true,
      "return_progress": true, "response_fields": ["content"]})")));
  EXPECT_EQ(request.time_limit, std::chrono::milliseconds(250));
  EXPECT_TRUE(request.logprobs_drawn);
  EXPECT_TRUE(request.tells_progress);
  EXPECT_FALSE(request.special_text);
  EXPECT_EQ(error_of(read(read_llama_completion, {{"response_fields", {1}}})).field, "response_fields[0]");
  EXPECT_EQ(error_of(read(read_llama_completion, {{"response_fields", "x"}})).field, "response_fields");
  for (const Reader reader : {read_openai_chat, read_openai_completion}) {
    EXPECT_EQ(error_of(read(reader, {{"response_fields", {"x"}}})).field, "response_fields");
    EXPECT_EQ(error_of(read(reader, {{"post_sampling_probs", true}})).field, "post_sampling_probs");
  }
  EXPECT_TRUE(only(read(read_openai_chat, Json::object())).special_text);
}

TEST(Requests, SeveralPromptsAreSeveralRequests) {
  for (const Reader reader : {read_openai_completion, read_llama_completion}) {
    const auto job =
        read(reader, Json::parse(R"({"prompt": ["Hello", [5, 6], [7, "Hello"]], "max_tokens": 3})"));
    ASSERT_TRUE(job);
    ASSERT_EQ(job->requests.size(), 3u);
    EXPECT_THAT(job->requests[1].prompt, ElementsAre(5, 6));
    EXPECT_EQ(job->requests[2].prompt.front(), 7);
    for (const Request& request : job->requests) EXPECT_EQ(request.max_tokens, 3);
    EXPECT_EQ(read(reader, Json::parse(R"({"prompt": ["Hello"]})"))->requests.size(), 1u);
  }
}

TEST(Requests, WrongPromptsAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {"5", "prompt"},
      {"{}", "prompt"},
      {R"("")", "prompt"},
      {"[]", "prompt"},
      {"[5, 2048]", "prompt[1]"},
      {"[-1]", "prompt[0]"},
      {"[0.5]", "prompt[0]"},
      {"[5, null]", "prompt[1]"},
      {"[[5], []]", "prompt[1]"},
      {R"(["a", ""])", "prompt[1]"},
      {"[[5], [5, {}]]", "prompt[1][1]"},
  };
  for (const Reader reader : {read_openai_completion, read_llama_completion}) {
    for (const auto& [prompt, name] : wrong) {
      const Error error = error_of(read(reader, {{"prompt", Json::parse(prompt)}}));
      EXPECT_EQ(error.code, Errc::invalid_argument) << prompt;
      EXPECT_EQ(error.field, name) << prompt;
    }
    EXPECT_EQ(error_of(reader(Json::object(), shipped_context())).field, "prompt");
  }
}

TEST(Requests, ChatsGoThroughTheTemplate) {
  const auto text = [](const char* fields) {
    return vocabulary().detokenize(only(read(read_openai_chat, Json::parse(fields))).prompt);
  };
  EXPECT_EQ(
      text(R"({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]})"),
      "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text(R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})"),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text(R"({"add_generation_prompt": false})"), "<|im_start|>user\nhi<|im_end|>\n");
}

TEST(Requests, WrongChatsAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"messages": "x"})", "messages"},
      {R"({"messages": []})", "messages"},
      {R"({"n": 0})", "n"},
      {R"({"n": 129})", "n"},
      {R"({"tools": "x"})", "tools"},
      {R"({"tool_choice": "required"})", "tool_choice"},
      {R"({"tool_choice": {"type": "function"}})", "tool_choice.name"},
      {R"({"top_logprobs": 2})", "top_logprobs"},
      {R"({"logprobs": true, "top_logprobs": 21})", "top_logprobs"},
      {R"({"logprobs": 3})", "logprobs"},
      {R"({"max_completion_tokens": -5})", "max_completion_tokens"},
      {R"({"stream_options": {"include_usage": "yes"}})", "stream_options.include_usage"},
  };
  for (const auto& [fields, name] : wrong) {
    const Error error = error_of(read(read_openai_chat, Json::parse(fields)));
    EXPECT_EQ(error.code, Errc::invalid_argument) << fields;
    EXPECT_EQ(error.field, name) << fields;
  }
  EXPECT_EQ(error_of(read_openai_chat(Json::object(), shipped_context())).field, "messages");
  for (const char* fields : {R"({"tool_choice": {"type": "custom"}})", R"({"reasoning_format": "none"})",
                             R"({"functions": [{}]})", R"({"modalities": ["audio"]})", R"({"audio": {}})"}) {
    EXPECT_EQ(error_of(read(read_openai_chat, Json::parse(fields))).code, Errc::unsupported) << fields;
  }
  for (const char* choice : {"none", "auto"}) EXPECT_TRUE(read(read_openai_chat, {{"tool_choice", choice}}));
}

TEST(Requests, TheNewerNameOfMaxTokensWins) {
  EXPECT_EQ(only(read(read_openai_chat, {{"max_completion_tokens", 4}, {"max_tokens", 9}})).max_tokens, 4);
  EXPECT_EQ(only(read(read_llama_completion, {{"n_predict", 4}, {"max_tokens", 9}})).max_tokens, 4);
}

TEST(Requests, LogprobsAreAskedForInThreeWays) {
  const Request chat = only(read(read_openai_chat, {{"logprobs", true}, {"top_logprobs", 3}}));
  EXPECT_TRUE(chat.logprobs);
  EXPECT_EQ(chat.top_logprobs, 3);
  const Request completion = only(read(read_openai_completion, {{"logprobs", 0}}));
  EXPECT_TRUE(completion.logprobs);
  EXPECT_EQ(completion.top_logprobs, 0);
  const Request llama = only(read(read_llama_completion, {{"n_probs", 2}}));
  EXPECT_TRUE(llama.logprobs);
  EXPECT_EQ(llama.top_logprobs, 2);
}

TEST(Requests, CompletionsRefuseWhatTheyCannotDo) {
  EXPECT_EQ(error_of(read(read_openai_completion, {{"echo", true}, {"logprobs", 1}})).field, "echo");
  EXPECT_EQ(error_of(read(read_openai_completion, {{"suffix", "x"}})).field, "suffix");
  EXPECT_EQ(error_of(read(read_openai_completion, {{"best_of", 3}, {"n", 1}})).field, "best_of");
  EXPECT_TRUE(read(read_openai_completion, {{"best_of", 1}, {"suffix", ""}}));
}

}  // namespace
}  // namespace banyan
