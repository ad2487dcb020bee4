#include "sampling/schema/rules.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <utility>

#include "text/utf8.h"

namespace banyan {

using ExpressionKind = Expression::Kind;

Expression Expression::of_text(std::string text) {
  return {.kind = ExpressionKind::text, .text = std::move(text)};
}
Expression Expression::of_set(CharSet set) {
  if (set.ranges.empty()) return nothing();
  return {.kind = ExpressionKind::set, .set = std::move(set)};
}
Expression Expression::call(std::uint32_t rule) { return {.kind = ExpressionKind::call, .rule = rule}; }

Expression Expression::sequence(std::vector<Expression> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  return {.kind = ExpressionKind::sequence, .parts = std::move(parts)};
}

Expression Expression::choice(std::vector<Expression> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  return {.kind = ExpressionKind::choice, .parts = std::move(parts)};
}

Expression Expression::optional(Expression part) {
  Expression optional{.kind = ExpressionKind::repeat, .least = 0, .most = 1};
  optional.parts.push_back(std::move(part));
  return optional;
}

namespace {

constexpr std::uint64_t kMaxPlainTimes = 256;  // that a repetition is written as such
constexpr int kMaxGroups = Grammar::kMaxDepth - 4;

bool is_nothing(const Expression& e) { return e.kind == ExpressionKind::choice && e.parts.empty(); }
bool is_empty_text(const Expression& e) {
  return (e.kind == ExpressionKind::sequence && e.parts.empty()) ||
         (e.kind == ExpressionKind::text && e.text.empty());
}

// Finds the rules that some text fits, and takes out of expressions what none does.
class Pruner {
 public:
  explicit Pruner(std::vector<Expression>& rules) : rules_(rules), ends_(rules.size()) {}

  void run() {
    std::vector<std::vector<std::uint32_t>> callers(rules_.size());
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule) note_calls(rules_[rule], rule, callers);
    std::vector<std::uint32_t> todo(rules_.size());
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule) todo[rule] = rule;
    while (!todo.empty()) {
      const std::uint32_t rule = todo.back();
      todo.pop_back();
      if (ends_[rule] || !ends(rules_[rule])) continue;
      ends_[rule] = true;
      todo.insert(todo.end(), callers[rule].begin(), callers[rule].end());
    }
    for (Expression& rule : rules_) prune(rule);
  }

 private:
  static void note_calls(const Expression& e, std::uint32_t from,
                         std::vector<std::vector<std::uint32_t>>& callers) {
    if (e.kind == ExpressionKind::call && (callers[e.rule].empty() || callers[e.rule].back() != from)) {
      callers[e.rule].push_back(from);
    }
    for (const Expression& part : e.parts) note_calls(part, from, callers);
  }

  bool ends(const Expression& e) const {
    const auto part_ends = [this](const Expression& part) { return ends(part); };
    switch (e.kind) {
      case ExpressionKind::sequence:
        return std::ranges::all_of(e.parts, part_ends);
      case ExpressionKind::choice:
        return std::ranges::any_of(e.parts, part_ends);
      case ExpressionKind::call:
        return ends_[e.rule];
      case ExpressionKind::repeat:
        return e.least == 0 || ends(e.parts.front());
      case ExpressionKind::text:
      case ExpressionKind::set:
        return true;
    }
    std::unreachable();
  }

  void prune(Expression& e) {
    for (Expression& part : e.parts) prune(part);
    switch (e.kind) {
      case ExpressionKind::sequence:
        if (std::ranges::any_of(e.parts, is_nothing)) {
          e = Expression::nothing();
          break;
        }
        std::erase_if(e.parts, is_empty_text);
        if (e.parts.size() == 1) e = Expression(std::move(e.parts.front()));
        break;
      case ExpressionKind::choice:
        std::erase_if(e.parts, is_nothing);
        if (e.parts.size() == 1) e = Expression(std::move(e.parts.front()));
        break;
      case ExpressionKind::call:
        if (!ends_[e.rule]) e = Expression::nothing();
        break;
      case ExpressionKind::repeat:
        if (e.least == 0 && (e.most == 0 || is_nothing(e.parts.front()))) {
          e = Expression{};
        } else if (is_nothing(e.parts.front())) {
          e = Expression::nothing();
        }
        break;
      case ExpressionKind::text:
      case ExpressionKind::set:
        break;
    }
  }

  std::vector<Expression>& rules_;
  std::vector<bool> ends_;
};

// Writes rules as they are called, the root first.
class Printer {
 public:
  Printer(const std::vector<Expression>& rules, const std::map<std::uint32_t, std::string>& fixed)
      : rules_(rules), fixed_(fixed), names_(rules.size()) {}

