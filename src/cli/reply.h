/// From messages to a reply that streams to a terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "banyan/chat_prompt.h"
#include "banyan/chat_request.h"
#include "banyan/engine.h"
#include "cli/interrupts.h"

namespace banyan::cli {

struct Reply {
  std::string text;
  Timings timings;
  Finish finish = Finish::none;  ///< none when an interrupt stopped it
};

/// A conversation by the model's chat template. Errors: those of ChatTemplate::apply.
Result<ChatPrompt> chat_prompt(const Engine& engine, const ChatRequest& request);

/// Reads a reply to its end, or until an interrupt, handing on its text as it comes. Shows
/// progress while the prompt is read. Calls `on_tick`, if there is one, many times a second. Errors: what
/// ended the reply.
Result<Reply> receive(const Engine& engine, Generation generation, Interrupts& interrupts,
                      const std::function<void(std::string_view)>& on_text,
                      const std::function<void()>& on_tick = {});

/// What the reply cost, in a line.
std::string describe(const Timings& timings);

}  // namespace banyan::cli
