// An engine of one's own on Banyan's trie, states and cache, without its models and server. The
// model is one attention layer that finds where the last two characters stood before and says what
// followed, so it answers from its context. Two conversations share a sheet of notes: each
// evaluates only what is its own, and both reply in one batch, which reads the notes once.
#include <banyan/attention_batch.h>
#include <banyan/attention_state.h>
#include <banyan/cache.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

using banyan::AttentionBatch;
using banyan::AttentionScratch;
using banyan::Session;
using banyan::Token;

namespace {

constexpr int kDim = 64;
constexpr banyan::KvLayout kLayout = {.layers = 1, .kv_heads = 1, .key_dim = kDim, .value_dim = kDim};

// A made-up embedding of +1 and -1. A token is a character.
float embedding(int id, int dim) {
  unsigned hash = static_cast<unsigned>(id * kDim + dim) * 2654435761u;
  hash = (hash ^ (hash >> 15)) * 2246822519u;
  return (hash >> 16) % 2 == 0 ? 1.0f : -1.0f;
}

struct Work {
  Session* session;
  std::vector<Token> tokens;  // the next of its path, to be evaluated
};

// Evaluates all in one batch. Returns the next token of each.
banyan::Result<std::vector<Token>> step(const std::vector<Work>& work, AttentionScratch& scratch) {
  std::vector<AttentionBatch::Sequence> sequences;
  for (const Work& one : work) {
    if (auto room = one.session->reserve(one.tokens.size()); !room) return std::unexpected(room.error());
    auto* const state = static_cast<banyan::AttentionState*>(one.session->states()[0]);
    sequences.push_back({&state->path(), static_cast<int>(one.tokens.size())});
  }
  auto batch = AttentionBatch::create(sequences, {.query_heads = 1, .scale = 0.25f, .window = 0},
                                      /*threads=*/1, scratch);
  if (!batch) return std::unexpected(batch.error());

  std::vector<float> keys, values, queries;
  for (const Work& one : work) {
    const auto seen = one.session->tokens().first(one.session->position());
    std::vector<Token> path(seen.begin(), seen.end());
    for (const Token token : one.tokens) {
      path.push_back(token);
      const auto pair_before = [&](std::size_t end) {
        return end < 2 ? 0 : path[end - 2] << 8 | path[end - 1];
      };
      for (int dim = 0; dim < kDim; ++dim) {
        keys.push_back(embedding(pair_before(path.size() - 1), dim));
        values.push_back(embedding(token, dim));
        queries.push_back(embedding(pair_before(path.size()), dim));
      }
    }
  }
  std::vector<float> out(values.size());
  (*batch)->append(/*layer=*/0, keys.data(), values.data(), /*value_stride=*/kDim,
                   /*ith=*/0, /*nth=*/1);
  (*batch)->attend(/*layer=*/0, queries.data(), /*sinks=*/nullptr, out.data(), /*ith=*/0, /*nth=*/1);

  std::vector<Token> next;
  const float* row = out.data();
  for (const Work& one : work) {
    row += kDim * one.tokens.size();
    std::vector<float> logits(128);
    for (int token = ' '; token < 127; ++token) {
      for (int dim = 0; dim < kDim; ++dim) logits[token] += row[dim - kDim] * embedding(token, dim);
    }
    next.push_back(static_cast<Token>(std::ranges::max_element(logits) - logits.begin()));
    one.session->advance(one.tokens);
  }
  return next;
}

std::string text_of(banyan::TokenSpan tokens) { return {tokens.begin(), tokens.end()}; }

// Lets conversations with these prompts reply side by side, ten characters each.
std::vector<std::string> reply_to(const std::vector<std::string>& prompts, banyan::PrefixCache& cache,
                                  AttentionScratch& scratch, bool reuse = true) {
  std::vector<Session> sessions;
  for (const std::string& prompt : prompts) {
    sessions.push_back(cache.begin(std::vector<Token>(prompt.begin(), prompt.end()), {}, reuse).value());
  }
  std::vector<Work> work;
  for (Session& session : sessions) work.push_back({&session, {std::from_range, session.pending()}});
  for (int i = 0; i <= 10; ++i) {
    const std::vector<Token> next = step(work, scratch).value();
    for (std::size_t at = 0; at < work.size(); ++at) work[at].tokens = {next[at]};
  }
  std::vector<std::string> replies;
  for (Session& session : sessions) {
    const banyan::SessionStats& stats = session.stats();
    replies.push_back(text_of(session.tokens().subspan(stats.total)));
    std::printf("\"%s\": %zu tokens, matched %zu, restored %zu, evaluated %zu with the reply\n",
                replies.back().c_str(), stats.total, stats.matched, stats.restored, stats.evaluated);
    session.close();
  }
  return replies;
}

}  // namespace

int main() {
  banyan::Budget budget(16 << 20);
  std::vector<std::unique_ptr<banyan::LayerGroup>> groups;
  groups.push_back(std::make_unique<banyan::AttentionGroup>(kLayout));
  banyan::PrefixCache cache(std::move(groups), budget);
  AttentionScratch scratch(budget);

  const std::string notes = "Notes: Ann owns cats. Bob met dogs. ";
  reply_to({notes + "Ann"}, cache, scratch);
  const auto warm = reply_to({notes + "Reply: Ann", notes + "Reply: Bob"}, cache, scratch);
  std::printf("\n%s\n", cache.dump_text(text_of).c_str());

  const auto cold = reply_to({notes + "Reply: Ann"}, cache, scratch, /*reuse=*/false);
  const bool right = warm[0] == " owns cats" && warm[1] == " met dogs." && cold[0] == warm[0];
  return right ? 0 : 1;
}
