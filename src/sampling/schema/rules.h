/// A grammar that is being written: expressions, rules, and their text in GBNF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "sampling/grammar/grammar.h"

namespace banyan {

struct Expression {
  enum class Kind : std::uint8_t {
    sequence,  ///< the parts, one after the other; none: the empty text
    choice,    ///< one of the parts; none: no text fits
    text,      ///< exactly `text`, UTF-8
    set,       ///< one character of `set`
    call,      ///< the rule `rule`
    repeat,    ///< the only part, from `least` to `most` times
  };
  static constexpr std::uint64_t kNoMost = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::sequence;
  std::vector<Expression> parts = {};
  std::string text = {};
  CharSet set = {};
  std::uint32_t rule = 0;
  std::uint64_t least = 0, most = 0;

  static Expression of_text(std::string text);
  static Expression of_set(CharSet set);
  static Expression call(std::uint32_t rule);
  static Expression sequence(std::vector<Expression> parts);
  static Expression choice(std::vector<Expression> parts);
  static Expression optional(Expression part);
  static Expression nothing() { return choice({}); }
};

class Rules {
 public:
  static constexpr std::size_t kMaxRules = Grammar::kMaxRules;
  static constexpr std::uint64_t kMaxTimes = 1 << 22;  ///< of a repetition; a larger most is this one

  /// A rule that is to be defined later. Beyond kMaxRules it is none, and print() fails.
  std::uint32_t declare();
  void define(std::uint32_t rule, Expression expression) { rules_[rule] = std::move(expression); }
  std::uint32_t add(Expression expression);
  /// A rule whose name in the text is this one, none of "root", "r0", "r1" and so on. In all texts such a
  /// rule is the same if what is defined for its name always is, and calls other such rules alone.
  std::uint32_t declare_named(std::string name);
  std::size_t size() const { return rules_.size(); }

  /// A repetition. One of many times is made of rules that are repeated in their turn, so that its states are
  /// some of the square root of `most`.
  Expression repeat(Expression part, std::uint64_t least, std::uint64_t most);

  /// The text of the rules that `root` needs, without what never comes to an end. Errors: invalid_argument,
  /// where no text fits at all or a bound of Grammar's is passed.
  Result<std::string> print(std::uint32_t root);

 private:
  std::vector<Expression> rules_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace banyan
