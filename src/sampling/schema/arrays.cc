#include <algorithm>
#include <format>

#include "sampling/schema/converter.h"

namespace banyan {

Result<Expression> SchemaConverter::array(const SchemaNodes& nodes, const Facets& facets) {
  auto [least, most] = facets.items;
  if (least > most) return Expression::nothing();
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

}  // namespace banyan
