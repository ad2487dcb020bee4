#include "sampling/grammar/matcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "text/utf8.h"

namespace banyan {
namespace {

using StateKind = Grammar::State::Kind;

}  // namespace

void GrammarMatcher::Seen::clear() {
  ++stamp_;
  used_ = 0;
}

GrammarMatcher::Seen::Slot& GrammarMatcher::Seen::find(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint64_t hash = (a * 0x9E3779B97F4A7C15u) ^ (b * 0xC2B2AE3D27D4EB4Fu) ^ (c * 0x165667B19E3779F9u);
  hash ^= hash >> 29;
  hash *= 0xBF58476D1CE4E5B9u;
  for (std::size_t at = hash >> 32;; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.stamp != stamp_ || (slot.a == a && slot.b == b && slot.c == c)) return slot;
  }
}

bool GrammarMatcher::Seen::insert(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  if (used_ * 2 >= slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : old) {
      if (slot.stamp == stamp_) find(slot.a, slot.b, slot.c) = slot;
    }
  }
  Slot& slot = find(a, b, c);
  if (slot.stamp == stamp_) return false;
  slot = {stamp_, a, b, c};
  ++used_;
  return true;
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)), entered_(grammar_->starts.size(), {0, 0}) {
  begin_step();
  nodes_.push_back({.step = step_, .edges = kNone, .returned = false});
  entered_[grammar_->root] = {step_, 0};
  add_edge(0, 0, kNone);
  reach(grammar_->starts[grammar_->root], 0);
  follow();
  frames_.push_back(
      {.begin = 0, .nodes = nodes_.size(), .edges = edges_.size(), .can_end = can_end_, .cut = {}});
}

bool GrammarMatcher::passes_trial(const std::shared_ptr<const Grammar>& grammar) {
  constexpr std::size_t kLength = 256;    // characters of a text
  constexpr std::size_t kWork = 1 << 20;  // steps for a text: some ten milliseconds
  std::minstd_rand random(1);             // the same grammar is always taken or always refused
  for (int text = 0; text < 2; ++text) {
    GrammarMatcher matcher(grammar);
    std::size_t work = 0;
    for (std::size_t length = 0; length < kLength && work < kWork; ++length) {
      if (!matcher.accept_any(random)) break;
      work += matcher.token_work_;
    }
    if (!matcher.is_exhausted()) return true;
  }
  return false;
}

// Goes on with a character or token that may follow, any of them. False where there is none, or a bound is
// passed.
bool GrammarMatcher::accept_any(std::minstd_rand& random) {
  if (terminals_.empty() || exhausted_) return false;
  token_work_ = 0;
  // Places that take the same count as one: many of them are many ways to read a text, not many texts.
  seen_.clear();
  std::vector<std::uint32_t> different;  // states
  for (const Place& place : terminals_) {
    const Grammar::State& state = grammar_->states[place.state];
    if (seen_.insert(static_cast<std::uint32_t>(state.kind), state.arg, kNone))
      different.push_back(place.state);
  }
  const Grammar::State& state = grammar_->states[different[random() % different.size()]];
  bool taken = false;
  if (state.kind == StateKind::chars) {
    const auto& ranges = grammar_->sets[state.arg].ranges;
    const CharSet::Range& range = ranges[random() % ranges.size()];
    const char32_t c = range.first + static_cast<char32_t>(random() % (range.last - range.first + 1));
    taken = push_char(c, Frame(frames_.back()));
  } else {
    taken = push_token(static_cast<Token>(state.kind == StateKind::token ? state.arg : state.arg ^ 1));
  }
  settle();
  return taken && !exhausted_;
}

bool GrammarMatcher::allows(Token token, std::string_view bytes) {
  if (exhausted_) return false;
  const bool allowed = push(token, bytes);
  pop_to(1);
  return allowed && !exhausted_;
}

bool GrammarMatcher::allows(std::span<const Piece> pieces) {
  if (exhausted_) return false;
  const bool allowed = push_all(pieces);
  pop_to(1);
  return allowed && !exhausted_;
}

