#include "engine/scheduler.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>
#include <utility>

#include "banyan/segment.h"
#include "engine/fault.h"
#include "engine/row_shares.h"

namespace banyan {
namespace {

// Tokens in common that a prompt waits for; fewer are sooner evaluated again.
constexpr std::size_t kWorthWaiting = 16;
// How long a step with prompts alone may take: whoever comes meanwhile waits for it. A machine that reads 500
// tokens in a second, or more, does a batch of 512 in that time.
constexpr StepCost::Seconds kPromptStep{1};
// Rows of the first such step, when nothing is known.
constexpr std::size_t kFirstRows = 64;
// How many steps of their grammars the choices of tokens may take beside a step of the model, those that are
// begun and those that go on each: some ten milliseconds together.
constexpr std::size_t kGrammarSteps = std::size_t{1} << 17;

}  // namespace

Scheduler::Scheduler(PrefixCache& cache, Runner& runner, const Vocabulary& vocabulary,
                     const EngineOptions& options, Clock clock)
    : cache_(cache),
      runner_(runner),
      vocabulary_(vocabulary),
      options_(options),
      clock_(std::move(clock)),
      reading_(runner.threads()),
      writing_(runner.threads()),
      most_rows_(static_cast<std::size_t>(options.batch_tokens)) {}

bool Scheduler::step() {
  const std::size_t running = running_.size(), waiting = waiting_.size();
  drop_cancelled();
  admit();
  const bool chose = go_on_choosing();
  remove_finished();
  const std::vector<Share> batch = reserve_batch();
  const bool evaluated = !batch.empty() && evaluate(batch);
  remove_finished();
  return evaluated || chose || running_.size() != running || waiting_.size() != waiting;
}

void Scheduler::send() {
  for (const auto& reply : running_) reply->send();
  for (const auto& reply : ended_) reply->send();
  ended_.clear();
}

double Scheduler::tokens_per_second() const {
  const auto writes = [](const auto& reply) {
    return !reply->is_finished() && !reply->is_loading() && !reply->is_reading();
  };
  const auto replies = static_cast<double>(std::ranges::count_if(running_, writes));
  const double alone = cost_.tokens_per_second();
  return replies == 0 ? alone : alone / (options_.delay_factor * replies);
}

std::size_t Scheduler::waiting() const {
  std::size_t choices = 0;
  for (const auto& reply : waiting_) choices += reply->places();
  return choices;
}

void Scheduler::fail_running(const Error& error) noexcept {
  while (!running_.empty()) {
    end_with(std::move(running_.back()), error);
    running_.pop_back();
  }
  memory_freed();
}

void Scheduler::fail_all(const Error& error) noexcept {
  fail_running(error);
  for (; !waiting_.empty(); waiting_.pop_front()) end_with(std::move(waiting_.front()), error);
}

// Where there is no memory to tell the client so, its stream just ends.
void Scheduler::end_with(std::unique_ptr<Reply> reply, const Error& error) noexcept {
  fail_quietly(*reply, error);
  keep_ended(std::move(reply));
}

// Keeps a reply that has ended until send(). Where there is no memory for that, its client is told now.
void Scheduler::keep_ended(std::unique_ptr<Reply> reply) noexcept {
  try {
    ended_.push_back(std::move(reply));
  } catch (const std::bad_alloc&) {
    reply->send();  // push_back() has left it here
  }
}

void Scheduler::fail(Reply& reply, const Error& error) {
  reply.finish(Finish::error, error);
  for (auto& follower : std::exchange(reply.followers, {})) {
    follower->finish(Finish::error, error);
    keep_ended(std::move(follower));
  }
}

void Scheduler::fail_quietly(Reply& reply, const Error& error) noexcept {
  try {
    if (!reply.is_finished()) fail(reply, error);
  } catch (const std::exception&) {
    reply.drop();
  }
}

// Does something for one reply, which ends if that goes wrong.
template <class Work>
void Scheduler::guard(Reply& reply, const Work& work) {
  try {
    work();
  } catch (const std::exception& thrown) {
    fail_quietly(reply, fault_of(thrown));
  }
}

void Scheduler::drop_cancelled() {
  const auto cancelled = [](const auto& reply) { return reply->cancelled(); };
  std::erase_if(waiting_, cancelled);
  if (std::erase_if(running_, cancelled) > 0) memory_freed();
}

void Scheduler::remove_finished() {
  const auto finished =
      std::ranges::stable_partition(running_, [](const auto& reply) { return !reply->is_finished(); });
  if (finished.empty()) return;
  for (auto& reply : finished) keep_ended(std::move(reply));
  running_.erase(finished.begin(), finished.end());
  memory_freed();
}

void Scheduler::memory_freed() {
  memory_short_ = false;
  most_rows_ = static_cast<std::size_t>(options_.batch_tokens);
}

void Scheduler::admit() {
  const auto places = static_cast<std::size_t>(options_.max_running);
  for (auto next = waiting_.begin(); next != waiting_.end() && running_.size() < places;) {
    if ((memory_short_ && !fits_beside(**next)) || must_wait(**next)) {
      ++next;
      continue;
    }
    running_.push_back(std::move(*next));
    next = waiting_.erase(next);
    Reply& reply = *running_.back();
    reply.id = ++last_id_;
    guard(reply, [&] {
      if (const Result<> started = reply.start(cache_); !started) fail(reply, started.error());
    });
  }
}

// While memory is short: whether a reply needs so little that the running ones keep half of what is left. A
// reply that was set aside needs all of its path, as the cache may evict what it has of it.
bool Scheduler::fits_beside(Reply& reply) const {
  const std::size_t size = reply.path().size();
  const std::size_t known = reply.was_started() ? 0 : reply.known.in_cache(cache_, reply.path()).matched;
  const auto growth = static_cast<std::size_t>(SegmentPath::kLeastSegmentTokens);
  return cache_.least_bytes(size + growth) - cache_.least_bytes(known) <= cache_.room() / 2;
}

// Whether a running reply is about to evaluate, or to load, what this one needs too. What one has evaluated
// already is published, so that this one finds it. Where the two part the other makes a restore point, since
// not all layers can resume elsewhere.
bool Scheduler::must_wait(Reply& reply) {
  if (!reply.reuses_cache()) return false;
  const TokenSpan path = reply.path();
  KnownPrefixes::Cached cached = reply.known.in_cache(cache_, path);
  for (const auto& other : running_) {
    if (other->is_finished() || !other->is_reading()) continue;
    const std::size_t common =
        std::min(reply.known.in_reply(other->id, path, other->path()), path.size() - 1);
    if (common < cached.restorable + kWorthWaiting) continue;
    Session& session = other->session();
    if (session.position() >= common) {
      // Once it has been handed over, what it cannot resume there will not become more.
      if (!reply.known.is_first_pass(other->id)) continue;
      guard(*other, [&] { session.publish(); });
      cached = reply.known.in_cache(cache_, path);
      continue;
    }
    // For what is loaded it waits a part at a time, if at least half of the part is of use.
    const std::size_t known = cached.restorable;
    const std::size_t coming = std::max(session.arriving(), known);
    if (session.is_loading() && 2 * (std::min(common, coming) - known) < coming - known) continue;
    guard(*other, [&] { session.add_restore_point(common); });
    return true;
  }
  return false;
}

// Chooses the step's rows and makes room for them.
std::vector<Scheduler::Share> Scheduler::reserve_batch() {
  std::vector<Share> batch;
  std::vector<const Reply*> short_of_memory;
  bool reserved = false;
  while (!reserved) {
    std::vector<std::size_t> todo;
    for (const auto& reply : running_) {
      const bool waits =
          reply->is_finished() || reply->is_loading() || std::ranges::contains(short_of_memory, reply.get());
      todo.push_back(waits ? 0 : reply->todo().size());
    }
    const std::vector<std::size_t> rows = share_rows(todo, most_rows_, prompt_rows(todo));
    batch.clear();
    reserved = true;
    for (std::size_t i = 0; i < rows.size() && reserved; ++i) {
      if (rows[i] == 0) continue;
      if (const Result<> room = reserve(*running_[i], rows[i]); room) {
        batch.push_back({running_[i].get(), rows[i]});
      } else {
        if (cache_.awaits_memory()) {
          short_of_memory.push_back(running_[i].get());
        } else {
          make_room(room.error());
        }
        reserved = false;
      }
    }
  }
  return batch;
}

// A refusal by the system counts as one by the budget.
Result<> Scheduler::reserve(Reply& reply, std::size_t rows) {
  try {
    return reply.session().reserve(rows);
  } catch (const std::bad_alloc& thrown) {
    return std::unexpected(fault_of(thrown));
  }
}

// How many rows prompts may have, beside the replies that run or alone.
std::size_t Scheduler::prompt_rows(std::span<const std::size_t> todo) const {
  const auto is_choosing = [](const auto& reply) { return reply->is_choosing(); };
  const auto replies = static_cast<std::size_t>(std::ranges::count(todo, std::size_t{1}) +
                                                std::ranges::count_if(running_, is_choosing));
  if (replies == 0) {
    const bool is_known = cost_.tokens_per_second() > 0;
    return round_rows_alone(is_known ? cost_.prompt_rows_within(kPromptStep) : kFirstRows, most_rows_);
  }
  if (cost_.wants_base() && std::ranges::contains(todo, std::size_t{1})) return 0;
  return round_prompt_rows(replies, cost_.prompt_rows(replies, options_.delay_factor));
}

// Takes the youngest reply out of the running ones. One that is alone is evaluated in smaller steps, whose
// scratch is smaller, before it ends.
void Scheduler::make_room(const Error& shortage) {
  Reply& youngest = *running_.back();
  if (running_.size() == 1) {
    if (most_rows_ > kLeastRowsAlone) {
      most_rows_ = std::max(most_rows_ / 2, kLeastRowsAlone);
      runner_.release_scratch();
      return;
    }
    // What it shares lies in segments whose rest is of use to no one. Evaluated anew it takes no more than it
    // has to. (Nothing else is left that could go.)
    if (youngest.generated() == 0 && youngest.session().stats().restored > 0) {
      guard(youngest, [&] {
        youngest.set_aside();
        cache_.clear();
        memory_freed();
        if (const Result<> started = youngest.start(cache_, true); !started) fail(youngest, started.error());
      });
      remove_finished();
      return;
    }
    if (youngest.generated() > 0) {
      spdlog::warn("a reply ends after {} tokens, since no more fit the memory: {}", youngest.generated(),
                   shortage.message);
      youngest.finish(Finish::length);
    } else {
      // Nothing else runs: is it the prompt that is too long for the budget, or is the machine short of
      // memory?
      const std::size_t size = youngest.path().size();
      const std::size_t wanted = cache_.least_bytes(size) - cache_.least_bytes(youngest.session().position());
      fail(youngest, {wanted > cache_.room() ? Errc::too_long : Errc::out_of_memory,
                      "a conversation of " + std::to_string(size) +
                          " tokens does not fit the memory: " + shortage.message});
    }
    remove_finished();
    return;
  }
  spdlog::debug("a reply of {} tokens is set aside: {}", youngest.path().size(), shortage.message);
  youngest.set_aside();
  waiting_.push_front(std::move(running_.back()));
  running_.pop_back();
  memory_short_ = true;
  ++set_aside_;
}

// The model's step. What goes wrong in it concerns the whole batch.
Result<std::span<const float>> Scheduler::forward(std::span<const Runner::Sequence> sequences) {
  try {
    return runner_.forward(sequences);
  } catch (const std::exception& thrown) {
    return std::unexpected(fault_of(thrown));
  }
}

// Returns false when it has to be tried again once a lower tier has given memory back.
bool Scheduler::evaluate(std::span<const Share> batch) {
  std::vector<Runner::Sequence> sequences;
  std::size_t replies = 0, prompt_rows = 0;
  for (const auto& [reply, rows] : batch) {
    const TokenSpan todo = reply->todo();
    sequences.push_back({.states = reply->session().states(),
                         .tokens = todo.first(rows),
                         .outputs = rows == todo.size() ? 1 : 0});
    (todo.size() == 1 ? replies : prompt_rows) += rows;
  }
  ThreadTuner& tuner = prompt_rows > 0 ? reading_ : writing_;
  runner_.set_threads(tuner.threads());
  const auto start = clock_();
  const Result<std::span<const float>> evaluated = forward(sequences);
  if (!evaluated) {
    if (evaluated.error().code != Errc::out_of_memory) {
      for (const auto& [reply, rows] : batch) fail(*reply, evaluated.error());
    } else if (replies + prompt_rows > 1) {
      most_rows_ = (replies + prompt_rows) / 2;  // scratch grows with the rows
    } else if (cache_.awaits_memory()) {
      return false;
    } else {
      make_room(evaluated.error());
    }
    return true;
  }
  ++steps_;
  std::span<const float> logits = *evaluated;
  const auto vocabulary = static_cast<std::size_t>(vocabulary_.size());
  const std::size_t grammar_steps = kGrammarSteps / std::max<std::size_t>(logits.size() / vocabulary, 1);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Reply& reply = *batch[i].reply;
    guard(reply, [&] {
      reply.note_evaluated(sequences[i].tokens);
      if (sequences[i].outputs > 0) follow_up(reply, logits.first(vocabulary), grammar_steps);
    });
    if (sequences[i].outputs > 0) logits = logits.subspan(vocabulary);
  }
  const StepCost::Seconds took = clock_() - start;
  cost_.record(replies, prompt_rows, took);
  // Where one of them has noticed a change of the machine's load, it concerns the other too.
  if (tuner.record(replies + prompt_rows, took)) (prompt_rows > 0 ? writing_ : reading_).look_again();
  return true;
}

