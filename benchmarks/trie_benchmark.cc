// Matching at the speed of memory, and changes of a trie at a thousand to a million nodes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "banyan/trie.h"
#include "some_tokens.h"

namespace banyan {
namespace {

// What matching comes down to at best: comparing two arrays.
void compare_arrays(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::vector<Token> a = some_tokens(size, 1);
  const std::vector<Token> b = a;
  for (auto _ : state) benchmark::DoNotOptimize(std::memcmp(a.data(), b.data(), size * sizeof(Token)));
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(sizeof(Token)));
}

// A prompt that is all there, in edges of so many tokens. Bytes are the prompt's.
void match_prompt(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto edge = static_cast<std::size_t>(state.range(1));
  const std::vector<Token> prompt = some_tokens(size, 1);
  Trie trie;
  Node* node = trie.root();
  for (std::size_t at = 0; at < size; at += edge) {
    node = trie.append(node, TokenSpan(prompt).subspan(at, std::min(edge, size - at)));
    trie.set_user_mark(node, true);  // what is appended next is a node of its own
  }
  const std::vector<Token> asked = prompt;
  for (auto _ : state) benchmark::DoNotOptimize(trie.match(asked).length);
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(sizeof(Token)));
}

// A tree of nodes of 32 tokens, each below one chosen by chance, and some of them, far apart.
struct Tree {
  static constexpr std::size_t kEdge = 32;

  explicit Tree(std::size_t count) {
    std::minstd_rand random(1);
    std::vector<Node*> nodes = {trie.root()};
    Token next = 0;
    while (nodes.size() < count) {
      const std::vector<Token> edge(kEdge, next++);
      nodes.push_back(trie.append(nodes[random() % nodes.size()], edge));
      trie.set_user_mark(nodes.back(), true);
    }
    while (some.size() < std::min<std::size_t>(count / 4, 1000)) {
      Node* const node = nodes[1 + random() % (nodes.size() - 1)];
      if (std::ranges::find(some, node) == some.end()) some.push_back(node);
    }
  }

  Trie trie;
  std::vector<Node*> some;
};

// Made once for each size: a million nodes take a while.
Tree& tree_of(benchmark::State& state) {
  static std::map<std::int64_t, Tree> trees;
  return trees.try_emplace(state.range(0), state.range(0)).first->second;
}

benchmark::Counter per(std::size_t count) {
  return {static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert};
}

// Times `change` on one node after the other, and not `undo`, which takes it back: each is given a node
// and says which one the other is for.
template <class Change, class Undo>
void time_changes(benchmark::State& state, std::vector<Node*> nodes, Change change, Undo undo) {
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    for (Node*& node : nodes) node = change(node);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    for (Node*& node : nodes) node = undo(node);
  }
  state.counters["per_node"] = per(state.iterations() * nodes.size());
}

void match_in_tree(benchmark::State& state) {
  Tree& tree = tree_of(state);
  std::vector<std::vector<Token>> paths;
  for (const Node* node : tree.some) {
    std::vector<Token>& path = paths.emplace_back();
    for (; !node->is_root(); node = node->parent()) {
      path.insert(path.begin(), node->edge().begin(), node->edge().end());
    }
  }
  std::size_t nodes = 0;
  for (auto _ : state) {
    for (const std::vector<Token>& path : paths) nodes += tree.trie.match(path).path.size();
  }
  state.counters["per_node"] = per(nodes);
}

void append(benchmark::State& state) {
  Tree& tree = tree_of(state);
  const std::vector<Token> edge(Tree::kEdge, 2'000'000);
  const auto remove = [&](Node* node) {
    Node* const parent = node->parent();
    tree.trie.remove(node);
    return parent;
  };
  time_changes(state, tree.some, [&](Node* node) { return tree.trie.append(node, edge); }, remove);
}

void split(benchmark::State& state) {
  Tree& tree = tree_of(state);
  const auto cut = [&](Node* node) { return tree.trie.split(node, node->end() - Tree::kEdge / 2); };
  time_changes(state, tree.some, cut, [&](Node* front) { return tree.trie.merge_with_child(front); });
}

void merge(benchmark::State& state) {
  Tree& tree = tree_of(state);
  const auto cut = [&](Node* node) { return tree.trie.split(node, node->end() - Tree::kEdge / 2); };
  std::vector<Node*> fronts;
  for (Node* node : tree.some) fronts.push_back(cut(node));
  time_changes(state, fronts, [&](Node* front) { return tree.trie.merge_with_child(front); }, cut);
  for (Node* node : tree.some) tree.trie.merge_with_child(node->parent());
}

BENCHMARK(compare_arrays)->ArgName("tokens")->RangeMultiplier(16)->Range(1 << 12, 1 << 20);
BENCHMARK(match_prompt)
    ->ArgNames({"tokens", "edge"})
    ->ArgsProduct({{1 << 12, 1 << 16, 1 << 20}, {1 << 20, 1024, 256, 64, 16}});
BENCHMARK(match_in_tree)->ArgName("nodes")->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(append)->ArgName("nodes")->RangeMultiplier(10)->Range(1'000, 1'000'000)->UseManualTime();
BENCHMARK(split)->ArgName("nodes")->RangeMultiplier(10)->Range(1'000, 1'000'000)->UseManualTime();
BENCHMARK(merge)->ArgName("nodes")->RangeMultiplier(10)->Range(1'000, 1'000'000)->UseManualTime();

}  // namespace
}  // namespace banyan