bool GrammarMatcher::search(const TokenTrie& trie, Search& search, std::size_t until) {
  if (!exhausted_ && (!search_named(search, until) || !search_texts(trie, search, until))) return false;
  pop_to(1);
  return true;
}

// Looks for what may follow of the tokens that the grammar names, between characters.
bool GrammarMatcher::search_named(Search& search, std::size_t until) {
  if (search.is_begun || search.token > 0 || !frames_.back().cut.empty()) return true;
  for (; search.place < terminals_.size() && !exhausted_; ++search.place) {
    if (token_work_ > until) return false;
    const Grammar::State& state = grammar_->states[terminals_[search.place].state];
    if (state.kind == StateKind::token && !search.allowed[state.arg] &&
        push_token(static_cast<Token>(state.arg))) {
      search.allowed[state.arg] = true;
      pop_to(1);
    }
    if (state.kind != StateKind::not_token) continue;
    if (search.excluded && *search.excluded != state.arg) search.are_all_named = true;
    search.excluded = state.arg;
  }
  if (!search.excluded) return true;
  for (std::size_t token = 0; token < search.allowed.size(); ++token) {
    if (search.are_all_named || token != *search.excluded) search.allowed[token] = true;
  }
  return true;
}

// The tokens in the order of their bytes: what one has in common with the one before is taken already.
bool GrammarMatcher::search_texts(const TokenTrie& trie, Search& search, std::size_t until) {
  for (; search.token < trie.size() && !exhausted_; ++search.token) {
    if (!search.is_begun) {
      const std::size_t common = trie.common(search.token);
      if (search.is_refused && common > search.taken) continue;
      if (common < search.taken) pop_to(1 + common);
      search.taken = std::min(search.taken, common);
      search.is_refused = false;
      search.is_begun = true;
    }
    const std::string_view bytes = trie.bytes(search.token);
    while (search.taken < bytes.size() && !search.is_refused) {
      if (token_work_ > until) return false;
      search.is_refused = !push_byte(bytes[search.taken]);
      if (!search.is_refused) ++search.taken;
    }
    if (!search.is_refused) search.allowed[static_cast<std::size_t>(trie.token(search.token))] = true;
    search.is_begun = false;
  }
  return true;
}

bool GrammarMatcher::accept(Token token, std::string_view bytes) {
  token_work_ = 0;
  return settle_after(!exhausted_ && push(token, bytes));
}

bool GrammarMatcher::accept(std::span<const Piece> pieces) {
  token_work_ = 0;
  return settle_after(!exhausted_ && push_all(pieces));
}

// Keeps what was taken. Nothing may follow where not all was.
bool GrammarMatcher::settle_after(bool taken) {
  settle();
  if (!taken || exhausted_) {
    terminals_.clear();
    frames_.back().can_end = false;
    frames_.back().cut.clear();
  }
  return taken && !exhausted_;
}

bool GrammarMatcher::push(std::optional<Token> token, std::string_view bytes) {
  if (token && push_token(*token)) return true;
  return !bytes.empty() && std::ranges::all_of(bytes, [this](char byte) { return push_byte(byte); });
}

bool GrammarMatcher::push_all(std::span<const Piece> pieces) {
  return std::ranges::all_of(pieces, [this](const Piece& piece) { return push(piece.token, piece.bytes); });
}

// The bytes of a character that is cut take no step: the frame has the places of the one before.
bool GrammarMatcher::push_byte(char byte) {
  const Frame from = frames_.back();
  const std::string bytes = from.cut + byte;
  const Utf8Step step = next_utf8(bytes);
  if (step.kind == Utf8Step::Kind::invalid) return false;
  if (step.kind == Utf8Step::Kind::whole) return push_char(code_point(bytes), from);
  look_at(from);
  if (!cut_may_go_on(from, bytes)) return false;
  Frame frame = from;
  frame.cut = bytes;
  frame.begin = terminals_.size();
  for (std::size_t i = from.begin, end = terminals_.size(); i < end; ++i) {
    terminals_.push_back(Place(terminals_[i]));
  }
  frames_.push_back(std::move(frame));
  return true;
}

