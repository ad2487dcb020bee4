#include "cache/fake_groups.h"

#include <algorithm>
#include <set>
#include <utility>

namespace banyan {
namespace {

/// A state as it was at one offset.
struct Capture {
  std::uint64_t hash = 0;
  Charge charge;
};

class PointPart final : public StatePart {
 public:
  explicit PointPart(std::shared_ptr<const Capture> capture) : capture_(std::move(capture)) {}

  std::size_t bytes() const override { return PointGroup::kStateBytes; }
  std::unique_ptr<StatePart> split_front(std::size_t) override { return nullptr; }
  void merge_front(std::unique_ptr<StatePart>) override {}
  bool merges_freely() const override { return false; }
  void visit_allocations(const AllocationVisitor& visit) const override {
    visit(capture_.get(), capture_->charge.bytes());
  }

  const std::shared_ptr<const Capture>& capture() const { return capture_; }

 private:
  std::shared_ptr<const Capture> capture_;
};

class PointState final : public FakeState {
 public:
  PointState(std::size_t offset, std::shared_ptr<const Capture> from, Budget& budget)
      : budget_(&budget), tokens_(offset), hash_(from == nullptr ? 0 : from->hash) {
    if (from != nullptr) captured_.emplace(offset, std::move(from));
    if (auto charge = budget.take(PointGroup::kStateBytes, "a state")) own_ = std::move(*charge);
  }

  std::size_t tokens() const override { return tokens_; }

  Result<> reserve(std::size_t count) override {
    if (own_.bytes() == 0) {
      auto charge = budget_->take(PointGroup::kStateBytes, "a state");
      if (!charge) return std::unexpected(std::move(charge.error()));
      own_ = std::move(*charge);
    }
    std::map<std::size_t, Charge> more;
    const std::size_t end = tokens_ + written_.size() + count;
    for (const std::size_t offset : scheduled_) {
      if (offset > end || charges_.contains(offset)) continue;
      auto charge = budget_->take(PointGroup::kStateBytes, "a captured state");
      if (!charge) return std::unexpected(std::move(charge.error()));
      more.emplace(offset, std::move(*charge));
    }
    charges_.merge(more);
    written_.resize(written_.size() + count);
    return {};
  }

  void write(std::size_t position, std::uint64_t hash) override { written_.at(position - tokens_) = hash; }

  void commit(std::size_t count) override {
    require(count <= written_.size(), "PointState::commit: more than was reserved");
    for (std::size_t i = 0; i < count; ++i) {
      ++tokens_;
      hash_ = written_[i];
      if (scheduled_.erase(tokens_) == 0) continue;
      captured_[tokens_] =
          std::make_shared<const Capture>(hash_, std::move(charges_.extract(tokens_).mapped()));
    }
    written_.clear();
    charges_.clear();
  }

  void schedule_capture(std::size_t offset) override {
    require(offset > tokens_, "PointState::schedule_capture: seen already");
    scheduled_.insert(offset);
  }

  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override {
    require(from < to && to <= tokens_, "PointState::snapshot: outside what the state has seen");
    if (const auto found = captured_.find(to); found != captured_.end()) {
      return std::make_unique<PointPart>(found->second);
    }
    if (to < tokens_) return nullptr;
    auto charge = budget_->take(PointGroup::kStateBytes, "a captured state");
    if (!charge) return nullptr;
    return std::make_unique<PointPart>(std::make_shared<const Capture>(hash_, std::move(*charge)));
  }

  void visit_allocations(const AllocationVisitor& visit) const override {
    visit(this, own_.bytes());
    for (const auto& [offset, capture] : captured_) visit(capture.get(), capture->charge.bytes());
    for (const auto& [offset, charge] : charges_) visit(&charge, charge.bytes());
  }

  bool holds(std::span<const std::uint64_t> hashes) const override {
    return hash_ == (hashes.empty() ? 0 : hashes.back());
  }

 private:
  Budget* budget_;
  Charge own_;  // for the state itself; none yet where there was no room when the session began
  std::size_t tokens_;
  std::uint64_t hash_;
  std::vector<std::uint64_t> written_;     // of reserved tokens
  std::map<std::size_t, Charge> charges_;  // for captures among the reserved tokens
  std::set<std::size_t> scheduled_;
  std::map<std::size_t, std::shared_ptr<const Capture>> captured_;
};

/// The last tokens of an edge, at most a window of them. Never null, so that it knows its edge.
class WindowPart final : public StatePart {
 public:
  WindowPart(std::size_t edge, std::vector<std::uint64_t> last) : edge_(edge), last_(std::move(last)) {}

  std::size_t bytes() const override { return last_.size() * sizeof(last_[0]); }

