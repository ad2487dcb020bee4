/// A model whose layers remember, in place of what a network would compute, numbers that follow from
/// the hash of the path up to each token, and what tests of the cache share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/cache.h"
#include "banyan/kv_layout.h"
#include "banyan/recurrent_layout.h"

namespace banyan {

using Path = std::vector<Token>;

/// A token for each byte.
Path ids(std::string_view text);
std::string text_of(TokenSpan tokens);

/// Which layer groups a test's model has.
struct LayerKinds {
  bool attention = true;
  bool window = false;
  bool recurrent = false;
};

/// Of the attention and of the window layers.
inline constexpr KvLayout kTestLayout = {
    .layers = 2, .kv_heads = 1, .key_dim = 8, .value_dim = 8, .type = KvType::f32};
inline constexpr int kTestWindow = 8;
inline constexpr RecurrentLayout kTestRecurrentLayout = {
    .layers = 2, .conv_taps = 3, .conv_channels = 24, .value_heads = 1, .value_dim = 8, .key_dim = 8};

std::vector<std::unique_ptr<LayerGroup>> make_groups(const LayerKinds& which);

/// The hash after each token of a path that goes on from one with the hash `from`.
std::vector<std::uint64_t> path_hashes(TokenSpan path, std::uint64_t from = 0);

/// Has a state compute tokens with these hashes, the next of its path; reserved.
void forward(LiveState& state, std::span<const std::uint64_t> hashes);

/// Writes what `tokens`, the next of the session's path, leave in its states.
void forward(const Session& session, TokenSpan tokens);

/// reserve, forward, advance.
Result<> evaluate(Session& session, TokenSpan tokens);

/// Whether the states are what computing the session's path from nothing would leave.
bool holds_its_path(const Session& session);

}  // namespace banyan
