/// Recurrent states whose contents tests can tell: every number that a layer is given for a token
/// follows from the token's name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "banyan/recurrent_state.h"

namespace banyan::test::recurrent {

/// Small, with dims that are no multiple of a vector, and two tiles a head.
inline constexpr RecurrentLayout kLayout{.layers = 2,
                                         .conv_taps = 3,
                                         .conv_channels = 2 * 2 * 10 + 4 * 37,
                                         .value_heads = 4,
                                         .value_dim = 37,
                                         .key_dim = 10};
inline constexpr int kKeyHeads = 2;

using Names = std::vector<std::uint64_t>;
using Numbers = std::vector<float>;

/// `count` names that no one else has.
Names new_names(std::size_t count);

/// A live state and the tokens that it should remember.
struct Path {
  std::unique_ptr<RecurrentState> state;
  Names names;
};

Path start(Budget& budget);
/// A state resumed from what a node that ends with `names` owns.
Path resume(const StatePart& part, const Names& names, Budget& budget);

/// New tokens of a path; reserved.
struct Step {
  Path* path = nullptr;
  Names added;
};

/// What the layers make of new tokens of some paths together, one path after the other: for each
/// layer what scan gives for each row. Commits nothing.
std::vector<Numbers> forward(std::span<const Step> steps, int threads = 1,
                             KeyOrder order = KeyOrder::grouped);
/// Commits what forward was given.
void commit(std::span<const Step> steps);
/// Reserves, evaluates and commits new tokens of one path.
std::vector<Numbers> extend(Path& path, const Names& added);

/// What forward gives for the last `rows` of a path's tokens if they are evaluated alone and at
/// once; bit for bit the same however they are evaluated.
std::vector<Numbers> expected(const Names& names, std::size_t rows);
/// The same by the textbook.
std::vector<std::vector<double>> by_the_textbook(const Names& names, KeyOrder order);

/// Whether the path goes on as it should: tries a token and abandons it.
bool goes_on(Path& path);

}  // namespace banyan::test::recurrent