  std::unique_ptr<StatePart> split_front(std::size_t at) override {
    const std::size_t back = std::min(last_.size(), edge_ - at);
    const auto cut = last_.end() - static_cast<std::ptrdiff_t>(back);
    auto front = std::make_unique<WindowPart>(at, std::vector(last_.begin(), cut));
    last_.erase(last_.begin(), cut);
    edge_ -= at;
    return front;
  }

  void merge_front(std::unique_ptr<StatePart> parent) override {
    auto& front = static_cast<WindowPart&>(*parent);
    if (last_.size() == edge_) last_.insert(last_.begin(), front.last_.begin(), front.last_.end());
    edge_ += front.edge_;
    if (last_.size() > WindowGroup::kWindow) {
      last_.erase(last_.begin(), last_.end() - static_cast<std::ptrdiff_t>(WindowGroup::kWindow));
    }
  }

  bool merges_freely() const override { return last_.empty(); }
  void visit_allocations(const AllocationVisitor&) const override {}

  std::span<const std::uint64_t> last() const { return last_; }

 private:
  std::size_t edge_;
  std::vector<std::uint64_t> last_;
};

class WindowState final : public FakeState {
 public:
  WindowState(std::size_t offset, std::vector<std::uint64_t> window)
      : tokens_(offset), first_(offset - window.size()), hashes_(std::move(window)) {}

  std::size_t tokens() const override { return tokens_; }
  Result<> reserve(std::size_t count) override {
    hashes_.resize(hashes_.size() + count);
    return {};
  }
  void write(std::size_t position, std::uint64_t hash) override { hashes_.at(position - first_) = hash; }
  void commit(std::size_t count) override {
    tokens_ += count;
    require(tokens_ - first_ <= hashes_.size(), "WindowState::commit: more than was reserved");
    hashes_.resize(tokens_ - first_);
  }
  void schedule_capture(std::size_t) override {}

  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override {
    require(from < to && to <= tokens_, "WindowState::snapshot: outside what the state has seen");
    const std::size_t begin = std::max({from, first_, to - std::min(to, WindowGroup::kWindow)});
    if (begin >= to) return std::make_unique<WindowPart>(to - from, std::vector<std::uint64_t>{});
    const auto first = hashes_.begin() - static_cast<std::ptrdiff_t>(first_);
    return std::make_unique<WindowPart>(to - from, std::vector(first + static_cast<std::ptrdiff_t>(begin),
                                                               first + static_cast<std::ptrdiff_t>(to)));
  }

  void visit_allocations(const AllocationVisitor&) const override {}

  bool holds(std::span<const std::uint64_t> hashes) const override {
    const std::size_t window = std::min(hashes.size(), WindowGroup::kWindow);
    return hashes_.size() >= window &&
           std::ranges::equal(std::span(hashes_).last(window), hashes.last(window));
  }

 private:
  std::size_t tokens_;
  std::size_t first_;  // position of hashes_[0]
  std::vector<std::uint64_t> hashes_;
};

// What the parts keep of the positions [from, to), or nothing if one is missing.
std::vector<std::uint64_t> window_of(std::span<const PathPart> path, std::size_t from, std::size_t to) {
  std::vector<std::uint64_t> window;
  for (const PathPart& node : path) {
    if (node.end <= from || node.start >= to || node.part == nullptr) continue;
    const auto last = static_cast<const WindowPart*>(node.part)->last();
    for (std::size_t at = std::max(from, node.end - last.size()); at < std::min(to, node.end); ++at) {
      window.push_back(last[at + last.size() - node.end]);
    }
  }
  if (window.size() < to - from) window.clear();
  return window;
}

}  // namespace

std::size_t PointGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  std::size_t offset = 0;
  for (const PathPart& node : path) {
    if (node.part != nullptr && node.end <= limit) offset = node.end;
  }
  return offset;
}

std::unique_ptr<LiveState> PointGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                              Budget& budget) const {
  require(resumable(path, offset) == offset, "PointGroup::resume: not captured there");
  const auto node = std::ranges::find(path, offset, &PathPart::end);
  if (node == path.end()) return std::make_unique<PointState>(0, nullptr, budget);
  return std::make_unique<PointState>(offset, static_cast<const PointPart*>(node->part)->capture(), budget);
}

std::size_t WindowGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  std::size_t offset = path.empty() ? 0 : std::min(limit, path.back().end);
  while (offset > 0 && window_of(path, offset - std::min(offset, kWindow), offset).empty()) --offset;
  return offset;
}

std::unique_ptr<LiveState> WindowGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                               Budget&) const {
  require(resumable(path, offset) == offset, "WindowGroup::resume: the window is not kept");
  return std::make_unique<WindowState>(offset, window_of(path, offset - std::min(offset, kWindow), offset));
}

}  // namespace banyan
