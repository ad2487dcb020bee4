#include <algorithm>
#include <format>
#include <functional>
#include <map>

#include "sampling/schema/alternatives.h"
#include "sampling/schema/automaton_text.h"
#include "sampling/schema/converter.h"
#include "sampling/schema/value_fits.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr std::size_t kMaxPatterns = 5;  // of names, which make up to so many powers of two of kinds of names
constexpr std::size_t kMaxCounts = 4096;

bool is_impossible(const SchemaNodes& nodes) {
  return std::ranges::any_of(nodes,
                             [](const Json* node) { return node->is_boolean() && !node->get<bool>(); });
}

}  // namespace

Result<Expression> SchemaConverter::object(const SchemaNodes& nodes, const Facets& facets) {
  std::vector<Member> all;
  const Expression space = shared(Shared::space);
  for (const Facets::Property& property : facets.properties) {
    bool is_allowed = !is_impossible(property.nodes);
    if (is_allowed && !facets.names.empty()) {
      const Json name = property.name;
      const Result<std::vector<const Json*>> fitting =
          values_that_fit(document_, {&name}, facets.names, false);
      if (!fitting) return std::unexpected(fitting.error());
      is_allowed = !fitting->empty();
    }
    if (!is_allowed) {
      if (property.is_required) return Expression::nothing();
      continue;
    }
    std::string name = Json(property.name).dump() + ":";
    all.push_back({Expression::call(rules_.add(Expression::sequence(
                       {Expression::of_text(std::move(name)), space, value_of(property.nodes)}))),
                   property.is_required});
    if (Result<> charged = document_.charge(128); !charged) return std::unexpected(charged.error());
  }
  const Result<Expression> other = other_members(nodes, facets);
  if (!other) return other;
  const bool is_counted = facets.property_count.least > 0 || facets.property_count.most != Facets::kNoMost;
  Result<Expression> content =
      is_counted ? counted_members(nodes, facets, all, *other) : members(all, *other);
  if (!content) return content;
  return Expression::sequence(
      {Expression::of_text("{"), space, std::move(*content), Expression::of_text("}")});
}

Result<std::optional<Automaton>> SchemaConverter::allowed_names(const SchemaNodes& nodes,
                                                                const Facets& facets) {
  if (facets.values) {
    const Result<std::vector<const Json*>> fitting = values_that_fit(document_, *facets.values, nodes, true);
    if (!fitting) return std::unexpected(fitting.error());
    std::vector<std::string> words;
    for (const Json* value : *fitting) {
      if (value->is_string()) words.push_back(value->get<std::string>());
    }
    return of_words(words);
  }
  std::optional<Automaton> names = complement(Automaton{.states = std::vector<Automaton::State>(1)});
  for (const Automaton* texts : facets.texts) {
    if (names) names = intersection(*names, *texts);
  }
  if (names) names = of_length(*names, facets.length.least, facets.length.most);
  return names;
}

Result<std::optional<Automaton>> SchemaConverter::allowed_names(const SchemaNodes& names) {
  const Result<std::vector<SchemaNodes>> lists = alternatives(document_, names);
  if (!lists) return std::unexpected(lists.error());
  // All but those that no list allows.
  std::optional<Automaton> others = complement(Automaton{.states = std::vector<Automaton::State>(1)});
  for (const SchemaNodes& list : *lists) {
    const Result<Facets> facets = facets_of(document_, list, document_.options().to_the_letter);
    if (!facets) return std::unexpected(facets.error());
    if (!(facets->types & kString)) continue;
    Result<std::optional<Automaton>> allowed = allowed_names(list, *facets);
    if (!allowed) return allowed;
    if (Result<> charged = document_.charge(1 << 14); !charged) return std::unexpected(charged.error());
    const std::optional<Automaton> not_allowed = *allowed ? complement(**allowed) : std::nullopt;
    if (!not_allowed || !others) return std::optional<Automaton>();
    others = intersection(*others, *not_allowed);
  }
  if (!others) return std::optional<Automaton>();
  return complement(*others);
}

