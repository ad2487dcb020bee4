#include "trie/history.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <vector>

#include "banyan/trie.h"
#include "trie/tools.h"

namespace banyan {
namespace {

// What the plain map knows of the node that ends at a path.
struct Facts {
  Node* node = nullptr;
  std::size_t start = 0;
  std::uint64_t last_use = 0;
  bool user_mark = false;
  std::size_t tips = 0;
  std::optional<Coverage> kept = {};
};

bool begins_with(const Path& path, TokenSpan prefix) {
  return path.size() >= prefix.size() && std::ranges::equal(TokenSpan(path).first(prefix.size()), prefix);
}

class History {
 public:
  explicit History(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), snapshots_before_(FakeSnapshot::alive) {
    nodes_[{}].node = trie_.root();
  }

  HistoryResult run() {
    while (!bytes_.empty() && result_.wrong.empty()) {
      step();
      ++result_.steps;
      result_.most_nodes = std::max(result_.most_nodes, nodes_.size());
      if (result_.wrong.empty()) result_.wrong = compare();
      if (!result_.wrong.empty())
        result_.wrong = "step " + std::to_string(result_.steps) + ": " + result_.wrong;
    }
    return std::move(result_);
  }

 private:
  using Entry = std::map<Path, Facts>::iterator;

  void step() {
    switch (next() % 16) {
      case 0:
      case 1:
        return insert_path();
      case 2:
      case 3:
        return append(pick(), random_tokens());
      case 4:
        return split(pick(), next() % 16);
      case 5:
      case 6:
        return merge(pick());
      case 7:
        return shorten(pick());
      case 8:
      case 9:
      case 10:
        return remove(pick());
      case 11:
        return set_snapshot(pick());
      case 12:
        return take_snapshot(pick());
      case 13:
        return acquire(pick());
      case 14:
        return release(pick());
      default:
        return touch(pick());
    }
  }

  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  Entry pick() {
    const std::size_t high = next();
    return std::next(nodes_.begin(), static_cast<std::ptrdiff_t>((high << 8 | next()) % nodes_.size()));
  }

  // None to seven tokens out of three, so that paths meet often.
  Path random_tokens() {
    Path tokens(next() % 8);
    for (Token& token : tokens) token = next() % 3;
    return tokens;
  }

  // The plain map's answers.

  std::size_t match_length(const Path& tokens) const {
    std::size_t longest = 0;
    for (const auto& [path, facts] : nodes_) {
      const auto differ = std::ranges::mismatch(path, tokens).in1;
      longest = std::max(longest, static_cast<std::size_t>(differ - path.begin()));
    }
    return longest;
  }
  // The nodes that tokens [0, length) pass, the last perhaps in part.
  std::vector<Node*> match_path(const Path& tokens, std::size_t length) const {
    std::vector<Node*> path = {trie_.root()};
    for (std::size_t covered = 0; covered < length;) {
      for (const auto& [candidate, facts] : nodes_) {
        const std::size_t shared = std::min(length, candidate.size());
        if (candidate.size() > covered && facts.start == covered &&
            begins_with(candidate, TokenSpan(tokens).first(shared))) {
          path.push_back(facts.node);
          covered = candidate.size();
          break;
        }
      }
    }
    return path;
  }
  // In the order of paths, what is below a node follows it.
  std::vector<Entry> children(Entry parent) {
    std::vector<Entry> found;
    for (Entry entry = std::next(parent); entry != nodes_.end() && begins_with(entry->first, parent->first);
         ++entry) {
      if (entry->second.start == parent->first.size()) found.push_back(entry);
    }
    return found;
  }
  std::size_t uses(const Path& path) const {
    std::size_t sum = 0;
    for (auto entry = nodes_.find(path); entry != nodes_.end() && begins_with(entry->first, path); ++entry) {
      sum += entry->second.tips;
    }
    return sum;
  }

