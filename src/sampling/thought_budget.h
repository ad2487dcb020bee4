/// Counts the tokens of a reply's thoughts, and ends the thought in which there are enough.
///
/// One thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/sampling.h"
#include "banyan/vocabulary.h"

namespace banyan {

class ThoughtBudget {
 public:
  static constexpr std::size_t kMaxMarkBytes = 1024;

  /// Errors: invalid_argument (field "thought"). REQUIRES: there is a limit.
  static Result<ThoughtBudget> create(const Vocabulary& vocabulary, const ThoughtLimit& limit);

  /// The token that comes next if it can; nothing where the model may choose. The end of a thought waits
  /// until a character that is cut is whole, but no longer than a character has bytes.
  std::optional<Token> forced() const;
  /// Goes on with a token, forced or not. `text`: with that of special tokens.
  void accept(Token token, std::string_view text);

 private:
  ThoughtBudget(const ThoughtLimit& limit, std::vector<Token> closing);
  bool waits_for_character() const;
  void look_for_marks();

  std::string begin_, end_;     // without white space around them; begin_ may be empty
  std::vector<Token> closing_;  // of the thought's end
  std::size_t closed_ = 0;      // of them, written so far
  int most_;
  int spent_ = 0;  // up to a little more than the most
  bool begins_first_;
  bool is_open_;
  bool is_text_ = false;  // of begins_first_: something was said, so that no thought begins
  std::string recent_;    // the last bytes, in which a mark may begin
};

}  // namespace banyan
