#include "sampling/schema/converter.h"

#include <algorithm>

#include "sampling/schema/alternatives.h"
#include "sampling/schema/schema_grammar.h"

namespace banyan {

using Json = SchemaJson;

MadeGrammars schema_grammars(const Json& schema, std::span<const SchemaPart> parts,
                             const SchemaOptions& options) {
  MadeGrammars made;
  const auto all_fail = [&](const Error& error) {
    made.grammars.assign(parts.size(), std::unexpected(error));
    return made;
  };
  if (!schema.is_object() && !schema.is_boolean()) {
    return all_fail({Errc::invalid_argument, "the schema must be an object, true or false"});
  }
  SchemaDocument document(schema, options);
  if (Result<> checked = document.check(); !checked) return all_fail(checked.error());
  for (const SchemaPart& part : parts) {
    made.grammars.push_back(SchemaConverter(document).run(part.schemas));
  }
  made.work = document.work();
  return made;
}

Result<std::string> schema_grammar(const Json& schema, const SchemaOptions& options) {
  const SchemaPart whole{.name = {}, .schemas = {&schema}};
  return std::move(schema_grammars(schema, {&whole, 1}, options).grammars.front());
}

Result<std::string> SchemaConverter::run(const SchemaNodes& root) {
  std::vector<Expression> start;
  start.push_back(value_of(root));
  const std::uint32_t rule = rules_.add(Expression::sequence(std::move(start)));
  for (std::size_t i = 0; i < todo_.size(); ++i) {
    const auto [number, nodes] = todo_[i];
    Result<Expression> made = build(nodes);
    if (!made) return std::unexpected(made.error());
    rules_.define(number, std::move(*made));
    if (rules_.size() > Rules::kMaxRules) break;  // print() says so
  }
  return rules_.print(rule);
}

Expression SchemaConverter::value_of(const SchemaNodes& nodes) {
  SchemaNodes all = document_.normalized(nodes);
  if (all.empty()) return shared(Shared::any);
  const auto [at, added] = made_.try_emplace(document_.key(all), 0);
  if (added) {
    at->second = rules_.declare();
    todo_.emplace_back(at->second, std::move(all));
  }
  return Expression::call(at->second);
}

Result<Expression> SchemaConverter::build(const SchemaNodes& nodes) {
  // A schema that says only which others it may be is a choice of their rules, so that many places which may
  // be the same things do not multiply them.
  if (const Json& only = *nodes.front(); nodes.size() == 1 && only.is_object()) {
    std::size_t said = 0;
    for (const auto& [name, value] : only.items()) {
      if (name == "$defs" || name == "definitions") continue;
      if (name == "title" || name == "description" || name == "default" || name == "examples") continue;
      ++said;
    }
    if (said == 1 && (only.contains("$ref") || only.contains("anyOf"))) {
      if (Result<> checked = document_.check_in_place(only); !checked) {
        return std::unexpected(checked.error());
      }
      if (only.contains("$ref")) {
        const Result<SchemaNodes> targets = document_.targets(only);
        if (!targets) return std::unexpected(targets.error());
        return value_of(*targets);
      }
      std::vector<Expression> choices;
      for (const Json& choice : only["anyOf"]) choices.push_back(value_of({&choice}));
      return Expression::choice(std::move(choices));
    }
  }
  const Result<std::vector<SchemaNodes>> lists = alternatives(document_, nodes);
  if (!lists) return std::unexpected(lists.error());
  std::vector<Expression> choices;
  std::vector<std::vector<std::uint32_t>> seen;
  for (const SchemaNodes& list : *lists) {
    std::vector<std::uint32_t> key = document_.key(list);
    if (std::ranges::find(seen, key) != seen.end()) continue;
    seen.push_back(std::move(key));
    if (Result<> charged = document_.charge(seen.size()); !charged) return std::unexpected(charged.error());
    Result<Expression> made = plain(list);
    if (!made) return made;
    choices.push_back(std::move(*made));
  }
  return Expression::choice(std::move(choices));
}

Result<Expression> SchemaConverter::plain(const SchemaNodes& nodes) {
  if (nodes.empty()) return shared(Shared::any);
  const Result<Facets> facets = facets_of(document_, nodes, document_.options().to_the_letter);
  if (!facets) return std::unexpected(facets.error());
  if (facets->values) return literals(nodes, *facets);
  std::vector<Expression> choices;
  const auto add = [&](Result<Expression> made) -> Result<> {
    if (!made) return std::unexpected(made.error());
    choices.push_back(std::move(*made));
    return {};
  };
  Result<> added;
  if (added && (facets->types & kObject)) added = add(object(nodes, *facets));
  if (added && (facets->types & kArray)) added = add(array(nodes, *facets));
  if (added && (facets->types & kString)) added = add(string(nodes, *facets));
  if (added && (facets->types & kNumber)) added = add(number(nodes, *facets));
  if (!added) return std::unexpected(added.error());
  if (facets->types & kBoolean) {
    if (facets->may_be_true) choices.push_back(Expression::of_text("true"));
    if (facets->may_be_false) choices.push_back(Expression::of_text("false"));
  }
  if (facets->types & kNull) choices.push_back(Expression::of_text("null"));
  return Expression::choice(std::move(choices));
}

const Json& SchemaConverter::having(const SchemaNodes& nodes, const char* keyword) {
  const auto at = std::ranges::find_if(
      nodes, [&](const Json* node) { return node->is_object() && node->contains(keyword); });
  return at == nodes.end() ? *nodes.front() : **at;
}

Expression SchemaConverter::shared(Shared which) {
  const auto [at, added] = shared_.try_emplace(which, 0);
  if (!added) return Expression::call(at->second);
  static constexpr const char* kNames[] = {"space", "character", "string", "integer", "number", "any"};
  const std::uint32_t rule = at->second = rules_.declare_named(kNames[static_cast<std::size_t>(which)]);
  const auto text = [](const char* what) { return Expression::of_text(what); };
  const auto set = [](std::vector<CharSet::Range> ranges) { return Expression::of_set({std::move(ranges)}); };
  const auto repeat = [this](Expression part, std::uint64_t least, std::uint64_t most) {
    return rules_.repeat(std::move(part), least, most);
  };
  const auto sequence = [](auto... parts) { return Expression::sequence({std::move(parts)...}); };
  const auto choice = [](auto... parts) { return Expression::choice({std::move(parts)...}); };
  constexpr std::uint64_t kNoMost = Expression::kNoMost;
  switch (which) {
    case Shared::space:
      // Bounded, for a model may like nothing better.
      rules_.define(
          rule, Expression::optional(
                    choice(text(" "), sequence(text("\n"), repeat(set({{'\t', '\t'}, {' ', ' '}}), 0, 32)))));
      break;
    case Shared::character: {
      const Expression hex = set({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
      const Expression d = set({{'D', 'D'}, {'d', 'd'}});
      // One character, even where it takes two escapes; half of such a pair is none.
      const Expression escapes = choice(
          set({{'"', '"'},
               {'/', '/'},
               {'\\', '\\'},
               {'b', 'b'},
               {'f', 'f'},
               {'n', 'n'},
               {'r', 'r'},
               {'t', 't'}}),
          sequence(text("u"),
                   choice(sequence(set({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}),
                                   repeat(hex, 3, 3)),
                          sequence(d, set({{'0', '7'}}), repeat(hex, 2, 2)),
                          sequence(d, set({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), repeat(hex, 2, 2),
                                   text("\\u"), d, set({{'C', 'F'}, {'c', 'f'}}), repeat(hex, 2, 2)))));
      rules_.define(
          rule, choice(set({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}}), sequence(text("\\"), escapes)));
      break;
    }
    case Shared::string:
      rules_.define(rule, sequence(text("\""), repeat(shared(Shared::character), 0, kNoMost), text("\"")));
      break;
    case Shared::integer:
      rules_.define(
          rule, sequence(Expression::optional(text("-")),
                         choice(text("0"), sequence(set({{'1', '9'}}),
                                                    repeat(set({{'0', '9'}}), 0, kUsualWholeDigits - 1)))));
      break;
    case Shared::number: {
      // Three digits of an exponent only where the number stays a double.
      const Expression digits = set({{'0', '9'}});
      const Expression power =
          choice(repeat(digits, 1, 2), sequence(set({{'1', '2'}}), set({{'0', '8'}}), digits));
      rules_.define(rule, sequence(shared(Shared::integer),
                                   Expression::optional(sequence(text("."), repeat(digits, 1, kUsualDigits))),
                                   Expression::optional(sequence(
                                       set({{'E', 'E'}, {'e', 'e'}}),
                                       Expression::optional(set({{'+', '+'}, {'-', '-'}})), power))));
      break;
    }
    case Shared::any: {
      const Expression any = Expression::call(rule);
      const Expression space = shared(Shared::space);
      const auto listed = [&](const char* open, const Expression& item, const char* close) {
        return sequence(
            text(open), space,
            Expression::optional(sequence(item, repeat(sequence(text(","), space, item), 0, kNoMost), space)),
            text(close));
      };
      const std::uint32_t member = rules_.declare_named("member");
      rules_.define(member, sequence(shared(Shared::string), text(":"), space, any));
      rules_.define(rule, choice(listed("{", Expression::call(member), "}"), listed("[", any, "]"),
                                 shared(Shared::string), shared(Shared::number), text("true"), text("false"),
                                 text("null")));
      break;
    }
  }
  return Expression::call(rule);
}

}  // namespace banyan