  // Each operation is done on both sides, or must be refused.

  bool refused(bool legal, const char* name, const std::function<void()>& operation) {
    ++result_.done[legal ? std::string(name) : std::string("no ") + name];
    if (legal) return false;
    try {
      operation();
      result_.wrong = std::string(name) + " was not refused";
    } catch (const Misuse&) {
    }
    return true;
  }

  void insert_path() {
    Path path = pick()->first;
    path.resize(path.size() - std::min<std::size_t>(path.size(), next() % 8));
    const Path more = random_tokens();
    path.insert(path.end(), more.begin(), more.end());

    const std::size_t length = match_length(path);
    const Match match = trie_.match(path);
    if (match.length != length || match.path != match_path(path, length)) {
      result_.wrong = "matched " + std::to_string(match.length) + " tokens instead of " +
                      std::to_string(length) + ", or by another path";
      return;
    }
    Entry last = nodes_.find(path_of(match.path.back()));
    if (length < last->first.size()) {
      split(last, length);
      last = nodes_.find(Path(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length)));
    }
    if (length < path.size())
      append(last, Path(path.begin() + static_cast<std::ptrdiff_t>(length), path.end()));
  }

  void append(Entry entry, const Path& tokens) {
    const std::vector<Entry> below = children(entry);
    const bool legal = !tokens.empty() && std::ranges::none_of(below, [&](Entry child) {
      return child->first[entry->first.size()] == tokens[0];
    });
    if (refused(legal, "append", [&] { trie_.append(entry->second.node, tokens); })) return;

    Node* const end = trie_.append(entry->second.node, tokens);
    Path path = entry->first;
    path.insert(path.end(), tokens.begin(), tokens.end());
    const Facts& old = entry->second;
    if (below.empty() && !entry->first.empty() && !old.kept && !old.user_mark && old.tips == 0) {
      ++result_.done["append in place"];
      auto moved = nodes_.extract(entry);
      moved.key() = path;
      nodes_.insert(std::move(moved));
    } else {
      nodes_[path] = {.node = end, .start = entry->first.size(), .last_use = old.last_use};
    }
  }

  void split(Entry entry, std::size_t offset) {
    const bool legal = entry->second.start < offset && offset < entry->first.size();
    if (refused(legal, "split", [&] { trie_.split(entry->second.node, offset); })) return;

    Facts front = {.node = trie_.split(entry->second.node, offset),
                   .start = entry->second.start,
                   .last_use = entry->second.last_use};
    if (entry->second.kept) front.kept = entry->second.kept->split_front(offset - front.start);
    entry->second.start = offset;
    nodes_[Path(entry->first.begin(), entry->first.begin() + static_cast<std::ptrdiff_t>(offset))] = front;
  }

  void merge(Entry entry) {
    const std::vector<Entry> below = children(entry);
    const bool legal = !entry->first.empty() && below.size() == 1 && entry->second.tips == 0;
    if (refused(legal, "merge", [&] { trie_.merge_with_child(entry->second.node); })) return;

    Facts& child = below[0]->second;
    if (trie_.merge_with_child(entry->second.node) != child.node) result_.wrong = "the child did not survive";
    child.start = entry->second.start;
    child.last_use = std::max(child.last_use, entry->second.last_use);
    if (child.kept) child.kept->merge_front(entry->second.kept);
    nodes_.erase(entry);
  }

  void remove(Entry entry) {
    const bool legal = !entry->first.empty() && children(entry).empty() && entry->second.tips == 0;
    if (refused(legal, "remove", [&] { trie_.remove(entry->second.node); })) return;
    trie_.remove(entry->second.node);
    nodes_.erase(entry);
  }

