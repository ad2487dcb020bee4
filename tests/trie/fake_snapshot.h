/// A snapshot without memory that remembers which tokens it covers, in two kinds like the layers'.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "banyan/trie.h"

namespace banyan {

/// What a FakeSnapshot covers: tokens [from, to) of the path, to be split anywhere, or (`whole`)
/// the state at `to` alone, which stays with the back of a split.
struct Coverage {
  std::size_t from = 0;
  std::size_t to = 0;
  bool whole = false;

  bool operator==(const Coverage&) const = default;
  std::size_t bytes() const { return whole ? 50 : 3 * (to - from); }

  /// Keeps the back; returns the front.
  std::optional<Coverage> split_front(std::size_t at) {
    if (whole) return std::nullopt;
    const Coverage front = {.from = from, .to = from + at};
    from += at;
    return front;
  }
  void shorten(std::size_t length) {
    if (!whole) to = from + length;
  }
  /// Joins ranges; where one is missing, what remains is the state at the end.
  void merge_front(const std::optional<Coverage>& parent) {
    whole = whole || !parent.has_value() || parent->whole;
    from = whole ? to : parent->from;
  }
};

/// A coverage of an edge.
inline Coverage cover(const Node& node, bool whole = false) {
  return {.from = whole ? node.end() : node.start(), .to = node.end(), .whole = whole};
}

class FakeSnapshot final : public Snapshot {
 public:
  explicit FakeSnapshot(const Coverage& coverage) : coverage_(coverage) { ++alive; }
  ~FakeSnapshot() override { --alive; }

  std::size_t bytes() const override { return coverage_.bytes(); }
  std::unique_ptr<Snapshot> split_front(std::size_t at) override {
    Coverage back = coverage_;
    const std::optional<Coverage> front = back.split_front(at);
    std::unique_ptr<Snapshot> made;
    if (front.has_value()) made = std::make_unique<FakeSnapshot>(*front);
    coverage_ = back;
    return made;
  }
  void merge_front(const Snapshot* parent) override {
    coverage_.merge_front(parent == nullptr ? std::nullopt : std::optional(coverage_of(parent)));
  }

  void shorten(std::size_t length) override { coverage_.shorten(length); }

  /// REQUIRES: `snapshot` is a FakeSnapshot.
  static Coverage coverage_of(const Snapshot* snapshot) {
    return dynamic_cast<const FakeSnapshot&>(*snapshot).coverage_;
  }

  /// How many exist, to find leaks.
  static inline int alive = 0;

 private:
  Coverage coverage_;
};

/// Gives `node` a snapshot of its edge.
inline void give_snapshot(Trie& trie, Node* node, bool whole = false) {
  trie.set_snapshot(node, std::make_unique<FakeSnapshot>(cover(*node, whole)));
}

}  // namespace banyan
