#include "server/ollama/endpoints.h"

#include <algorithm>
#include <cstddef>
#include <format>
#include <utility>

#include "sampling/schema/schema_cache.h"
#include "server/dialect/chat_job.h"
#include "server/dialect/written_answer.h"
#include "server/ollama/chat_request.h"
#include "server/ollama/generate_request.h"
#include "server/ollama/reply_objects.h"
#include "server/prompt_fields.h"
#include "text/infill_prompt.h"

namespace banyan {
namespace {

// Whether the tokens begin with the one that begins every text.
bool begins_anew(TokenSpan prompt, const Vocabulary& vocabulary) {
  const std::string begin = vocabulary.bos_text();
  return prompt.size() > 1 && !begin.empty() && vocabulary.piece(prompt.front(), true) == begin;
}

// The tokens of a generation's prompt: those of the conversation before it, and its own.
Result<PreparedChat> prepare_generation(GenerateRequest& read, const ModelContext& context) {
  const Vocabulary& vocabulary = context.vocabulary;
  for (std::size_t i = 0; i < read.context.size(); ++i) {
    if (read.context[i] < vocabulary.size()) continue;
    const std::string name = std::format("context[{}]", i);
    return fail(Errc::invalid_argument, name + " is no token of the vocabulary", name);
  }
  if (read.is_raw || !read.suffix.empty()) {
    if (read.chat.schema) {
      auto grammar =
          SchemaCache::shared().grammar(read.chat.schema->schema, {.is_strict = read.chat.schema->is_strict});
      if (!grammar) return fail(grammar.error().code, "format: " + grammar.error().message, "format");
      read.generation.sampling.grammar = *std::move(grammar);
    }
    if (auto fits = check_length(read.prompt.size() + read.suffix.size(), context.limits); !fits) {
      return std::unexpected(fits.error());
    }
    PreparedChat prepared{read.prompt, read.generation};
    if (read.suffix.empty()) {
      prepared.request.prompt = vocabulary.tokenize(read.prompt, true, true);
    } else {
      auto tokens = infill_prompt(vocabulary, {.prefix = read.prompt, .suffix = read.suffix});
      if (!tokens) return fail(tokens.error().code, tokens.error().message, "suffix");
      prepared.request.prompt = *std::move(tokens);
    }
    return prepared;
  }
  auto prepared = prepare_chat(read.chat, read.generation, context);
  if (!prepared || read.context.empty()) return prepared;
  Request& request = prepared->request;
  std::vector<Token> prompt = read.context;
  // The conversation has its beginning already.
  const std::size_t dropped = begins_anew(request.prompt, vocabulary) ? 1 : 0;
  prompt.insert(prompt.end(), request.prompt.begin() + static_cast<std::ptrdiff_t>(dropped),
                request.prompt.end());
  request.prompt = std::move(prompt);
  for (RestorePoint& point : request.restore_points) {
    point.offset = read.context.size() + std::max(point.offset, dropped) - dropped;
  }
  return prepared;
}

}  // namespace

Result<OllamaJob> ollama_chat_job(const Json& body, const ModelContext& context) {
  const auto read = read_ollama_chat(body, context.defaults);
  if (!read) return std::unexpected(read.error());
  const OllamaOptions options{.model = context.model_id};
  if (read->only_loads) return ollama_loaded_json(options, read->unloads);
  auto job = chat_job(*read, context, json_lines(),
                      [&](const Request&) { return std::make_unique<OllamaWriter>(options); });
  if (!job) return std::unexpected(job.error());
  return std::move(*job);
}

Result<OllamaJob> ollama_generate_job(const Json& body, const ModelContext& context) {
  auto read = read_ollama_generate(body, context.defaults);
  if (!read) return std::unexpected(read.error());
  OllamaOptions options{.model = context.model_id, .is_chat = false};
  if (read->only_loads) return ollama_loaded_json(options, read->unloads);
  auto prepared = prepare_generation(*read, context);
  if (!prepared) return std::unexpected(prepared.error());
  const bool is_chat = !read->is_raw && read->suffix.empty();
  if (is_chat) options.context = prepared->request.prompt;
  // Elsewhere the reply is text and nothing else.
  static const ReplyForm plain;
  Job job;
  job.answer = std::make_unique<WrittenAnswer>(is_chat ? context.reply_form : plain, read->chat,
                                               prepared->prompt, read->streams, json_lines(),
                                               std::make_unique<OllamaWriter>(std::move(options)));
  job.requests.push_back(std::move(prepared->request));
  return job;
}

}  // namespace banyan