// Members that are not named: their names are none of those that are, and keep to the patterns for which
// their values are.
Result<Expression> SchemaConverter::other_members(const SchemaNodes& nodes, const Facets& facets) {
  const Expression space = shared(Shared::space);
  const auto member = [&](Expression name, const SchemaNodes& value) {
    return Expression::sequence(
        {Expression::of_text("\""), std::move(name), Expression::of_text("\":"), space, value_of(value)});
  };
  std::vector<const Automaton*> patterns;
  for (const Facets::Others& others : facets.others) {
    for (const Facets::Others::Named& named : others.patterns) {
      if (std::ranges::find(patterns, named.names) == patterns.end()) patterns.push_back(named.names);
    }
  }
  const auto values = [&](const std::vector<bool>& matched) {
    SchemaNodes value;
    for (const Facets::Others& others : facets.others) {
      bool is_matched = false;
      for (const auto& [names, schema] : others.patterns) {
        if (!matched[static_cast<std::size_t>(std::ranges::find(patterns, names) - patterns.begin())])
          continue;
        is_matched = true;
        value.push_back(schema);
      }
      if (!is_matched && others.rest) value.push_back(others.rest);
    }
    return value;
  };
  if (patterns.empty()) {
    const SchemaNodes value = values({});
    if (!facets.is_open || is_impossible(value)) return Expression::nothing();
    if (facets.properties.empty() && facets.names.empty()) {
      return Expression::call(
          rules_.add(member(rules_.repeat(shared(Shared::character), 0, Expression::kNoMost), value)));
    }
  }
  const auto too_large = [&](const char* keyword) -> Result<Expression> {
    const Result<> left_out = document_.leave_out(
        having(nodes, keyword), keyword, "cannot be kept: to tell its names from others is too much");
    if (!left_out) return std::unexpected(left_out.error());
    return Expression::nothing();
  };
  if (patterns.size() > kMaxPatterns) return too_large("patternProperties");
  const char* keyword = !facets.names.empty() ? "propertyNames"
                        : patterns.empty()    ? "additionalProperties"
                                              : "patternProperties";
  std::vector<std::string> named;
  for (const Facets::Property& property : facets.properties) named.push_back(property.name);
  std::optional<Automaton> names = of_words(named);
  if (Result<> charged = document_.charge(1 << 10); !charged) return std::unexpected(charged.error());
  if (names) {
    if (Result<> charged = charge_for(*names); !charged) return std::unexpected(charged.error());
    names = complement(*names);
  }
  if (names && !facets.names.empty()) {
    const Result<std::optional<Automaton>> allowed = allowed_names(facets.names);
    if (!allowed) return std::unexpected(allowed.error());
    names = *allowed ? intersection(*names, **allowed) : std::nullopt;
  }
  if (!names) return too_large(keyword);
  std::vector<Automaton> outside;
  for (const Automaton* pattern : patterns) {
    std::optional<Automaton> not_matched = complement(*pattern);
    if (Result<> charged = charge_for(*pattern); !charged) return std::unexpected(charged.error());
    if (!not_matched) return too_large(keyword);
    outside.push_back(std::move(*not_matched));
  }
  std::vector<Expression> choices;
  for (std::size_t kind = 0; kind < std::size_t{1} << patterns.size(); ++kind) {
    if (kind == 0 && !facets.is_open) continue;
    std::vector<bool> matched;
    for (std::size_t i = 0; i < patterns.size(); ++i) matched.push_back((kind >> i) & 1);
    const SchemaNodes value = values(matched);
    if (is_impossible(value)) continue;
    std::optional<Automaton> texts = names;
    for (std::size_t i = 0; i < patterns.size() && texts; ++i) {
      if (Result<> charged = charge_for(*texts); !charged) return std::unexpected(charged.error());
      texts = intersection(*texts, matched[i] ? *patterns[i] : outside[i]);
    }
    if (!texts) return too_large(keyword);
    if (texts->is_empty()) continue;
    if (Result<> charged = charge_for(*texts); !charged) return std::unexpected(charged.error());
    choices.push_back(member(expression_of(*texts, Spelling::json, rules_), value));
  }
  return Expression::call(rules_.add(Expression::choice(std::move(choices))));
}

Expression SchemaConverter::repeated_members(const Expression& other, std::uint64_t least, std::uint64_t most,
                                             bool is_first) {
  if (most == 0) return least == 0 ? Expression{} : Expression::nothing();
  const Expression after_comma =
      Expression::sequence({Expression::of_text(","), shared(Shared::space), other});
  if (!is_first) return rules_.repeat(after_comma, least, most);
  Expression all = Expression::sequence({other, rules_.repeat(after_comma, least > 0 ? least - 1 : 0,
                                                              most == Facets::kNoMost ? most : most - 1)});
  return least == 0 ? Expression::optional(std::move(all)) : all;
}