// All of the reply's path is evaluated: goes on to its next token.
void Scheduler::follow_up(Reply& reply, std::span<const float> logits, std::size_t grammar_steps) {
  if (reply.publish_prompt()) {
    waiting_.insert(waiting_.begin(), std::move_iterator(reply.followers.begin()),
                    std::move_iterator(reply.followers.end()));
    reply.followers.clear();
  }
  choose_next(reply, logits, grammar_steps);
}

void Scheduler::choose_next(Reply& reply, std::span<const float> logits, std::size_t grammar_steps) {
  const int before = reply.generated();
  reply.advance(logits, vocabulary_, options_.context, scratch_, grammar_steps);
  generated_ += static_cast<std::uint64_t>(reply.generated() - before);
}

// Goes on with the tokens that are not chosen yet. Whether there are any.
bool Scheduler::go_on_choosing() {
  const auto choosing =
      std::ranges::count_if(running_, [](const auto& reply) { return reply->is_choosing(); });
  if (choosing == 0) return false;
  const std::size_t grammar_steps =
      std::max<std::size_t>(kGrammarSteps / static_cast<std::size_t>(choosing), 1);
  for (const auto& reply : running_) {
    if (!reply->is_choosing()) continue;
    guard(*reply, [&] { choose_next(*reply, reply->logits(), grammar_steps); });
  }
  return true;
}

}  // namespace banyan
