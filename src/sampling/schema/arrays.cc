#include <algorithm>
#include <bit>
#include <format>
#include <map>

#include "sampling/schema/alternatives.h"
#include "sampling/schema/converter.h"

namespace banyan {
namespace {

using Json = SchemaJson;

constexpr std::size_t kMaxUnique = 8;        // values, which make up so many powers of two of sets
constexpr std::size_t kMaxContained = 3;     // schemas that are counted at once
constexpr std::size_t kMaxItemRules = 4096;  // of a place in the list and how often each schema held before

}  // namespace

Result<Expression> SchemaConverter::array(const SchemaNodes& nodes, const Facets& facets) {
  auto [least, most] = facets.items;
  if (least > most) return Expression::nothing();
  if (facets.are_items_unique && most > 1) {
    Result<std::optional<Expression>> made = unique_items(facets);
    if (!made) return std::unexpected(made.error());
    if (*made) return std::move(**made);
    const Result<> left_out = document_.leave_out(
        having(nodes, "uniqueItems"), "uniqueItems",
        std::format("cannot be kept by a grammar, but for items of which there are {} values at most",
                    kMaxUnique));
    if (!left_out) return std::unexpected(left_out.error());
  }
  if (!facets.contained.empty()) return counted_items(nodes, facets);
  if (least > Rules::kMaxTimes) {
    const Result<> left_out =
        document_.leave_out(having(nodes, "minItems"), "minItems",
                            std::format("cannot be kept: it is more than {}", Rules::kMaxTimes));
    if (!left_out) return std::unexpected(left_out.error());
    least = 0;
  }
  const Expression space = shared(Shared::space);
  const auto after_comma = [&](Expression item) {
    return Expression::sequence({Expression::of_text(","), space, std::move(item)});
  };
  // From the end: what may follow the items before.
  const std::size_t prefix = static_cast<std::size_t>(std::min<std::uint64_t>(facets.prefix.size(), most));
  Expression content{};
  if (most > prefix) {
    const Expression item = value_of(facets.rest_of_items);
    const std::uint64_t more_least = least > prefix ? least - prefix : 0;
    const std::uint64_t more_most = most == Facets::kNoMost ? most : most - prefix;
    if (prefix > 0) {
      content = rules_.repeat(after_comma(item), more_least, more_most);
    } else {
      const std::uint64_t others_least = more_least > 0 ? more_least - 1 : 0;
      const std::uint64_t others_most = more_most == Facets::kNoMost ? more_most : more_most - 1;
      content =
          Expression::sequence({item, rules_.repeat(after_comma(item), others_least, others_most), space});
      if (more_least == 0) content = Expression::optional(std::move(content));
    }
  }
  for (std::size_t i = prefix; i-- > 0;) {
    Expression item = value_of(facets.prefix[i]);
    if (i > 0) item = after_comma(std::move(item));
    // A rule for each, so that many do not nest.
    const bool is_short = content.kind == Expression::Kind::call || content.parts.empty();
    if (!is_short) content = Expression::call(rules_.add(std::move(content)));
    content = Expression::sequence({std::move(item), std::move(content)});
    if (i == 0) content = Expression::sequence({std::move(content), space});
    if (i >= least) content = Expression::optional(std::move(content));
  }
  return Expression::sequence(
      {Expression::of_text("["), space, std::move(content), Expression::of_text("]")});
}

// A rule for each place and number of items before it of which each schema of "contains" held. Where no more
// than some may, it is known of every item; otherwise, those that are counted are enough.
Result<Expression> SchemaConverter::counted_items(const SchemaNodes& nodes, const Facets& facets) {
  const auto [least, most] = facets.items;
  const Expression space = shared(Shared::space);
  const auto& contained = facets.contained;
  struct At {
    std::uint64_t place = 0;
    std::vector<std::uint64_t> counts;
    auto operator<=>(const At&) const = default;
  };
  // Beyond this, all places are alike.
  const std::uint64_t last_place =
      std::max<std::uint64_t>({1, facets.prefix.size(), most == Facets::kNoMost ? least : most});
  std::map<At, std::uint32_t> rules;
  std::vector<At> todo;
  const auto rule_of = [&](const At& at) {
    const auto [known, added] = rules.try_emplace(at, 0);
    if (added) {
      known->second = rules_.declare();
      todo.push_back(at);
    }
    return known->second;
  };
  SchemaNodes absent;
  for (const Facets::Contained& one : contained) {
    if (one.count.most == Facets::kNoMost) {
      absent.push_back(nullptr);
      continue;
    }
    const Result<const Json*> list = document_.added(*one.schema, "", "absent", [&] {
      return Json::array({{{"not", document_.reference_to(*one.schema)}}});
    });
    if (!list) return std::unexpected(list.error());
    absent.push_back(&(*list)->front());
  }
  const bool is_much = contained.size() > kMaxContained;
  const std::uint32_t first = is_much ? 0 : rule_of({0, std::vector<std::uint64_t>(contained.size())});
  for (std::size_t i = 0; i < todo.size(); ++i) {
    if (todo.size() > kMaxItemRules) break;
    const At at = todo[i];
    std::vector<Expression> ways;
    bool is_enough = at.place >= least;
    for (std::size_t k = 0; k < contained.size(); ++k) is_enough &= at.counts[k] >= contained[k].count.least;
    if (is_enough) ways.push_back(at.place > 0 ? space : Expression{});
    for (std::size_t held = 0; at.place < most && held < std::size_t{1} << contained.size(); ++held) {
      SchemaNodes item = at.place < facets.prefix.size() ? facets.prefix[at.place] : facets.rest_of_items;
      At next = at;
      next.place = std::min(at.place + 1, last_place);
      bool is_allowed = true;
      for (std::size_t k = 0; k < contained.size(); ++k) {
        const auto [fewest, mostly] = contained[k].count;
        if (held >> k & 1) {
          item.push_back(contained[k].schema);
          is_allowed &= next.counts[k] < mostly && (absent[k] || next.counts[k] < fewest);
          ++next.counts[k];
        } else if (absent[k]) {
          item.push_back(absent[k]);
        }
      }
      if (Result<> charged = document_.charge(64); !charged) return std::unexpected(charged.error());
      if (!is_allowed) continue;
      std::vector<Expression> way;
      if (at.place > 0) way = {Expression::of_text(","), space};
      way.push_back(value_of(item));
      way.push_back(Expression::call(rule_of(next)));
      ways.push_back(Expression::sequence(std::move(way)));
    }
    rules_.define(rules.at(at), Expression::choice(std::move(ways)));
  }
  if (is_much || todo.size() > kMaxItemRules) {
    const Result<> left_out = document_.leave_out(having(nodes, "contains"), "contains",
                                                  "cannot be kept: there is too much to count");
    if (!left_out) return std::unexpected(left_out.error());
    Facets others = facets;
    others.contained.clear();
    return array(nodes, others);
  }
  return Expression::sequence(
      {Expression::of_text("["), space, Expression::call(first), Expression::of_text("]")});
}

Result<std::optional<std::vector<std::string>>> SchemaConverter::texts_of_items(const SchemaNodes& item) {
  const Result<std::vector<SchemaNodes>> lists = alternatives(document_, item);
  if (!lists) return std::unexpected(lists.error());
  std::vector<std::string> all;
  for (const SchemaNodes& list : *lists) {
    const Result<Facets> facets = facets_of(document_, list, document_.options().to_the_letter);
    if (!facets) return std::unexpected(facets.error());
    if (facets->values) {
      for (const Json* value : *facets->values) {
        // An object may be written in other orders, so that its texts are not compared.
        if (value->is_structured()) return std::optional<std::vector<std::string>>();
      }
      const Result<std::vector<std::string>> texts = texts_of_values(list, *facets);
      if (!texts) return std::unexpected(texts.error());
      all.insert(all.end(), texts->begin(), texts->end());
      continue;
    }
    if (facets->types & ~unsigned{kNull | kBoolean}) return std::optional<std::vector<std::string>>();
    if (facets->types & kNull) all.emplace_back("null");
    if (facets->types & kBoolean && facets->may_be_true) all.emplace_back("true");
    if (facets->types & kBoolean && facets->may_be_false) all.emplace_back("false");
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

// A rule for each set of values that have been written: as many as items.
Result<std::optional<Expression>> SchemaConverter::unique_items(const Facets& facets) {
  if (!facets.contained.empty()) return std::optional<Expression>();
  std::vector<std::vector<std::string>> places;  // the last is of all items that follow
  std::vector<std::string> values;
  for (std::size_t place = 0; place <= std::min(facets.prefix.size(), kMaxUnique); ++place) {
    const bool is_last = place == facets.prefix.size();
    auto texts = texts_of_items(is_last ? facets.rest_of_items : facets.prefix[place]);
    if (!texts) return std::unexpected(texts.error());
    if (!*texts) return std::optional<Expression>();
    for (const std::string& text : **texts) {
      if (std::ranges::find(values, text) == values.end()) values.push_back(text);
    }
    places.push_back(std::move(**texts));
    if (values.size() > kMaxUnique) return std::optional<Expression>();
  }
  const Expression space = shared(Shared::space);
  const std::size_t sets = std::size_t{1} << values.size();
  if (Result<> charged = document_.charge(64 * sets); !charged) return std::unexpected(charged.error());
  std::vector<std::uint32_t> rules;
  for (std::size_t set = 0; set < sets; ++set) rules.push_back(rules_.declare());
  for (std::size_t set = 0; set < sets; ++set) {
    const auto count = static_cast<std::size_t>(std::popcount(set));
    std::vector<Expression> ways;
    if (count >= facets.items.least) ways.push_back(count > 0 ? space : Expression{});
    const std::vector<std::string>& texts = places[std::min(count, places.size() - 1)];
    for (std::size_t i = 0; i < values.size() && count < facets.items.most; ++i) {
      if (set >> i & 1 || std::ranges::find(texts, values[i]) == texts.end()) continue;
      std::vector<Expression> way;
      if (count > 0) way = {Expression::of_text(","), space};
      way.push_back(Expression::of_text(values[i]));
      way.push_back(Expression::call(rules[set | std::size_t{1} << i]));
      ways.push_back(Expression::sequence(std::move(way)));
    }
    rules_.define(rules[set], Expression::choice(std::move(ways)));
  }
  return Expression::sequence(
      {Expression::of_text("["), space, Expression::call(rules[0]), Expression::of_text("]")});
}

}  // namespace banyan
