#include "cli/reply.h"

#include <chrono>
#include <format>

#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How soon an interrupt is noticed.
constexpr auto kTick = std::chrono::milliseconds(50);
/// A first token that comes sooner needs no progress.
constexpr auto kReplyPatience = std::chrono::milliseconds(500);

}  // namespace

Result<ChatPrompt> chat_prompt(const Engine& engine, const ChatRequest& request) {
  const auto text = engine.chat_template().apply(request);
  if (!text) return std::unexpected(text.error());
  return banyan::chat_prompt(engine.vocabulary(), *text, request);
}

Result<Reply> receive(const Engine& engine, Generation generation, Interrupts& interrupts,
                      const std::function<void(std::string_view)>& on_text,
                      const std::function<void()>& on_tick) {
  Reply reply;
  ProgressLine progress;
  const auto start = Clock::now();
  const auto evaluated = engine.status().cache.evaluated_tokens;
  Delta delta;
  for (;;) {
    if (on_tick) on_tick();
    const Generation::Wait wait = generation.next_for(kTick, delta);
    if (wait == Generation::Wait::done || interrupts.raised()) break;
    if (wait == Generation::Wait::pending) {
      const std::chrono::duration<double> waited = Clock::now() - start;
      if (reply.timings.generated == 0 && waited > kReplyPatience) {
        progress.show(std::format("reading the prompt: {} tokens, {:.0f} s",
                                  grouped(engine.status().cache.evaluated_tokens - evaluated),
                                  waited.count()));
      }
      continue;
    }
    if (delta.error) return std::unexpected(*delta.error);
    progress.clear();
    if (!delta.text.empty()) on_text(delta.text);
    reply.text += delta.text;
    reply.timings = delta.timings;
    reply.finish = delta.finish;
  }
  return reply;
}

std::string describe(const Timings& timings) {
  const SessionStats& cache = timings.cache;
  std::string line = std::format("prompt {} tokens: {} matched, {} restored", grouped(cache.total),
                                 grouped(cache.matched), grouped(cache.restored));
  if (cache.loaded > 0) line += std::format(" ({} from the disk cache)", grouped(cache.loaded));
  if (cache.restored < cache.matched) line += std::format(" ({})", to_string(cache.limit));
  line +=
      std::format(", {} evaluated; first token {}; reply {} tokens", grouped(cache.total - cache.restored),
                  format_ms(timings.first_token_ms), timings.generated);
  if (timings.generated > 1 && timings.generate_ms > 0) {
    line += std::format(", {:.1f} tokens/s", (timings.generated - 1) * 1000 / timings.generate_ms);
  }
  return line;
}

}  // namespace banyan::cli
