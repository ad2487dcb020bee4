#include "sampling/schema/number_texts.h"

#include <algorithm>
#include <compare>
#include <format>
#include <map>
#include <string>
#include <utility>

#include "sampling/schema/pattern_automaton.h"

namespace banyan {

bool NumberLimits::allow(const Decimal& number) const {
  if (is_integer && !number.is_integer()) return false;
  if (least) {
    const int order = compare(number, least->value);
    if (order < 0 || (order == 0 && least->is_exclusive)) return false;
  }
  if (most) {
    const int order = compare(number, most->value);
    if (order > 0 || (order == 0 && most->is_exclusive)) return false;
  }
  const auto is_multiple = [&](const Decimal& step) { return number.is_multiple_of(step); };
  const auto is_value = [&](const Decimal& value) { return compare(number, value) == 0; };
  return std::ranges::all_of(steps, is_multiple) && std::ranges::none_of(no_steps, is_multiple) &&
         std::ranges::none_of(no_values, is_value);
}

namespace {

constexpr std::uint64_t kMaxFactor = 4096;

// A limit of what follows the sign.
struct Magnitude {
  std::string whole, fraction;
  bool is_exclusive;
};

Magnitude magnitude_of(const NumberLimit& limit) {
  return {limit.value.whole_part(), limit.value.fraction(), limit.is_exclusive};
}

// A step as `factor`, times ten for each of `zeros`, divided by ten for each of `places`.
struct Step {
  std::uint64_t factor = 1;
  int zeros = 0, places = 0;
};

// What is known of a number by its text so far.
struct Progress {
  enum class Phase : std::uint8_t { start, minus, zero, whole, point, fraction };
  Phase phase = Phase::start;
  bool is_negative = false;
  int digits = 0;          // of the part that is being written
  int low = 0, high = 0;   // how it compares with the limits so far: -1, 0, 1
  std::uint64_t rest = 0;  // of the digits, without `zeros` at their end, divided by the step's factor
  int zeros = 0;

  auto operator<=>(const Progress&) const = default;
};

// Follows all texts at once: an automaton's state is a Progress.
class NumberWriter {
 public:
  NumberWriter(const NumberLimits& limits, Step step) : step_(step) {
    const Decimal zero;
    if (!limits.most || compare(limits.most->value, zero) >= 0) {
      has_[0] = true;
      low_[0] = {"0", "", false};
      if (limits.least && compare(limits.least->value, zero) >= 0) low_[0] = magnitude_of(*limits.least);
      if (limits.most) high_[0] = magnitude_of(*limits.most);
    }
    if (!limits.least || compare(limits.least->value, zero) < 0) {
      has_[1] = true;
      low_[1] = {"0", "", true};
      if (limits.most && compare(limits.most->value, zero) < 0) low_[1] = magnitude_of(*limits.most);
      if (limits.least) high_[1] = magnitude_of(*limits.least);
    }
    for (const int sign : {0, 1}) {
      whole_digits_ = std::max(whole_digits_, static_cast<int>(low_[sign].whole.size()));
      // What is not below a limit of more digits than there may be is none of the texts.
      if (high_[sign] && high_[sign]->whole.size() <= kMostDigits) {
        whole_digits_ = std::max(whole_digits_, static_cast<int>(high_[sign]->whole.size()));
      }
      // A text of fewer digits is below a limit of more.
      for (const Magnitude* limit : {&low_[sign], high_[sign] ? &*high_[sign] : nullptr}) {
        if (limit) {
          fraction_digits_ = std::max(fraction_digits_, static_cast<int>(limit->fraction.size()) + 1);
        }
      }
    }
    is_too_long_ = whole_digits_ > kMostDigits || fraction_digits_ > kMostDigits;
    // Of multiples every digit takes as many states as the step's factor has rests.
    if (step.factor > 1 && whole_digits_ == kUsualWholeDigits) whole_digits_ = kUsualDigits;
    if (!limits.steps.empty()) fraction_digits_ = step.places;
    if (limits.is_integer) fraction_digits_ = 0;
  }

  bool is_too_long() const { return is_too_long_; }

  std::optional<Automaton> run() {
    Automaton automaton;
    state_of({});
    for (std::size_t i = 0; i < todo_.size(); ++i) {
      const Progress at = todo_[i];
      Automaton::State state{.accepts = may_end(at)};
      if (at.phase == Progress::Phase::start && has_[1]) {
        state.edges.push_back({'-', '-', state_of({.phase = Progress::Phase::minus, .is_negative = true})});
      }
      if ((at.phase == Progress::Phase::zero || at.phase == Progress::Phase::whole) && fraction_digits_ > 0) {
        Progress next = at;
        next.phase = Progress::Phase::point;
        next.low = compared_whole(at.low, at.digits, low_[at.is_negative]);
        if (high_[at.is_negative]) {
          next.high = compared_whole(at.high, at.digits, *high_[at.is_negative]);
        }
        next.digits = 0;
        state.edges.push_back({'.', '.', state_of(next)});
      }
      for (char digit = '0'; digit <= '9'; ++digit) {
        if (const auto next = after(at, digit)) {
          const auto c = static_cast<char32_t>(digit);
          state.edges.push_back({c, c, state_of(*next)});
        }
      }
      automaton.states.push_back(std::move(state));
      if (todo_.size() > Automaton::kMaxStates) return std::nullopt;
    }
    return minimal(automaton);
  }

