#include "cache/stored_history.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "banyan/cache.h"
#include "cache/fake_tier.h"

namespace banyan {
namespace {

constexpr std::size_t kMostSessions = 5;
constexpr std::size_t kLongestPrompt = 900;

class History {
 public:
  History(const LayerKinds& kinds, std::size_t memory, std::size_t tier_bytes,
          std::span<const std::uint8_t> bytes)
      : kinds_(kinds), memory_(memory), tier_bytes_(tier_bytes), bytes_(bytes) {
    start();
  }

  StoredHistoryResult run() {
    while (result_.wrong.empty() && at_ < bytes_.size()) {
      step();
      expect(budget_->charged() <= budget_->limit(), "the budget was exceeded");
      expect(cache_->counters().stored_bytes <= tier_bytes_, "the tier's size was exceeded");
      const std::string wrong = cache_->check();
      expect(wrong.empty(), wrong);
    }
    if (result_.wrong.empty()) finish();
    return result_;
  }

 private:
  std::size_t choose(std::size_t choices) {
    std::size_t value = 0;
    for (std::size_t range = 1; range < choices; range <<= 8) {
      value = value << 8 | (at_ < bytes_.size() ? bytes_[at_++] : 0);
    }
    return value % choices;
  }

  void expect(bool holds, const std::string& what) {
    if (!holds && result_.wrong.empty()) result_.wrong = what;
  }
  void count(const std::string& what) { ++result_.done[what]; }

  void start() {
    budget_ = std::make_unique<Budget>(memory_);
    auto tier = std::make_unique<FakeTier>(disk_);
    tier_ = tier.get();
    cache_ = std::make_unique<PrefixCache>(make_groups(kinds_), *budget_, std::move(tier), tier_bytes_);
  }

  void step() {
    const std::size_t action = choose(256);
    if (action < 40) return begin();
    if (action < 90) return close();
    if (action < 130) return work();
    if (action < 160) return poll();
    if (action < 170) return clear();
    if (action < 174) return restart();
    if (action < 178) return damage();
    if (action < 182) return fail_inserts();
    if (action < 186) return lose_record();
    if (action < 189) return change_speed();
    evaluate_some();
  }

  Path choose_prompt() {
    Path prompt;
    if (!known_.empty() && choose(8) > 0) {
      prompt = known_[choose(known_.size())];
      if (choose(3) == 0) prompt.resize(choose(prompt.size() + 1));
    }
    const std::size_t more = choose(4) == 0 ? choose(600) : choose(40);
    const auto first = choose(50);
    for (std::size_t i = 0; i < more; ++i) prompt.push_back(static_cast<Token>((first + i * i) % 50));
    if (prompt.size() > kLongestPrompt) prompt.resize(kLongestPrompt);
    if (prompt.empty()) prompt.push_back(0);
    if (known_.size() < 20) known_.emplace_back();
    known_[choose(known_.size())] = prompt;
    return prompt;
  }

  void begin() {
    if (open_.size() == kMostSessions) return close();
    Path prompt = choose_prompt();
    std::vector<RestorePoint> points;
    for (std::size_t i = choose(4); i > 0; --i) points.push_back({choose(prompt.size() + 1), choose(4) == 0});
    auto session = cache_->begin(std::move(prompt), points, choose(8) > 0);
    expect(session.has_value(), "begin refused a good prompt");
    if (!session) return;
    expect(holds_its_path(*session), "a state is not that of its path");
    if (session->is_loading()) count("loading");
    if (std::ranges::count_if(open_, &Session::is_loading) > 0 && session->is_loading())
      count("several loading");
    open_.push_back(std::move(*session));
  }

  void evaluate_some() {
    if (open_.empty()) return;
    Session& session = open_[choose(open_.size())];
    if (session.is_loading()) return;
    const TokenSpan pending = session.pending();
    Path next(pending.begin(),
              pending.begin() + static_cast<std::ptrdiff_t>(std::min(pending.size(), choose(200))));
    if (pending.empty() && session.position() < kLongestPrompt) {
      for (std::size_t i = choose(12); i > 0; --i) next.push_back(static_cast<Token>(choose(3)));
    }
    if (!session.reserve(next.size())) return count("out of memory");
    forward(session, next);
    session.advance(next);
    expect(holds_its_path(session), "a state is not that of its path");
  }

