#include "engine/row_shares.h"

#include <algorithm>

namespace banyan {
namespace {

constexpr std::size_t kTileRows = 8;
constexpr std::size_t kLeastPromptRows = 8;

}  // namespace

std::vector<std::size_t> share_rows(std::span<const std::size_t> todo, std::size_t batch_tokens,
                                    std::size_t prompt_rows) {
  std::vector<std::size_t> rows(todo.size(), 0);
  std::vector<std::size_t> prompts;
  std::size_t left = batch_tokens;
  for (std::size_t i = 0; i < todo.size(); ++i) {
    if (todo[i] > 1) {
      prompts.push_back(i);
    } else if (left > 0) {
      rows[i] = todo[i];
      left -= todo[i];
    }
  }
  if (prompts.empty()) return rows;
  left = std::min(left, prompt_rows);

  const auto give = [&](std::size_t i, std::size_t most) {
    const std::size_t given = std::min(most, todo[i] - rows[i]);
    rows[i] += given;
    left -= given;
  };
  give(prompts[0], std::min(left, std::max<std::size_t>(left / 4, 1)));
  std::ranges::stable_sort(prompts, {}, [&](std::size_t i) { return todo[i] - rows[i]; });
  for (const std::size_t i : prompts) give(i, left);
  return rows;
}

std::size_t round_prompt_rows(std::size_t replies, std::size_t wanted) {
  const std::size_t least = (replies + kLeastPromptRows + kTileRows - 1) / kTileRows * kTileRows;
  const std::size_t total = (replies + wanted) / kTileRows * kTileRows;
  return std::max(total, least) - replies;
}

std::size_t round_rows_alone(std::size_t wanted, std::size_t most) {
  return std::min(std::max(wanted / kLeastRowsAlone, std::size_t{1}) * kLeastRowsAlone, most);
}

}  // namespace banyan