bool GrammarMatcher::push_char(char32_t c, const Frame& from) {
  const std::size_t end = terminals_.size();
  look_at(from);
  begin_step();
  for (std::size_t i = from.begin; i < end; ++i) {
    const Place place = terminals_[i];
    const Grammar::State& state = grammar_->states[place.state];
    if (state.kind == StateKind::chars && grammar_->sets[state.arg].has_any_of(c, c)) {
      reach(state.next, place.node);
    }
  }
  return end_step({.begin = end, .nodes = 0, .edges = 0, .can_end = false, .cut = {}});
}

bool GrammarMatcher::push_token(Token token) {
  if (!frames_.back().cut.empty()) return false;
  const std::size_t end = terminals_.size();
  bool taken = false;
  look_at(frames_.back());
  begin_step();
  for (std::size_t i = frames_.back().begin; i < end; ++i) {
    const Place place = terminals_[i];
    if (!takes_token(place, token)) continue;
    taken = true;
    reach(grammar_->states[place.state].next, place.node);
  }
  return taken && end_step({.begin = end, .nodes = 0, .edges = 0, .can_end = false, .cut = {}});
}

bool GrammarMatcher::takes_token(const Place& place, Token token) const {
  const Grammar::State& state = grammar_->states[place.state];
  const bool same = state.arg == static_cast<std::uint32_t>(token);
  return (state.kind == StateKind::token && same) || (state.kind == StateKind::not_token && !same);
}

bool GrammarMatcher::cut_may_go_on(const Frame& from, std::string_view cut) const {
  const auto [first, last] = cut_code_points(cut);
  for (std::size_t i = from.begin; i < terminals_.size(); ++i) {
    const Grammar::State& state = grammar_->states[terminals_[i].state];
    if (state.kind == StateKind::chars && grammar_->sets[state.arg].has_any_of(first, last)) return true;
  }
  return false;
}

void GrammarMatcher::pop_to(std::size_t depth) {
  if (frames_.size() <= depth) return;
  terminals_.resize(frames_[depth].begin);
  frames_.resize(depth);
  nodes_.resize(frames_.back().nodes);
  edges_.resize(frames_.back().edges);
}

// To look at a place costs less than to go on from it, but there may be thousands that do not fit.
void GrammarMatcher::look_at(const Frame& from) {
  token_work_ += (terminals_.size() - from.begin) / 4;
  if (token_work_ > kMaxTokenWork) exhausted_ = true;
}

void GrammarMatcher::begin_step() {
  ++step_;
  seen_.clear();
  todo_.clear();
  work_ = 0;
  can_end_ = false;
}

// Keeps what the step reached as a frame, or goes back to where it began.
bool GrammarMatcher::end_step(Frame frame) {
  follow();
  if (!exhausted_ && (can_end_ || terminals_.size() > frame.begin)) {
    frame.nodes = nodes_.size();
    frame.edges = edges_.size();
    frame.can_end = can_end_;
    frames_.push_back(std::move(frame));
    return true;
  }
  terminals_.resize(frame.begin);
  nodes_.resize(frames_.back().nodes);
  edges_.resize(frames_.back().edges);
  return false;
}

void GrammarMatcher::reach(std::uint32_t state, std::uint32_t node) {
  ++work_;
  if (seen_.insert(state, node, kNone)) todo_.push_back({state, node});
}

// Goes on without taking anything, until only places that take something are left.
void GrammarMatcher::follow() {
  while (!todo_.empty()) {
    if (work_ > kMaxWork || nodes_.size() > 2 * kMaxNodes || edges_.size() > 2 * kMaxEdges) exhausted_ = true;
    if (exhausted_) break;
    const Place place = todo_.back();
    todo_.pop_back();
    const Grammar::State& state = grammar_->states[place.state];
    switch (state.kind) {
      case StateKind::chars:
      case StateKind::token:
      case StateKind::not_token:
        terminals_.push_back(place);
        break;
      case StateKind::split:
        reach(state.next, place.node);
        reach(state.arg, place.node);
        break;
      case StateKind::call:
        call(state, place.node);
        break;
      case StateKind::end:
        if (nodes_[place.node].step == step_) nodes_[place.node].returned = true;
        for (std::uint32_t at = nodes_[place.node].edges; at != kNone; at = edges_[at].next) {
          if (edges_[at].parent == kNone) {
            can_end_ = true;
          } else {
            reach(edges_[at].state, edges_[at].parent);
          }
        }
        break;
    }
  }
  token_work_ += work_ + 1;
  if (token_work_ > kMaxTokenWork) exhausted_ = true;
}