 private:
  std::uint32_t state_of(const Progress& progress) {
    const auto [at, added] = numbers_.try_emplace(progress, static_cast<std::uint32_t>(todo_.size()));
    if (added) todo_.push_back(progress);
    return at->second;
  }

  std::optional<Progress> after(const Progress& at, char digit) const {
    using Phase = Progress::Phase;
    Progress next = at;
    switch (at.phase) {
      case Phase::start:
        if (!has_[0]) return std::nullopt;
        [[fallthrough]];
      case Phase::minus:
        next.phase = digit == '0' ? Phase::zero : Phase::whole;
        break;
      case Phase::zero:
        return std::nullopt;
      case Phase::whole:
        if (at.digits == whole_digits_) return std::nullopt;
        break;
      case Phase::point:
      case Phase::fraction:
        if (at.digits == fraction_digits_) return std::nullopt;
        next.phase = Phase::fraction;
        break;
    }
    next.digits = at.digits + 1;
    const bool is_whole = next.phase != Phase::fraction;
    const auto compared = [&](int so_far, const Magnitude& limit) {
      if (so_far != 0)
        return is_whole && static_cast<std::size_t>(at.digits) == limit.whole.size() ? 1 : so_far;
      const std::string& digits = is_whole ? limit.whole : limit.fraction;
      const auto place = static_cast<std::size_t>(at.digits);
      if (place >= digits.size()) return is_whole || digit > '0' ? 1 : 0;
      return digit < digits[place] ? -1 : digit > digits[place] ? 1 : 0;
    };
    next.low = compared(at.low, low_[next.is_negative]);
    if (high_[next.is_negative]) next.high = compared(at.high, *high_[next.is_negative]);
    add_digit(next, digit);
    return next;
  }

  void add_digit(Progress& next, char digit) const {
    if (digit == '0' && next.zeros < step_.zeros) {
      ++next.zeros;
      return;
    }
    // A zero more leaves as many at the end; another digit makes them part of what is divided.
    const int more = digit == '0' ? 1 : next.zeros + 1;
    for (int i = 0; i < more; ++i) next.rest = next.rest * 10 % step_.factor;
    next.rest = (next.rest + static_cast<std::uint64_t>(digit - '0')) % step_.factor;
    if (digit != '0') next.zeros = 0;
  }

  // How a whole part compares, at its end: a shorter one is less.
  static int compared_whole(int so_far, int digits, const Magnitude& limit) {
    if (static_cast<std::size_t>(digits) < limit.whole.size()) return -1;
    return so_far;
  }

  bool may_end(const Progress& at) const {
    using Phase = Progress::Phase;
    if (at.phase == Phase::start || at.phase == Phase::minus || at.phase == Phase::point) return false;
    const bool is_fraction = at.phase == Phase::fraction;
    const auto order = [&](int so_far, const Magnitude& limit) {
      if (!is_fraction) so_far = compared_whole(so_far, at.digits, limit);
      const auto places = is_fraction ? static_cast<std::size_t>(at.digits) : 0;
      return so_far == 0 && places < limit.fraction.size() ? -1 : so_far;
    };
    const Magnitude& low = low_[at.is_negative];
    const int above = order(at.low, low);
    if (above < 0 || (above == 0 && low.is_exclusive)) return false;
    if (const auto& high = high_[at.is_negative]) {
      const int below = order(at.high, *high);
      if (below > 0 || (below == 0 && high->is_exclusive)) return false;
    }
    if (at.phase == Phase::zero) return true;  // a multiple of anything
    std::uint64_t rest = at.rest;
    for (int place = is_fraction ? at.digits : 0; place < step_.places; ++place) {
      rest = rest * 10 % step_.factor;
    }
    return rest == 0 && at.zeros == step_.zeros;
  }

