#include "sampling/thought_budget.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/trimmed.h"
#include "sampling/marks.h"
#include "text/utf8.h"

namespace banyan {
namespace {

constexpr std::size_t kMostMissing = 3;  // bytes of a character that is cut

constexpr std::string_view kSpace = " \t\r\n";

bool ends_in_character(std::string_view text) {
  for (std::size_t bytes = 1; bytes <= std::min(kMostMissing, text.size()); ++bytes) {
    if (next_utf8(text.substr(text.size() - bytes)).kind == Utf8Step::Kind::cut) return true;
  }
  return false;
}

}  // namespace

Result<ThoughtBudget> ThoughtBudget::create(const Vocabulary& vocabulary, const ThoughtLimit& limit) {
  const auto wrong = [](const std::string& what) { return fail(Errc::invalid_argument, what, "thought"); };
  if (limit.begin.size() > kMaxMarkBytes || limit.end.size() > kMaxMarkBytes) {
    return wrong("the marks of a thought must have at most " + std::to_string(kMaxMarkBytes) + " bytes");
  }
  std::vector<Token> closing = vocabulary.tokenize(limit.end, false, true);
  if (trimmed(limit.end).empty() || closing.empty()) {
    return wrong("a thought that is limited must have a mark that ends it");
  }
  return ThoughtBudget(limit, std::move(closing));
}

ThoughtBudget::ThoughtBudget(const ThoughtLimit& limit, std::vector<Token> closing)
    : begin_(trimmed(limit.begin)),
      end_(trimmed(limit.end)),
      closing_(std::move(closing)),
      most_(limit.tokens),
      begins_first_(limit.begins_first),
      is_open_(limit.is_open) {}

std::optional<Token> ThoughtBudget::forced() const {
  if (closed_ > 0) return closing_[closed_];
  if (is_open_ && spent_ >= most_ && !waits_for_character()) return closing_.front();
  return std::nullopt;
}

void ThoughtBudget::accept(Token token, std::string_view text) {
  const bool is_closing = forced() == token;
  closed_ = is_closing ? closed_ + 1 : 0;
  const bool was_open = is_open_;
  recent_ += text;
  look_for_marks();
  // The token that opens a thought may hold the first of it.
  const bool is_thought = was_open || (is_open_ && !trimmed(recent_).empty());
  if (is_thought && spent_ - most_ < static_cast<int>(kMostMissing)) ++spent_;
  if (closed_ == closing_.size()) {  // whatever its tokens come to as text
    closed_ = 0;
    is_open_ = false;
    is_text_ = false;
    recent_.clear();
  }
}

bool ThoughtBudget::waits_for_character() const {
  return spent_ - most_ < static_cast<int>(kMostMissing) && ends_in_character(recent_);
}

void ThoughtBudget::look_for_marks() {
  while (is_open_ || (!begin_.empty() && !is_text_)) {
    const std::array mark = {is_open_ ? end_ : begin_};
    const std::optional<FoundMark> found = find_mark(recent_, mark);
    if (!is_open_ && begins_first_) {
      const std::string_view said = std::string_view(recent_).substr(0, found ? found->begin : recent_.npos);
      const std::size_t first = std::min(said.find_first_not_of(kSpace), said.size());
      // Other than blanks, there may be the mark's beginning.
      is_text_ = first < said.size() && (found || !std::string_view(begin_).starts_with(said.substr(first)));
      if (is_text_) break;
    }
    if (!found) break;
    recent_.erase(0, found->end);
    is_open_ = !is_open_;
  }
  const std::size_t wanted = std::max({begin_.size(), end_.size(), kMostMissing + 1}) - 1;
  if (recent_.size() > wanted) recent_.erase(0, recent_.size() - wanted);
}

}  // namespace banyan
