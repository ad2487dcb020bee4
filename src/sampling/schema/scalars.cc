// Values of enum and const, numbers and strings.
#include <algorithm>
#include <format>

#include "sampling/schema/automaton_text.h"
#include "sampling/schema/converter.h"
#include "sampling/schema/value_fits.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr std::uint64_t kManyCharacters = 1 << 16;  // to count for a pattern
constexpr std::size_t kMaxPlainWords = 64;          // that are written one beside the other

std::string json_text(const Json& value) {
  if (value.is_number_float()) {
    const Decimal number = Decimal::of(value);
    if (number.is_integer() && number.exponent < 20) {
      return (number.is_negative ? "-" : "") + number.whole_part();
    }
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<std::vector<std::string>> SchemaConverter::texts_of_values(const SchemaNodes& nodes,
                                                                  const Facets& facets) {
  std::vector<std::string> texts;
  const Result<std::vector<const Json*>> fitting = values_that_fit(document_, *facets.values, nodes, true);
  if (!fitting) return std::unexpected(fitting.error());
  for (const Json* value : *fitting) {
    texts.push_back(json_text(*value));
    if (Result<> charged = document_.charge(1 + texts.back().size()); !charged) {
      return std::unexpected(charged.error());
    }
  }
  return texts;
}

Result<Expression> SchemaConverter::literals(const SchemaNodes& nodes, const Facets& facets) {
  Result<std::vector<std::string>> made = texts_of_values(nodes, facets);
  if (!made) return std::unexpected(made.error());
  std::vector<std::string>& texts = *made;
  // Many texts share their beginnings, so that the matcher does not follow each.
  if (texts.size() > kMaxPlainWords) {
    if (const std::optional<Automaton> words = of_words(texts)) {
      if (Result<> charged = charge_for(*words); !charged) return std::unexpected(charged.error());
      return expression_of(*words, Spelling::plain, rules_);
    }
  }
  std::vector<Expression> choices;
  for (std::string& text : texts) choices.push_back(Expression::of_text(std::move(text)));
  return Expression::choice(std::move(choices));
}

Result<Expression> SchemaConverter::number(const SchemaNodes& nodes, const Facets& facets) {
  NumberLimits limits = facets.number;
  limits.is_integer = !(facets.types & kFraction);
  if (!(facets.types & kInteger)) limits.no_steps.push_back({.digits = "1"});
  const auto is_plain = [&] {
    return !limits.least && !limits.most && limits.steps.empty() && limits.no_steps.empty() &&
           limits.no_values.empty();
  };
  const auto usual = [&] { return shared(limits.is_integer ? Shared::integer : Shared::number); };
  if (is_plain()) return usual();
  const auto name = [](const Decimal& d) {
    return std::format("{}{}e{}", d.is_negative ? "-" : "", d.digits, d.exponent);
  };
  std::string key = limits.is_integer ? "i" : "n";
  for (const auto* limit : {&limits.least, &limits.most}) {
    key += *limit ? std::format(" {} {}", (*limit)->is_exclusive, name((*limit)->value)) : " any";
  }
  for (const Decimal& step : limits.steps) key += " *" + name(step);
  for (const Decimal& step : limits.no_steps) key += " !*" + name(step);
  for (const Decimal& value : limits.no_values) key += " !" + name(value);
  if (const auto known = numbers_.find(key); known != numbers_.end()) return known->second;

  const std::size_t steps = limits.steps.size() + limits.no_steps.size();
  const std::size_t work = (steps == 0 ? 1 << 15 : steps << 17) + (limits.no_values.size() << 10);
  if (Result<> charged = document_.charge(work); !charged) return std::unexpected(charged.error());
  Result<Automaton> texts = number_texts(limits);
  while (!texts) {
    const bool has_steps = !limits.steps.empty();
    const bool has_others = !limits.no_steps.empty() || !limits.no_values.empty();
    const char* keyword = has_others                                                     ? "not"
                          : has_steps                                                    ? "multipleOf"
                          : limits.least && having(nodes, "minimum").contains("minimum") ? "minimum"
                          : limits.least                                                 ? "exclusiveMinimum"
                          : having(nodes, "maximum").contains("maximum")                 ? "maximum"
                                                                                         : "exclusiveMaximum";
    const Result<> left_out = document_.leave_out(having(nodes, keyword), keyword,
                                                  std::format("cannot be kept: {}", texts.error().message));
    if (!left_out) return std::unexpected(left_out.error());
    if (has_others) {
      limits.no_steps.clear();
      limits.no_values.clear();
    } else if (has_steps) {
      limits.steps.clear();
    } else {
      limits.least.reset();
      limits.most.reset();
    }
    if (is_plain()) return usual();
    texts = number_texts(limits);
  }
  if (Result<> charged = charge_for(*texts); !charged) return std::unexpected(charged.error());
  return numbers_[key] = Expression::call(rules_.add(expression_of(*texts, Spelling::plain, rules_)));
}

Result<Expression> SchemaConverter::string(const SchemaNodes& nodes, const Facets& facets) {
  const Facets::Count length = facets.length;
  if (length.least > length.most) return Expression::nothing();
  if (facets.texts.empty() && length.least == 0 && length.most == Facets::kNoMost) {
    return shared(Shared::string);
  }
  const auto [at, added] =
      strings_.try_emplace({facets.texts, {length.least, length.most}}, Expression::nothing());
  if (!added) return at->second;
  const auto quoted = [&](Expression inside) {
    std::vector<Expression> parts;
    parts.push_back(Expression::of_text("\""));
    parts.push_back(std::move(inside));
    parts.push_back(Expression::of_text("\""));
    return Expression::call(rules_.add(Expression::sequence(std::move(parts))));
  };
  const auto counted = [&]() -> Result<Expression> {
    std::uint64_t least = length.least;
    if (least > Rules::kMaxTimes) {
      const Result<> left_out =
          document_.leave_out(having(nodes, "minLength"), "minLength",
                              std::format("cannot be kept: it is more than {}", Rules::kMaxTimes));
      if (!left_out) return std::unexpected(left_out.error());
      least = 0;
    }
    return quoted(rules_.repeat(shared(Shared::character), least, length.most));
  };
  if (facets.texts.empty()) {
    Result<Expression> made = counted();
    if (made) at->second = *made;
    return made;
  }
  std::optional<Automaton> texts = *facets.texts.front();
  for (std::size_t i = 1; i < facets.texts.size() && texts; ++i) {
    if (Result<> charged = charge_for(*texts); !charged) return std::unexpected(charged.error());
    texts = intersection(*texts, *facets.texts[i]);
  }
  if (texts && (length.least > 0 || length.most != Facets::kNoMost)) {
    // As many states as characters, for each of its own.
    const std::uint64_t counted_to = length.most == Facets::kNoMost ? length.least : length.most;
    const std::uint64_t states =
        std::min(texts->weight() * (std::min(counted_to, kManyCharacters) + 1), kManyCharacters);
    if (Result<> charged = document_.charge(32 * states); !charged) return std::unexpected(charged.error());
    texts = of_length(*texts, length.least, length.most);
  }
  if (!texts) {
    const bool is_format = !having(nodes, "pattern").contains("pattern");
    const char* keyword = is_format ? "format" : "pattern";
    const Result<> left_out = document_.leave_out(
        having(nodes, keyword), keyword,
        std::format("cannot be kept together with the other limits of the text: that takes "
                    "more than {} states",
                    Automaton::kMaxStates));
    if (!left_out) return std::unexpected(left_out.error());
    Result<Expression> made = counted();
    if (made) at->second = *made;
    return made;
  }
  if (Result<> charged = charge_for(*texts); !charged) return std::unexpected(charged.error());
  return at->second = quoted(expression_of(*texts, Spelling::json, rules_));
}

}  // namespace banyan
