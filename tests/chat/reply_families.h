// Chat templates of the forms that families of models have, written for the tests, and what they render.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/reply/reply_form.h"

namespace banyan::test {

struct ReplyFamily {
  std::string name = {};
  std::string source = {};
  std::string reply_end = {};     // what the template writes behind every reply
  bool thinks = false;            // and writes thoughts beside texts and calls
  bool says_beside_calls = true;  // text and calls in one reply
  bool calls_several = true;
  bool takes_argument_texts = false;  // wants arguments as JSON text
  bool sorts_arguments = false;
};

const std::vector<ReplyFamily>& reply_families();
const ReplyFamily& reply_family(std::string_view name);

/// A call's id, as clients of the family give it back.
std::string call_id(const ReplyFamily& family, const std::string& tool, int number);

/// "" where the template fails.
std::string render(const ReplyFamily& family, const ChatRequest& request);
const ReplyForm& learned_form(const ReplyFamily& family);

/// A request with a message of the user and two tools: "get_weather" with a city (string), days (integer) and
/// others, and "note" with a text.
ChatRequest weather_request();

struct RenderedReply {
  std::string prompt, reply;
};
/// The prompt, and what the template writes behind it for the reply.
RenderedReply render_reply(const ReplyFamily& family, ChatRequest request, const Message& reply);

}  // namespace banyan::test