// Enters a rule. Where nothing follows the call in its own rule, the called one goes on where that would, so
// that a list that is written as a recursion at the end does not grow the graph.
void GrammarMatcher::call(const Grammar::State& state, std::uint32_t node) {
  auto& [step, entered] = entered_[state.arg];
  if (step != step_) {
    step = step_;
    entered = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({.step = step_, .edges = kNone, .returned = false});
    reach(grammar_->starts[state.arg], entered);
  }
  const std::uint32_t target = entered;
  tails_.assign(1, {state.next, node});
  while (!tails_.empty() && work_ <= kMaxWork) {
    const Place tail = tails_.back();
    tails_.pop_back();
    ++work_;
    if (!seen_.insert(tail.state, tail.node, target)) continue;  // also where tails lead back to themselves
    if (tail.node != kNone && grammar_->states[tail.state].kind == StateKind::end &&
        nodes_[tail.node].step != step_) {
      for (std::uint32_t at = nodes_[tail.node].edges; at != kNone; at = edges_[at].next) {
        tails_.push_back({edges_[at].state, edges_[at].parent});
      }
    } else {
      add_edge(target, tail.state, tail.node);
    }
  }
}

void GrammarMatcher::add_edge(std::uint32_t node, std::uint32_t state, std::uint32_t parent) {
  edges_.push_back({state, parent, nodes_[node].edges});
  nodes_[node].edges = static_cast<std::uint32_t>(edges_.size() - 1);
  if (!nodes_[node].returned) return;
  if (parent == kNone) {
    can_end_ = true;
  } else {
    reach(state, parent);
  }
}

// What was accepted is not taken back: the last frame becomes the first.
void GrammarMatcher::settle() {
  Frame last = std::move(frames_.back());
  terminals_.erase(terminals_.begin(), terminals_.begin() + static_cast<std::ptrdiff_t>(last.begin));
  last.begin = 0;
  frames_.clear();
  frames_.push_back(std::move(last));
  if (nodes_.size() + edges_.size() > collect_at_) collect();
}

// Drops the nodes that no place leads to. The others keep their order.
void GrammarMatcher::collect() {
  std::vector<std::uint32_t> moved(nodes_.size(), kNone);
  std::vector<std::uint32_t> reached;
  const auto mark = [&](std::uint32_t node) {
    if (node == kNone || moved[node] != kNone) return;
    moved[node] = 0;
    reached.push_back(node);
  };
  for (const Place& place : terminals_) mark(place.node);
  while (!reached.empty()) {
    const std::uint32_t node = reached.back();
    reached.pop_back();
    for (std::uint32_t at = nodes_[node].edges; at != kNone; at = edges_[at].next) mark(edges_[at].parent);
  }
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (moved[i] == kNone) continue;
    moved[i] = static_cast<std::uint32_t>(nodes.size());
    nodes.push_back(nodes_[i]);
  }
  std::vector<Edge> edges;
  for (Node& node : nodes) {
    std::uint32_t first = kNone;
    for (std::uint32_t at = node.edges; at != kNone; at = edges_[at].next) {
      const Edge& edge = edges_[at];
      edges.push_back({edge.state, edge.parent == kNone ? kNone : moved[edge.parent], first});
      first = static_cast<std::uint32_t>(edges.size() - 1);
    }
    node.edges = first;
  }
  for (Place& place : terminals_) place.node = moved[place.node];
  nodes_ = std::move(nodes);
  edges_ = std::move(edges);
  frames_.back().nodes = nodes_.size();
  frames_.back().edges = edges_.size();
  if (nodes_.size() > kMaxNodes || edges_.size() > kMaxEdges) exhausted_ = true;
  collect_at_ = 2 * (nodes_.size() + edges_.size()) + 1024;
}

}  // namespace banyan
