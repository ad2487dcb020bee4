#include "cache/stored/loading.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace banyan {
namespace {

// Fewer tokens are evaluated again in less time.
constexpr std::size_t kWorthLoading = 16;
// A load has no more stages than about this: each costs the time of the path's segments.
constexpr std::size_t kMostStages = 64;
// What a stage loads besides its tokens is at most this part of it.
constexpr std::size_t kStagePart = 8;
// How much of each load is under way: what the tier reads in so many seconds, as a step may take that long
// before the next stage begins. While the tier's speed is not known, so many bytes. Never more than this part
// of the memory.
constexpr double kSecondsAhead = 0.5;
constexpr std::size_t kBytesAhead = std::size_t{64} << 20;
constexpr std::size_t kAheadPart = 8;
constexpr std::size_t kStagesAhead = 2;

}  // namespace

Loading::Loading(const Groups& groups, StoredIndex& index, Budget& budget, Tier& tier,
                 std::vector<std::string>& notes)
    : groups_(groups), index_(index), budget_(budget), tier_(tier), notes_(notes) {
  for (const auto& group : groups_) {
    if (resumes_anywhere(*group)) {
      token_bytes_ += group->block_bytes(1);
    } else {
      stage_bytes_ += group->block_bytes(group->reach());
    }
  }
}

std::optional<Loading::Begun> Loading::begin(TokenSpan prompt,
                                             const std::vector<std::vector<PathPart>>& paths,
                                             std::size_t matched, std::size_t restored) {
  const StoredIndex::Found found = index_.find(prompt, prompt.size() - 1);
  const std::size_t offset = found.resumption.offset;
  if (offset < restored + kWorthLoading || !is_worth(restored, offset, wanted() + 1)) return std::nullopt;

  Load load{.path = {prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(offset)},
            .matched = found.matched,
            .resumption = found.resumption,
            .ends = plan(found, restored),
            .begun = 0,
            .stages = {},
            .parts = {},
            .is_wanted = true,
            .has_come = false};
  index_.use(load.path);
  const auto at = loads_.emplace(++last_, std::move(load)).first;
  bool has_begun = false;
  try {
    has_begun = begin_stage(at->first, at->second, paths, matched);
  } catch (...) {
    loads_.erase(at);
    throw;
  }
  if (!has_begun) {
    loads_.erase(at);  // there is no room now: the prompt is read as if nothing were stored
    return std::nullopt;
  }
  begin_stages(at->first, at->second);
  return Begun{at->first, at->second.stages.front().offset};
}

// The ends of the stages that bring a path from `restored` on to where it can resume.
std::vector<std::size_t> Loading::plan(const StoredIndex::Found& found, std::size_t restored) const {
  const std::size_t target = found.resumption.offset;
  std::vector<std::size_t> ends;
  if (token_bytes_ > 0) {
    // Where blocks end, so that none is read twice.
    std::vector<std::size_t> block_ends;
    const auto anywhere =
        std::ranges::find_if(groups_, [](const auto& group) { return resumes_anywhere(*group); });
    for (const PathPart& node : found.paths[static_cast<std::size_t>(anywhere - groups_.begin())]) {
      if (node.part == nullptr || node.end <= restored) continue;
      for (const StoredRun& run : (*anywhere)->stored_runs(*node.part, node.end - node.start)) {
        if (run.at + static_cast<int>(run.range.end - run.range.begin) == run.block_tokens) {
          block_ends.push_back(node.start + run.range.end);
        }
      }
    }
    const std::size_t least =
        std::max((target - restored) / kMostStages, kStagePart * stage_bytes_ / token_bytes_);
    const std::size_t size = std::max(kBlockTokens, least);
    for (std::size_t from = restored; from + size < target;) {
      std::size_t end = from + size;
      if (needs_points(groups_)) {
        end = find_resumption(groups_, found.paths, end).offset;
      } else if (const auto beyond = std::ranges::upper_bound(block_ends, end);
                 beyond != block_ends.begin()) {
        end = *std::prev(beyond);
      }
      if (end > from) ends.push_back(end);
      from = std::max(end, from + size);
    }
  }
  if (ends.empty() || ends.back() < target) ends.push_back(target);
  return ends;
}

std::size_t Loading::wanted() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(loads_, [](const auto& load) { return load.second.is_wanted; }));
}

bool Loading::is_worth(std::size_t from, std::size_t to, std::size_t at_once) const {
  const double speed = tier_.read_speed() / static_cast<double>(at_once);
  if (speed <= 0 || evaluation_speed_ <= 0) return true;
  const double bytes = static_cast<double>(token_bytes_ * (to - from) + stage_bytes_);
  return bytes / speed <= static_cast<double>(to - from) / evaluation_speed_;
}

std::size_t Loading::most_bytes_under_way() const {
  const double speed = tier_.read_speed();
  const std::size_t ahead = speed > 0 ? static_cast<std::size_t>(speed * kSecondsAhead) : kBytesAhead;
  return std::min(ahead, budget_.limit() / kAheadPart);
}

void Loading::begin_stages(Id id, Load& load) {
  const std::size_t most = most_bytes_under_way();
  while (load.begun < load.ends.size()) {
    std::size_t bytes = 0;
    for (const Stage& stage : load.stages) bytes += stage.bytes;
    if (load.stages.size() >= kStagesAhead && bytes >= most) return;
    bool has_begun = false;
    try {
      // What comes before is in memory already, or will be when this is read.
      const std::size_t from = load.ends[load.begun - 1];
      std::vector<std::vector<PathPart>> memory;
      for (const auto& part : load.parts) memory.push_back({{part.get(), 0, from}});
      has_begun = begin_stage(id, load, memory, from);
    } catch (const std::exception&) {
      // What has come, and what is under way, can be used all the same.
    }
    if (!has_begun) load.ends.resize(load.begun);
  }
}