// A comma goes before each member but the first that is there.
Expression SchemaConverter::members(const std::vector<Member>& all, const Expression& other) {
  const Expression space = shared(Shared::space);
  const auto following = [&](const Member& member) {
    Expression text = Expression::sequence({Expression::of_text(","), space, member.text});
    return member.is_required ? text : Expression::optional(std::move(text));
  };
  const std::size_t required =
      static_cast<std::size_t>(std::ranges::find(all, true, &Member::is_required) - all.begin());
  // What follows the first member that is required, or the last of all.
  std::vector<Expression> rest;
  for (std::size_t i = required + 1; i < all.size(); ++i) rest.push_back(following(all[i]));
  rest.push_back(repeated_members(other, 0, Facets::kNoMost, false));
  if (required == 0 && !all.empty()) {
    rest.insert(rest.begin(), all[0].text);
    rest.push_back(space);
    return Expression::sequence(std::move(rest));
  }
  Expression after = Expression::call(rules_.add(Expression::sequence(std::move(rest))));
  std::vector<Expression> first;
  if (required < all.size()) {
    first.push_back(Expression::sequence({all[required].text, after}));
    after = Expression::call(rules_.add(Expression::sequence({following(all[required]), after})));
  } else {
    first.push_back(repeated_members(other, 1, Facets::kNoMost, true));
  }
  for (std::size_t i = required; i-- > 0;) {
    first.push_back(Expression::sequence({all[i].text, after}));
    if (i > 0) after = Expression::call(rules_.add(Expression::sequence({following(all[i]), after})));
  }
  std::ranges::reverse(first);
  Expression content = Expression::sequence({Expression::choice(std::move(first)), space});
  return required < all.size() ? content : Expression::optional(std::move(content));
}

// A rule for each member and number of members before it.
Result<Expression> SchemaConverter::counted_members(const SchemaNodes& nodes, const Facets& facets,
                                                    const std::vector<Member>& all, const Expression& other) {
  auto [least, most] = facets.property_count;
  if (least > most) return Expression::nothing();
  const auto required = static_cast<std::size_t>(std::ranges::count(all, true, &Member::is_required));
  const bool has_others = !(other.kind == Expression::Kind::choice && other.parts.empty());
  if (has_others && least > 1 && least > required + 1) {
    // What is written twice counts once.
    const Result<> left_out = document_.leave_out(
        having(nodes, "minProperties"), "minProperties",
        "cannot be kept: a grammar does not see that properties which are not named repeat each other");
    if (!left_out) return std::unexpected(left_out.error());
  }
  if (!has_others && least > all.size()) return Expression::nothing();
  if (!has_others && most >= all.size()) most = Facets::kNoMost;
  const std::uint64_t counts =
      std::max<std::uint64_t>(1, most == Facets::kNoMost ? least : std::min<std::uint64_t>(most, all.size()));
  const char* keyword = least > 0 ? "minProperties" : "maxProperties";
  if (counts > kMaxCounts || counts * (all.size() + 1) > kMaxCounts || least > Rules::kMaxTimes) {
    const Result<> left_out = document_.leave_out(having(nodes, keyword), keyword,
                                                  "cannot be kept: there are too many properties to count");
    if (!left_out) return std::unexpected(left_out.error());
    return members(all, other);
  }
  const Expression space = shared(Shared::space);
  // Rules from the last member to the first, by how many there are before: made for all numbers, of which
  // only those that are called are printed.
  std::vector<Expression> next;
  for (std::uint64_t count = 0; count <= counts; ++count) {
    const std::uint64_t wanted = least > count ? least - count : 0;
    const std::uint64_t room = most == Facets::kNoMost ? most : most - std::min(most, count);
    Expression end = has_others   ? repeated_members(other, wanted, room, count == 0)
                     : wanted > 0 ? Expression::nothing()
                                  : Expression{};
    next.push_back(Expression::call(rules_.add(std::move(end))));
  }
  for (std::size_t i = all.size(); i-- > 0;) {
    std::vector<Expression> here;
    for (std::uint64_t count = 0; count <= counts; ++count) {
      std::vector<Expression> ways;
      const bool has_room = most == Facets::kNoMost || count < most;
      if (has_room) {
        const Expression& after = next[static_cast<std::size_t>(std::min(count + 1, counts))];
        std::vector<Expression> taken;
        if (count > 0) taken = {Expression::of_text(","), space};
        taken.push_back(all[i].text);
        taken.push_back(after);
        ways.push_back(Expression::sequence(std::move(taken)));
      }
      if (!all[i].is_required) ways.push_back(next[static_cast<std::size_t>(count)]);
      here.push_back(Expression::call(rules_.add(Expression::choice(std::move(ways)))));
    }
    next = std::move(here);
    if (Result<> charged = document_.charge(8 * counts); !charged) return std::unexpected(charged.error());
  }
  return Expression::sequence({next[0], space});
}

}  // namespace banyan
