#include "chat/reply/marker.h"

#include <algorithm>
#include <utility>

#include "banyan/base.h"

namespace banyan {

Step MarkerMatch::take(char c) {
  std::size_t next = taken_;
  while (next < marker_.size() && is_blank(marker_[next])) ++next;
  if (is_blank(c)) {
    if (taken_ == 0) return Step::more;
    if (next == taken_) return Step::failed;
    return next == marker_.size() ? Step::done : Step::more;
  }
  if (next == marker_.size() || marker_[next] != c) return Step::failed;
  taken_ = next + 1;
  return taken_ == marker_.size() ? Step::done : Step::more;
}

TextUntil::TextUntil(std::string marker) : marker_(std::move(marker)), borders_(marker_.size() + 1) {
  require(!marker_.empty(), "a text ends at a marker that is not empty");
  for (std::size_t i = 1, border = 0; i < marker_.size(); ++i) {
    while (border > 0 && marker_[i] != marker_[border]) border = borders_[border];
    if (marker_[i] == marker_[border]) ++border;
    borders_[i + 1] = border;
  }
}

Step TextUntil::take(char c, std::string& text) {
  while (taken_ > 0 && marker_[taken_] != c) {
    text.append(marker_, 0, taken_ - borders_[taken_]);
    taken_ = borders_[taken_];
  }
  if (marker_[taken_] != c) {
    text += c;
    return Step::more;
  }
  return ++taken_ == marker_.size() ? Step::done : Step::more;
}

}  // namespace banyan
