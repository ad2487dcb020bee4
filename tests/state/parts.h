/// A node's part as its edge is split and joined: parts themselves never change.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "banyan/state.h"

namespace banyan::test {

template <class Part>
void replace(std::unique_ptr<Part>& part, std::unique_ptr<StatePart> by) {
  part.reset(static_cast<Part*>(by.release()));
}

/// Keeps the back; returns the front.
template <class Part>
std::unique_ptr<StatePart> split_front(std::unique_ptr<Part>& part, std::size_t at) {
  auto [front, back] = part->split(at);
  replace(part, std::move(back));
  return std::move(front);
}

template <class Part>
void merge_front(std::unique_ptr<Part>& part, std::unique_ptr<StatePart> parent) {
  replace(part, part->joined(parent.get()));
}

template <class Part>
void complete(std::unique_ptr<Part>& part, std::unique_ptr<StatePart> other) {
  replace(part, part->completed(*other));
}

}  // namespace banyan::test