// False where the tier has it no more, or there is no room.
bool Loading::begin_stage(Id id, Load& load, const std::vector<std::vector<PathPart>>& memory,
                          std::size_t in_memory) {
  const std::size_t end = load.ends[load.begun];
  const StoredIndex::Found found = index_.find(TokenSpan(load.path).first(end), end);
  if (found.resumption.offset != end) return false;
  std::deque<Stage> one;
  Stage& stage = one.emplace_back();
  stage.offset = end;
  std::vector<Tier::BlockToFind> blocks;
  Parts parts;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    auto loading = groups_[i]->load(memory[i], in_memory, found.paths[i], end, budget_);
    if (!loading) return false;
    for (auto& [block, bytes, take] : loading->blocks) {
      blocks.push_back({block->id(), bytes, std::move(take)});
      stage.bytes += bytes;
      stage.blocks.push_back(std::move(block));
    }
    parts.push_back(loading->state->snapshot(0, end));
    stage.states.push_back(std::move(loading->state));
  }
  load.stages.push_back(std::move(stage));
  try {
    load.stages.back().ticket = tier_.look_up(std::move(blocks), id);
  } catch (const std::bad_alloc&) {
    load.stages.pop_back();
    throw;
  } catch (const std::exception& error) {
    load.stages.pop_back();
    ++failed_;
    notes_.push_back(std::string("nothing is loaded: ") + error.what());
    return false;
  }
  load.parts = std::move(parts);
  ++load.begun;
  return true;
}

void Loading::abandon(Id load) {
  const auto found = loads_.find(load);
  if (found == loads_.end()) return;
  stop(found->second);
  if (found->second.stages.empty()) loads_.erase(found);
}

// What is under way of it ends as soon as it can.
void Loading::stop(Load& load) {
  load.is_wanted = false;
  load.parts.clear();
  for (const Stage& stage : load.stages) {
    if (stage.outcome) continue;
    try {
      tier_.cancel_look_up(stage.ticket);
    } catch (const std::exception&) {
      // Then it ends by itself.
    }
  }
}

bool Loading::take(Tier::Outcome& outcome) {
  for (auto& [id, load] : loads_) {
    for (Stage& stage : load.stages) {
      if (stage.ticket != outcome.ticket) continue;
      stage.outcome = std::move(outcome);
      return true;
    }
  }
  return false;
}

std::optional<Loading::Arrival> Loading::next_arrival() {
  for (auto next = loads_.begin(); next != loads_.end();) {
    const auto at = next++;
    auto& [id, load] = *at;
    std::optional<Arrival> arrival;
    if (load.is_wanted && load.stages.front().outcome) {
      Stage stage = std::move(load.stages.front());
      load.stages.pop_front();
      arrival = arrive(id, load, std::move(stage));
    }
    if (!load.is_wanted) {
      std::erase_if(load.stages, [](const Stage& stage) { return stage.outcome.has_value(); });
      if (load.stages.empty()) loads_.erase(at);
    }
    if (arrival) return arrival;
  }
  return std::nullopt;
}

Loading::Arrival Loading::arrive(Id id, Load& load, Stage stage) {
  if (const Result<>& result = stage.outcome->result; !result) {
    stop(load);
    ++failed_;
    try {
      const auto& missing = stage.outcome->missing;
      index_.forget(load.path, {missing.begin(), missing.end()});
      notes_.push_back("what was stored of a prompt is not used: " + result.error().message);
    } catch (const std::exception&) {
      // It is found again the next time. Whoever waits must be told now that nothing comes.
    }
    return {.load = id, .part = {}, .is_last = true, .next = 0};
  }
  if (!std::exchange(load.has_come, true)) ++count_;
  const bool is_all = stage.offset == load.path.size();
  const bool goes_on = !is_all && is_worth(stage.offset, load.path.size(), wanted());
  if (goes_on) begin_stages(id, load);
  const bool is_last = !goes_on || load.stages.empty();
  Arrival arrival{.load = id,
                  .part = Loaded{.offset = stage.offset,
                                 .matched = is_all ? load.matched : stage.offset,
                                 .resumption = is_all ? load.resumption : Resumption{},
                                 .states = std::move(stage.states)},
                  .is_last = is_last,
                  .next = is_last ? 0 : load.stages.front().offset};
  if (is_last) stop(load);
  return arrival;
}

bool Loading::awaits_memory() const {
  return std::ranges::any_of(loads_, [](const auto& load) { return !load.second.is_wanted; });
}

void Loading::visit_allocations(const AllocationVisitor& visit) const {
  for (const auto& [id, load] : loads_) {
    for (const Stage& stage : load.stages) {
      for (const auto& state : stage.states) state->visit_allocations(visit);
    }
    for (const auto& part : load.parts) {
      if (part != nullptr) part->visit_allocations(visit);
    }
  }
}

std::vector<std::shared_ptr<StoredBlock>> Loading::held_blocks() const {
  std::vector<std::shared_ptr<StoredBlock>> held;
  for (const auto& [id, load] : loads_) {
    for (const Stage& stage : load.stages) held.append_range(stage.blocks);
  }
  return held;
}

}  // namespace banyan