  Step step_;
  bool has_[2] = {false, false};  // numbers without a sign, and with one
  Magnitude low_[2] = {{"0", "", false}, {"0", "", true}};
  std::optional<Magnitude> high_[2];
  int whole_digits_ = kUsualWholeDigits, fraction_digits_ = kUsualDigits;
  bool is_too_long_ = false;
  std::map<Progress, std::uint32_t> numbers_;
  std::vector<Progress> todo_;
};

constexpr std::size_t kMostFractions = 16;  // that a number may not be

std::unexpected<Error> too_long() {
  return fail(Errc::unsupported, std::format("a number of more than {} digits", kMostDigits));
}

// These texts, and those with more zeros behind them. `has_point`: whether the texts go up to a place behind
// the point.
Automaton with_zeros(Automaton texts, bool has_point) {
  const auto is_at_end = [&](const Automaton::State& state) {
    return std::ranges::none_of(state.edges, [&](const Automaton::Edge& edge) {
      return edge.first == '.' || (has_point && edge.first == '0');
    });
  };
  const auto zeros = static_cast<std::uint32_t>(texts.states.size());
  for (Automaton::State& state : texts.states) {
    if (!state.accepts || !is_at_end(state)) continue;
    const char32_t c = has_point ? '0' : '.';
    state.edges.insert(state.edges.begin(), {c, c, has_point ? zeros : zeros + 1});
  }
  texts.states.push_back({.accepts = true, .edges = {{'0', '0', zeros}}});
  texts.states.push_back({.accepts = false, .edges = {{'0', '0', zeros}}});
  return texts;
}

Result<Automaton> all_number_texts(const NumberLimits& limits) {
  std::vector<Step> steps;
  for (const Decimal& step : limits.steps) {
    Step& read = steps.emplace_back();
    if (std::abs(step.exponent) > kMostDigits || step.digits.size() > kUsualDigits) return too_long();
    read.factor = std::stoull(step.digits);
    read.zeros = std::max(0, step.exponent);
    read.places = std::max(0, -step.exponent);
    if (read.factor > kMaxFactor || read.zeros >= kUsualDigits || read.places > kUsualDigits) {
      return fail(Errc::unsupported, "multiples of such a number");
    }
  }
  if (steps.empty()) steps.emplace_back();
  std::optional<Automaton> texts;
  for (const Step& step : steps) {
    for (const auto* limit : {&limits.least, &limits.most}) {
      if (*limit && std::abs((*limit)->value.exponent) > 400) return too_long();
    }
    NumberWriter writer(limits, step);
    if (writer.is_too_long()) return too_long();
    std::optional<Automaton> written = writer.run();
    if (written && texts) written = intersection(*texts, *written);
    if (!written) return fail(Errc::unsupported, "multiples of such a number within such limits");
    texts = std::move(written);
  }
  return *texts;
}

// What is a multiple of the step, or is the value, as far as all_number_texts() can be either.
Result<Automaton> texts_of_multiples(const Decimal& step) {
  const Result<Automaton> texts = all_number_texts({.steps = {step}});
  if (!texts) return texts;
  return with_zeros(*texts, step.exponent < 0);
}

std::optional<Automaton> texts_of_values(const std::vector<std::string>& texts, bool have_points) {
  const std::optional<Automaton> words = of_words(texts);
  return words ? std::optional(with_zeros(*words, have_points)) : std::nullopt;
}

// Texts of which the automaton of a step's multiples knows all.
std::optional<Automaton> short_texts() {
  const Result<Pattern> pattern = parse_pattern(std::format("^-?[0-9]{{1,{}}}(\\.[0-9]+)?$", kUsualDigits));
  std::size_t work = 0;
  return find_pattern(*pattern, work);
}

}  // namespace

Result<Automaton> number_texts(const NumberLimits& limits) {
  const Result<Automaton> all = all_number_texts(limits);
  if (!all) return all;
  std::optional<Automaton> texts = *all;
  const auto leave_out = [&](const std::optional<Automaton>& others) {
    const std::optional<Automaton> rest = others && texts ? complement(*others) : std::nullopt;
    texts = rest ? intersection(*texts, *rest) : std::nullopt;
  };
  for (const Decimal& step : limits.no_steps) {
    const Result<Automaton> multiples = texts_of_multiples(step);
    if (!multiples) return multiples;
    leave_out(*multiples);
    const std::optional<Automaton> within = texts ? short_texts() : std::nullopt;
    texts = within ? intersection(*texts, *within) : std::nullopt;
  }
  std::vector<std::string> integers, fractions;
  for (const Decimal& value : limits.no_values) {
    // Of more digits there are no texts.
    if (std::abs(value.exponent) + static_cast<int>(value.digits.size()) > 4 * kMostDigits) continue;
    const std::string whole = (value.is_negative ? "-" : "") + value.whole_part();
    if (const std::string fraction = value.fraction(); fraction.empty()) {
      integers.push_back(whole);
    } else {
      fractions.push_back(whole + "." + fraction);
    }
  }
  if (!integers.empty()) leave_out(texts_of_values(integers, false));
  // One by one: what has more zeros behind it may go on to another.
  if (fractions.size() > kMostFractions) return fail(Errc::unsupported, "so many fractions");
  for (const std::string& text : fractions) leave_out(texts_of_values({text}, true));
  if (!texts) return fail(Errc::unsupported, "numbers that are none of others");
  return *texts;
}

}  // namespace banyan