  void shorten(Entry entry) {
    const std::size_t end = entry->second.start + 1 + next() % 4;
    const bool legal = entry->second.start < end && end < entry->first.size() && children(entry).empty() &&
                       entry->second.tips == 0;
    if (refused(legal, "shorten", [&] { trie_.shorten(entry->second.node, end); })) return;
    trie_.shorten(entry->second.node, end);
    if (entry->second.kept) entry->second.kept->shorten(end - entry->second.start);
    entry->second.user_mark = false;
    auto moved = nodes_.extract(entry);
    moved.key().resize(end);
    nodes_.insert(std::move(moved));
  }

  void set_snapshot(Entry entry) {
    ++result_.done["set snapshot"];
    entry->second.kept = cover(*entry->second.node, next() % 2 == 0);
    trie_.set_snapshot(entry->second.node, std::make_unique<FakeSnapshot>(*entry->second.kept));
  }
  void take_snapshot(Entry entry) {
    ++result_.done["take snapshot"];
    if ((trie_.take_snapshot(entry->second.node) != nullptr) != entry->second.kept.has_value()) {
      result_.wrong = "took the wrong snapshot";
    }
    entry->second.kept.reset();
  }

  void acquire(Entry entry) {
    ++result_.done["acquire"];
    ++entry->second.tips;
    trie_.acquire(entry->second.node);
  }
  void release(Entry entry) {
    // Most nodes are in no use: mostly, look for one that is.
    if (next() % 4 != 0) {
      const Entry tip = std::ranges::find_if(nodes_, [](const auto& node) { return node.second.tips > 0; });
      if (tip != nodes_.end()) entry = tip;
    }
    if (refused(entry->second.tips > 0, "release", [&] { trie_.release(entry->second.node); })) return;
    --entry->second.tips;
    trie_.release(entry->second.node);
  }

  void touch(Entry entry) {
    ++result_.done["touch"];
    entry->second.last_use = ++clock_;
    trie_.set_last_use(entry->second.node, clock_);
    entry->second.user_mark = next() % 4 == 0;
    trie_.set_user_mark(entry->second.node, entry->second.user_mark);
  }

  // Walks both: the map's order of paths is the trie's order of nodes.
  std::string compare() {
    if (std::string broken = trie_.check(); !broken.empty()) return broken;
    std::string wrong;
    std::size_t tokens = 0;
    std::size_t bytes = 0;
    int snapshots = 0;
    auto expected = nodes_.cbegin();
    trie_.walk([&](Node& node) {
      if (expected == nodes_.cend()) {
        wrong = "the trie has too many nodes";
        return false;
      }
      const auto& [path, facts] = *expected++;
      const bool same_snapshot =
          node.snapshot() == nullptr
              ? !facts.kept
              : facts.kept && FakeSnapshot::coverage_of(node.snapshot()) == *facts.kept;
      if (&node != facts.node || path_of(&node) != path || node.start() != facts.start ||
          node.last_use() != facts.last_use || node.user_mark() != facts.user_mark || !same_snapshot ||
          node.uses() != uses(path)) {
        wrong = "node [" + std::to_string(facts.start) + ", " + std::to_string(path.size()) + ") differs";
        return false;
      }
      tokens += node.edge().size();
      if (facts.kept) {
        bytes += facts.kept->bytes();
        ++snapshots;
      }
      return true;
    });
    if (!wrong.empty()) return wrong;
    if (expected != nodes_.cend()) return "the trie has too few nodes";
    if (trie_.node_count() != nodes_.size() || trie_.token_count() != tokens ||
        trie_.snapshot_bytes() != bytes) {
      return "a counter differs";
    }
    if (FakeSnapshot::alive - snapshots_before_ != snapshots) return "a snapshot leaked";
    return {};
  }

  std::span<const std::uint8_t> bytes_;
  int snapshots_before_;
  Trie trie_;
  std::map<Path, Facts> nodes_;
  std::uint64_t clock_ = 0;
  HistoryResult result_;
};

}  // namespace

HistoryResult run_history(std::span<const std::uint8_t> bytes) { return History(bytes).run(); }

}  // namespace banyan