  void close() {
    if (open_.empty()) return;
    const std::size_t which = choose(open_.size());
    if (open_[which].is_loading()) count("closed while loading");
    if (open_[which].is_loading() && open_[which].stats().loaded > 0) count("closed when loaded in part");
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void work() {
    for (std::size_t i = choose(6); i > 0; --i) tier_->work();
  }

  void poll() {
    const auto before = cache_->counters();
    std::vector<bool> loading;
    for (const Session& session : open_) loading.push_back(session.is_loading());
    static_cast<void>(cache_->poll());
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (!loading[i]) continue;
      if (open_[i].is_loading()) {
        expect(holds_its_path(open_[i]), "what has come is not what its path leaves");
        expect(open_[i].arriving() > open_[i].position(), "nothing is on its way");
        if (open_[i].stats().loaded > 0) count("loaded in part");
        continue;
      }
      expect(holds_its_path(open_[i]), "what was loaded is not what its path leaves");
      count(open_[i].stats().loaded > 0 ? "loaded" : "not loaded");
      expect(open_[i].stats().restored == open_[i].position() && !open_[i].pending().empty(),
             "a load ended in the wrong place");
    }
    if (cache_->counters().failed_stores > before.failed_stores) count("not stored");
  }

  void clear() {
    cache_->clear();
    count("clear");
  }

  void restart() {
    if (choose(2) == 0) cache_->flush();
    open_.clear();
    cache_.reset();
    expect(budget_->charged() == 0, "memory leaked: " + std::to_string(budget_->charged()) + " bytes");
    start();
    count("restart");
    if (cache_->counters().stored_tokens > 0) count("restart with something");
  }

  void damage() {
    if (disk_.blocks.empty()) return;
    const auto block =
        std::next(disk_.blocks.begin(), static_cast<std::ptrdiff_t>(choose(disk_.blocks.size())));
    if (choose(2) == 0) {
      disk_.damaged.insert(block->first);
    } else {
      disk_.blocks.erase(block);
    }
    count("damage");
  }

  void fail_inserts() { tier_->failing = static_cast<int>(choose(3)); }

  // Whether evaluating is sooner.
  void change_speed() {
    cache_->set_evaluation_speed(1000);
    tier_->speed = static_cast<double>(choose(3)) * 1000 * static_cast<double>(kTestLayout.bytes_per_token());
  }

  void lose_record() {
    if (disk_.records.empty()) return;
    disk_.records.erase(disk_.records.begin() + static_cast<std::ptrdiff_t>(choose(disk_.records.size())));
    count("record lost");
  }

  void finish() {
    open_.clear();
    do {
      static_cast<void>(cache_->poll());
    } while (tier_->work());
    static_cast<void>(cache_->poll());
    cache_->clear();
    expect(cache_->check().empty(), "after the end: " + cache_->check());
    // Paths wait as long as nothing is stored, after a failure.
    const std::size_t waiting = cache_->counters().waiting_bytes;
    expect(budget_->charged() == waiting,
           "memory leaked: " + std::to_string(budget_->charged() - waiting) + " bytes");
    std::size_t there = 0;
    for (const auto& [id, bytes] : disk_.blocks) there += tier_->bytes_of(bytes.size());
    expect(there <= cache_->counters().stored_bytes, "blocks are left that the index does not know");
    cache_.reset();
  }

  const LayerKinds kinds_;
  const std::size_t memory_;
  const std::size_t tier_bytes_;
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;

  FakeDisk disk_;
  std::unique_ptr<Budget> budget_;
  FakeTier* tier_ = nullptr;
  std::unique_ptr<PrefixCache> cache_;
  std::vector<Session> open_;
  std::vector<Path> known_;
  StoredHistoryResult result_;
};

}  // namespace

StoredHistoryResult run_stored_history(const LayerKinds& kinds, std::size_t memory, std::size_t tier_bytes,
                                       std::span<const std::uint8_t> bytes) {
  return History(kinds, memory, tier_bytes, bytes).run();
}

}  // namespace banyan
