// The trie for people to look at.
#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/impl.h"

namespace banyan {
namespace {

constexpr std::size_t kTextTokens = 48;      // of an edge, enough for kTextCharacters
constexpr std::size_t kTextCharacters = 40;  // of a node's text
constexpr std::size_t kMostNodes = 1000;     // dumped, as no step is computed in the meantime
constexpr std::size_t kDeepestIndent = 32;   // so that the dump of a very deep trie stays readable

std::string human(std::size_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return text.data();
}

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

// The first characters of an edge's text.
std::string beginning(const Node& node, const PrefixCache::Detokenizer& text) {
  std::string all = text(node.edge().first(std::min(node.edge().size(), kTextTokens)));
  std::size_t characters = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (starts_character(all[i]) && ++characters > kTextCharacters) return all.substr(0, i) + "…";
  }
  return node.edge().size() > kTextTokens ? all + "…" : all;
}

// On one line, in quotes, with what is not UTF-8 replaced.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// How many tokens a part keeps of its edge, for the kinds whose memory is made of tokens.
std::optional<std::size_t> kept_tokens(const LayerGroup& group, const StatePart* part, std::size_t length) {
  if (keeps_whole_states(group)) return std::nullopt;
  std::size_t tokens = 0;
  if (part == nullptr) return tokens;
  for (const EdgeRange& range : group.ranges(*part, length)) tokens += range.end - range.begin;
  return tokens;
}

std::string line(const Node& node, const Groups& groups, std::uint64_t now, bool is_restore_point) {
  std::string text = "[" + std::to_string(node.start()) + ", " + std::to_string(node.end()) + ")  " +
                     std::to_string(node.edge().size()) + " tokens  " + human(node.snapshot()->bytes());
  text += node.last_use() == 0 ? "  not used" : "  used " + std::to_string(now - node.last_use()) + " ago";
  if (node.user_mark()) text += "  user";
  if (node.uses() > 0) text += "  active";
  // Where all layers keep the same there is nothing to tell apart.
  if (groups.size() == 1 && resumes_anywhere(*groups[0])) return text;
  if (is_restore_point) text += "  restore point";
  const Parts& parts = NodeSnapshot::of(node).parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += (i == 0 ? "  " : ", ") + std::string(groups[i]->kind()) + " ";
    if (const auto tokens = kept_tokens(*groups[i], parts[i].get(), node.edge().size())) {
      text += std::to_string(*tokens);
    } else {
      text += parts[i] == nullptr ? "none" : human(parts[i]->bytes());
    }
  }
  return text;
}

std::size_t left_out(const PrefixCache::Counters& sums) {
  const std::size_t nodes = sums.nodes - 1;
  return nodes - std::min(nodes, kMostNodes);
}

}  // namespace

std::string PrefixCache::dump_text(const Detokenizer& text) const {
  const Counters sums = counters();
  std::string out = "nodes " + std::to_string(sums.nodes - 1) + ", tokens " + std::to_string(sums.tokens) +
                    ", open sessions " + std::to_string(sums.open_sessions) + ", memory " +
                    human(budget().used()) + " of " + human(budget().limit()) + "\n";
  ResumableEnds ends(impl_->groups);
  std::size_t left = kMostNodes;
  trie().walk([&](const Node& node) {
    if (node.is_root()) return true;
    if (left-- == 0) return false;
    const bool is_restore_point = ends.visit(node);
    out.append(2 * std::min(ends.depth(), kDeepestIndent), ' ');
    out += line(node, impl_->groups, impl_->tree.now(), is_restore_point);
    if (text) out += "  " + quoted(beginning(node, text));
    out += '\n';
    return true;
  });
  if (const std::size_t more = left_out(sums); more > 0) {
    out += "… and " + std::to_string(more) + " more nodes, not shown\n";
  }
  return out;
}

std::string PrefixCache::dump_json(const Detokenizer& text) const {
  const Counters sums = counters();
  nlohmann::ordered_json out;
  out["counters"] = {{"nodes", sums.nodes},
                     {"tokens", sums.tokens},
                     {"snapshot_bytes", sums.snapshot_bytes},
                     {"open_sessions", sums.open_sessions},
                     {"sessions", sums.sessions},
                     {"prompt_tokens", sums.prompt_tokens},
                     {"matched_tokens", sums.matched_tokens},
                     {"restored_tokens", sums.restored_tokens},
                     {"evaluated_tokens", sums.evaluated_tokens},
                     {"evictions", sums.evictions},
                     {"evicted_tokens", sums.evicted_tokens}};
  if (impl_->lower != nullptr) {
    out["tier"] = {{"tokens", sums.stored_tokens},
                   {"bytes", sums.stored_bytes},
                   {"loads", sums.loads},
                   {"loaded_tokens", sums.loaded_tokens},
                   {"failed_loads", sums.failed_loads},
                   {"failed_stores", sums.failed_stores}};
  }
  out["budget"] = {{"limit", budget().limit()}, {"used", budget().used()}, {"peak", budget().peak()}};
  out["clock"] = impl_->tree.now();

  auto& nodes = out["nodes"] = nlohmann::ordered_json::array();
  std::unordered_map<const Node*, std::size_t> ids;
  ResumableEnds ends(impl_->groups);
  trie().walk([&](const Node& node) {
    const std::size_t id = ids.size();
    ids.emplace(&node, id);
    if (node.is_root()) return true;
    if (id > kMostNodes) return false;
    nlohmann::ordered_json entry = {{"id", id},
                                    {"parent", ids.at(node.parent())},
                                    {"start", node.start()},
                                    {"end", node.end()},
                                    {"children", node.child_count()},
                                    {"bytes", node.snapshot()->bytes()},
                                    {"last_use", node.last_use()},
                                    {"uses", node.uses()},
                                    {"user", node.user_mark()},
                                    {"restore_point", ends.visit(node)}};
    auto& groups = entry["groups"] = nlohmann::ordered_json::array();
    const Parts& parts = NodeSnapshot::of(node).parts();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const LayerGroup& group = *impl_->groups[i];
      nlohmann::ordered_json kept = {{"kind", group.kind()}, {"layers", group.layer_count()}};
      if (const auto tokens = kept_tokens(group, parts[i].get(), node.edge().size())) {
        kept["tokens"] = *tokens;
      }
      kept["bytes"] = parts[i] == nullptr ? 0 : parts[i]->bytes();
      groups.push_back(std::move(kept));
    }
    if (text) entry["text"] = beginning(node, text);
    nodes.push_back(std::move(entry));
    return true;
  });
  out["nodes_left_out"] = left_out(sums);
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace banyan
