#include "sampling/grammar_filter.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "sampling/marks.h"

namespace banyan {
namespace {

// What it takes to look for triggers in a token, in a grammar's steps.
constexpr std::size_t kTextWork = 4;

std::unexpected<Error> wrong(const char* field, const std::string& what) {
  return fail(Errc::invalid_argument, what, field);
}

Result<> check_triggers(const Sampling& sampling) {
  const auto& triggers = sampling.grammar_triggers;
  if (triggers.size() > GrammarFilter::kMaxTriggers) {
    return wrong("grammar_triggers",
                 "grammar_triggers must be at most " + std::to_string(GrammarFilter::kMaxTriggers));
  }
  for (const std::string& trigger : triggers) {
    if (trigger.empty() || trigger.size() > GrammarFilter::kMaxTriggerBytes) {
      return wrong("grammar_triggers", "each of grammar_triggers must have between 1 and " +
                                           std::to_string(GrammarFilter::kMaxTriggerBytes) + " bytes");
    }
  }
  return {};
}

}  // namespace

Result<GrammarFilter> GrammarFilter::create(const Vocabulary& vocabulary, const Sampling& sampling,
                                            bool special_text) {
  if (const Result<> valid = check_triggers(sampling); !valid) return std::unexpected(valid.error());
  Result<std::shared_ptr<const Grammar>> grammar =
      Grammar::parse(vocabulary, sampling.grammar, special_text || !sampling.grammar_triggers.empty());
  if (!grammar) return std::unexpected(grammar.error());
  if (!GrammarMatcher::passes_trial(*grammar)) {
    return wrong("grammar",
                 "the grammar is too ambiguous: already a short text can be read in too many ways");
  }
  GrammarMatcher matcher(std::move(*grammar));
  if (matcher.is_dead()) {
    return wrong("grammar", "no text fits the grammar: its rule \"root\" never ends");
  }
  return GrammarFilter(vocabulary, std::move(matcher), sampling.grammar_triggers);
}

GrammarFilter::GrammarFilter(const Vocabulary& vocabulary, GrammarMatcher matcher,
                             std::vector<std::string> triggers)
    : vocabulary_(&vocabulary), matcher_(std::move(matcher)), triggers_(std::move(triggers)) {
  for (const std::string& trigger : triggers_) longest_trigger_ = std::max(longest_trigger_, trigger.size());
}

bool GrammarFilter::fits(Token token) {
  if (vocabulary_->is_end(token) && (is_waiting() || matcher_.can_end())) return true;
  if (!is_waiting()) return matcher_.allows(token, vocabulary_->piece(token));
  text_work_ += kTextWork;
  const auto pieces = from_trigger(token, vocabulary_->piece(token, true));
  return pieces.empty() || matcher_.allows(pieces);
}

bool GrammarFilter::search(GrammarMatcher::Search& search, std::size_t until) {
  std::vector<bool>& allowed = search.allowed;
  if (is_waiting()) {
    for (; search.token < allowed.size() && !is_exhausted(); ++search.token) {
      if (work() > until) return false;
      allowed[search.token] = fits(static_cast<Token>(search.token));
    }
    return true;
  }
  if (!matcher_.search(vocabulary_->trie(), search, until)) return false;
  for (std::size_t token = 0; token < allowed.size() && matcher_.can_end(); ++token) {
    if (vocabulary_->is_end(static_cast<Token>(token))) allowed[token] = true;
  }
  return true;
}

void GrammarFilter::accept(Token token) {
  text_work_ = 0;
  if (vocabulary_->is_end(token)) return;
  if (!is_waiting()) {
    matcher_.accept(token, vocabulary_->piece(token));
    return;
  }
  std::string text = vocabulary_->piece(token, true);
  const auto pieces = from_trigger(token, text);
  matcher_.accept(pieces);
  if (pieces.empty()) {
    remember(token, std::move(text));
  } else {
    triggers_.clear();
    recent_.clear();
  }
}

// What the grammar takes if the token comes: the text from the trigger on. Nothing where none is complete.
std::vector<GrammarMatcher::Piece> GrammarFilter::from_trigger(Token token, const std::string& text) const {
  std::string whole;
  for (const Said& said : recent_) whole += said.text;
  whole += text;
  const std::optional<FoundMark> found = find_mark(whole, triggers_);
  if (!found) return {};
  std::vector<GrammarMatcher::Piece> pieces;
  std::size_t begin = 0;  // of the token
  const auto add = [&](Token next, const std::string& next_text) {
    if (begin >= found->begin) {
      pieces.push_back({.token = next, .bytes = vocabulary_->piece(next)});
    } else if (begin + next_text.size() > found->begin) {
      pieces.push_back({.token = std::nullopt, .bytes = next_text.substr(found->begin - begin)});
    }
    begin += next_text.size();
  };
  for (const Said& said : recent_) add(said.token, said.text);
  add(token, text);
  return pieces;
}

void GrammarFilter::remember(Token token, std::string text) {
  if (text.empty()) return;
  recent_bytes_ += text.size();
  recent_.push_back({token, std::move(text)});
  // A trigger that the next token completes begins at most so many bytes before that.
  const std::size_t wanted = longest_trigger_ - 1;
  while (!recent_.empty() && recent_bytes_ - recent_.front().text.size() >= wanted) {
    recent_bytes_ -= recent_.front().text.size();
    recent_.pop_front();
  }
}

}  // namespace banyan