  Result<std::string> run(std::uint32_t root) {
    root = followed(root);
    if (fixed_.contains(root)) {
      text_ = "root ::= " + name(root) + "\n";
    } else {
      called_.push_back(root);
      names_[root] = "root";
    }
    for (std::size_t i = 0; i < called_.size(); ++i) {
      const std::uint32_t rule = called_[i];
      text_ += names_[rule] + " ::= ";
      const std::size_t states = print(rules_[rule], 0, Place::alone);
      states_ += states;
      text_ += '\n';
      if (text_.size() > Grammar::kMaxBytes) {
        return too_large(std::format("its grammar is longer than {} bytes", Grammar::kMaxBytes));
      }
      if (states_ + 1 >= Grammar::kMaxStates) {
        return too_large(std::format("its repetitions come to more than {} items", Grammar::kMaxStates));
      }
      if (is_too_deep_) return too_large("its grammar is nested too deep");
    }
    return std::move(text_);
  }

 private:
  enum class Place : std::uint8_t { alone, in_sequence, repeated };

  static std::unexpected<Error> too_large(const std::string& why) {
    return fail(Errc::invalid_argument, "the schema is too large: " + why);
  }

  // Returns the states that the text comes to, at least.
  std::size_t print(const Expression& e, int groups, Place place) {
    if (groups > kMaxGroups) is_too_deep_ = true;
    if (is_too_deep_ || text_.size() > Grammar::kMaxBytes) return 0;
    std::size_t states = 0;
    switch (e.kind) {
      case ExpressionKind::text:
        return print_text(e.text, place);
      case ExpressionKind::set:
        print_set(e.set);
        return 1;
      case ExpressionKind::call:
        text_ += name(e.rule);
        return 1;
      case ExpressionKind::repeat: {
        const bool group = place == Place::repeated;
        if (group) text_ += '(';
        states = print(e.parts.front(), groups + group, Place::repeated);
        print_times(e);
        if (group) text_ += ')';
        const std::size_t times = e.most == Expression::kNoMost ? e.least + 1 : e.most;
        return std::min(times, Grammar::kMaxStates) * (states + 1);
      }
      case ExpressionKind::sequence: {
        const bool group = place == Place::repeated || e.parts.empty();
        if (group) text_ += '(';
        for (std::size_t i = 0; i < e.parts.size(); ++i) {
          if (i > 0) text_ += ' ';
          states += print(e.parts[i], groups + group, Place::in_sequence);
        }
        if (group) text_ += ')';
        return states;
      }
      case ExpressionKind::choice: {
        const bool group = place != Place::alone;
        if (group) text_ += '(';
        for (std::size_t i = 0; i < e.parts.size(); ++i) {
          if (i > 0) text_ += " | ";
          states += 1 + print(e.parts[i], groups + group, Place::in_sequence);
        }
        if (group) text_ += ')';
        return states;
      }
    }
    std::unreachable();
  }

  void print_times(const Expression& e) {
    if (e.least == 0 && e.most == 1) {
      text_ += '?';
    } else if (e.most == Expression::kNoMost) {
      text_ += e.least == 0 ? "*" : e.least == 1 ? "+" : std::format("{{{},}}", e.least);
    } else if (e.least == e.most) {
      text_ += std::format("{{{}}}", e.least);
    } else {
      text_ += std::format("{{{},{}}}", e.least, e.most);
    }
  }

  // A text of several characters is repeated as a whole only in a group.
  std::size_t print_text(std::string_view text, Place place) {
    std::size_t characters = 0;
    std::string quoted = "\"";
    while (!text.empty()) {
      const std::size_t bytes = next_utf8(text).bytes;
      const std::string_view character = text.substr(0, bytes);
      text.remove_prefix(bytes);
      ++characters;
      if (character == "\"" || character == "\\") {
        quoted += '\\';
        quoted += character;
      } else if (static_cast<unsigned char>(character[0]) < 0x20 || character[0] == 0x7F) {
        quoted += std::format("\\x{:02X}", static_cast<unsigned char>(character[0]));
      } else {
        quoted += character;
      }
    }
    quoted += '"';
    const bool group = place == Place::repeated && characters != 1;
    text_ += group ? '(' + quoted + ')' : quoted;
    return characters;
  }

  void print_set(const CharSet& set) {
    text_ += '[';
    for (const CharSet::Range& range : set.ranges) {
      print_in_class(range.first);
      if (range.last == range.first) continue;
      if (range.last > range.first + 1) text_ += '-';
      print_in_class(range.last);
    }
    text_ += ']';
  }

