/// What a node of the trie owns of a group of sliding-window layers: pieces of its edge.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "banyan/segment.h"
#include "banyan/state.h"

namespace banyan {

/// Every piece lies in the last `window` tokens of the edge: no offset at or behind the edge's end
/// needs more of it.
class WindowPart final : public StatePart {
 public:
  /// Tokens [begin, end) of the edge, of which there is at least one.
  struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<SegmentView> views;
  };

  /// Of an edge of `length` tokens, with no pieces.
  WindowPart(std::size_t bytes_per_token, std::size_t window, std::size_t length)
      : bytes_per_token_(bytes_per_token), window_(window), length_(length) {}

  std::size_t bytes() const override;
  Halves split(std::size_t at) const override;
  /// REQUIRES: there is a parent's part.
  std::unique_ptr<StatePart> joined(const StatePart* parent) const override;
  bool merges_freely(const StatePart& child) const override;
  std::unique_ptr<StatePart> completed(const StatePart& other) const override;
  void visit_allocations(const AllocationVisitor& visit) const override;

  /// In order; between two there is a gap.
  std::span<const Piece> pieces() const { return pieces_; }
  /// Adds what is missing of the tokens that `views` hold, from `begin` of the edge on. For whoever makes the
  /// part: later it never changes.
  void add(std::size_t begin, std::span<const SegmentView> views);

 private:
  void append(Piece piece);
  /// The pieces of the tokens [from, to), counted from `from`.
  std::vector<Piece> clip(std::size_t from, std::size_t to) const;

  std::size_t bytes_per_token_;
  std::size_t window_;
  std::size_t length_;
  std::vector<Piece> pieces_;
};

/// Where the window before `offset` begins.
inline std::size_t window_begin(std::size_t offset, std::size_t window) {
  return offset - std::min(offset, window);
}

/// A node's pieces; none where it has no part.
std::span<const WindowPart::Piece> pieces_of(const PathPart& node);

/// Views of the tokens [from, to) of a path, as far as its parts hold them.
std::vector<SegmentView> window_views(std::span<const PathPart> path, std::size_t from, std::size_t to);

}  // namespace banyan