  void print_in_class(char32_t c) {
    if (c == '\\' || c == '[' || c == ']' || c == '-') {
      text_ += '\\';
      text_ += static_cast<char>(c);
    } else if (c > 0x20 && c < 0x7F && c != '^') {
      text_ += static_cast<char>(c);
    } else if (c <= 0xFF) {
      text_ += c == ' ' ? std::string(" ") : std::format("\\x{:02X}", static_cast<std::uint32_t>(c));
    } else if (c <= 0xFFFF) {
      text_ += std::format("\\u{:04X}", static_cast<std::uint32_t>(c));
    } else {
      text_ += std::format("\\U{:08X}", static_cast<std::uint32_t>(c));
    }
  }

  // Of a rule that only calls another, that one. Rules that call each other without end have been taken out.
  std::uint32_t followed(std::uint32_t rule) const {
    while (rules_[rule].kind == ExpressionKind::call) rule = rules_[rule].rule;
    return rule;
  }

  const std::string& name(std::uint32_t rule) {
    rule = followed(rule);
    if (names_[rule].empty()) {
      const auto fixed = fixed_.find(rule);
      names_[rule] = fixed == fixed_.end() ? std::format("r{}", called_.size()) : fixed->second;
      called_.push_back(rule);
    }
    return names_[rule];
  }

  const std::vector<Expression>& rules_;
  const std::map<std::uint32_t, std::string>& fixed_;
  std::vector<std::string> names_;
  std::vector<std::uint32_t> called_;  // in the order of the text
  std::string text_;
  std::size_t states_ = 0;
  bool is_too_deep_ = false;
};

}  // namespace

std::uint32_t Rules::declare() {
  if (rules_.size() <= kMaxRules) rules_.push_back(Expression::nothing());
  return static_cast<std::uint32_t>(rules_.size() - 1);
}

std::uint32_t Rules::add(Expression expression) {
  const std::uint32_t rule = declare();
  define(rule, std::move(expression));
  return rule;
}

std::uint32_t Rules::declare_named(std::string name) {
  const std::uint32_t rule = declare();
  names_.emplace(rule, std::move(name));
  return rule;
}

Expression Rules::repeat(Expression part, std::uint64_t least, std::uint64_t most) {
  const auto times = [](Expression what, std::uint64_t from, std::uint64_t to) {
    Expression repeat{.kind = ExpressionKind::repeat, .least = from, .most = to};
    repeat.parts.push_back(std::move(what));
    return repeat;
  };
  if (most < least || least > kMaxTimes) return Expression::nothing();
  if (most != Expression::kNoMost) most = std::min(most, kMaxTimes);
  if (std::max(least, most == Expression::kNoMost ? 0 : most) <= kMaxPlainTimes) {
    if (least == 1 && most == 1) return part;
    return times(std::move(part), least, most);
  }
  if (part.kind != ExpressionKind::call && part.kind != ExpressionKind::set)
    part = Expression::call(add(std::move(part)));
  const auto largest = static_cast<double>(most == Expression::kNoMost ? least : most);
  const auto block_size = static_cast<std::uint64_t>(std::sqrt(largest));
  const Expression block = Expression::call(add(times(part, block_size, block_size)));
  std::vector<Expression> sequence;
  if (least / block_size > 0) sequence.push_back(times(block, least / block_size, least / block_size));
  if (least % block_size > 0) sequence.push_back(times(part, least % block_size, least % block_size));
  if (most == Expression::kNoMost) {
    sequence.push_back(times(part, 0, most));
  } else if (const std::uint64_t more = most - least; more < block_size) {
    sequence.push_back(times(part, 0, more));
  } else {
    // Up to the last whole block, or all blocks and the rest.
    const std::uint64_t blocks = more / block_size;
    std::vector<Expression> within, beyond;
    within.push_back(times(block, 0, blocks - 1));
    within.push_back(times(part, 0, block_size - 1));
    beyond.push_back(times(block, blocks, blocks));
    beyond.push_back(times(part, 0, more % block_size));
    std::vector<Expression> either;
    either.push_back(Expression::sequence(std::move(within)));
    either.push_back(Expression::sequence(std::move(beyond)));
    sequence.push_back(Expression::choice(std::move(either)));
  }
  return Expression::sequence(std::move(sequence));
}

Result<std::string> Rules::print(std::uint32_t root) {
  if (rules_.size() > kMaxRules) {
    return fail(Errc::invalid_argument,
                std::format("the schema is too large: its grammar has more than {} rules", kMaxRules));
  }
  Pruner(rules_).run();
  if (is_nothing(rules_[root])) return fail(Errc::invalid_argument, "no value fits the schema");
  return Printer(rules_, names_).run(root);
}

}  // namespace banyan
