#include "jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "jinja/number_text.h"

namespace banyan::jinja {
namespace {

// Expressions and statements within one another. A level takes some hundred bytes of the stack in each
// function that reads one.
constexpr int kMaxNesting = 60;
constexpr int kMaxHeight = 150;
constexpr std::size_t kMaxNamed = 255;  // they are compared with one another

// Makes `node` higher than what is below it.
void above(Expression& node, const Expr& child) {
  if (!child) return;
  node.height = std::max(node.height, child->height + 1);
  if (node.height > kMaxHeight) past_limit(std::to_string(kMaxHeight) + " levels in an expression");
}

void above(Expression& node, const Arguments& arguments) {
  for (const Expr& argument : arguments.positional) above(node, argument);
  for (const auto& [name, argument] : arguments.named) above(node, argument);
  above(node, arguments.all_positional);
  above(node, arguments.all_named);
}

}  // namespace

ExpressionParser::Level::Level(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.level_ > kMaxNesting) past_limit(std::to_string(kMaxNesting) + " levels of nesting");
}

int ExpressionParser::number(const std::string& name) {
  const auto [place, is_new] = numbers_.try_emplace(name, static_cast<int>(names_.size()));
  if (is_new) names_.push_back(name);
  return place->second;
}

bool ExpressionParser::at_tuple_end(Names ends) const {
  return is(TokenKind::output_end) || is(TokenKind::block_end) || is_op(")") || is_one_of(ends);
}

Expr ExpressionParser::tuple(bool with_condition, Names ends, bool in_parentheses) {
  auto made = make<ListLiteral>();
  made->shape = Shape::tuple;
  bool is_tuple = false;
  for (;;) {
    if (!made->items.empty()) {
      if (!skip_op(",")) break;
      is_tuple = true;
    }
    if (at_tuple_end(ends)) break;
    made->items.push_back(with_condition ? expression() : disjunction());
    above(*made, made->items.back());
  }
  if (!is_tuple) {
    if (!made->items.empty()) return std::move(made->items[0]);
    if (!in_parentheses) failed("Expected an expression, got " + shown(current()));
  }
  return made;
}

Expr ExpressionParser::expression() {
  const Level level(*this);
  Expr left = disjunction();
  while (skip_name("if")) {
    auto made = make<Conditional>();
    ++soft_;
    made->then = std::move(left);
    made->condition = disjunction();
    if (skip_name("else")) made->otherwise = expression();
    --soft_;
    above(*made, made->then);
    above(*made, made->condition);
    above(*made, made->otherwise);
    left = std::move(made);
  }
  return left;
}

template <class Node>
Expr ExpressionParser::with_operands(std::unique_ptr<Node> node, Expr left, Expr right) {
  above(*node, left);
  above(*node, right);
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

Expr ExpressionParser::logical(bool is_and, Expr left, Expr right) {
  auto made = make<Logical>();
  made->is_and = is_and;
  return with_operands(std::move(made), std::move(left), std::move(right));
}

Expr ExpressionParser::disjunction() {
  Expr left = conjunction();
  while (skip_name("or")) left = logical(false, std::move(left), conjunction());
  return left;
}

Expr ExpressionParser::conjunction() {
  Expr left = negation();
  while (skip_name("and")) left = logical(true, std::move(left), negation());
  return left;
}

Expr ExpressionParser::unary_node(char op, Expr operand) {
  auto made = make<Unary>();
  made->op = op;
  above(*made, operand);
  made->operand = std::move(operand);
  return made;
}

Expr ExpressionParser::negation() {
  if (!skip_name("not")) return comparison();
  const Level level(*this);
  return unary_node('!', negation());
}

bool ExpressionParser::take_comparison(Comparison& comparison) {
  constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
      {"==", Comparison::equal},      {"!=", Comparison::unequal}, {"<", Comparison::less},
      {"<=", Comparison::less_equal}, {">", Comparison::greater},  {">=", Comparison::greater_equal}};
  for (const auto& [op, meant] : kComparisons) {
    if (!skip_op(op)) continue;
    comparison = meant;
    return true;
  }
  if (skip_name("in")) {
    comparison = Comparison::in;
    return true;
  }
  if (!is_name("not") || next().kind != TokenKind::name || next().text != "in") return false;
  take();
  take();
  comparison = Comparison::not_in;
  return true;
}

Expr ExpressionParser::comparison() {
  Expr first = sum();
  auto made = make<Compare>();
  Comparison op = Comparison::equal;
  while (take_comparison(op)) {
    made->rest.emplace_back(op, sum());
    above(*made, made->rest.back().second);
  }
  if (made->rest.empty()) return first;
  above(*made, first);
  made->first = std::move(first);
  return made;
}

Expr ExpressionParser::binary(Operator op, Expr left, Expr right) {
  auto made = make<Binary>();
  made->op = op;
  return with_operands(std::move(made), std::move(left), std::move(right));
}

Expr ExpressionParser::sum() {
  Expr left = concat();
  for (;;) {
    if (skip_op("+")) {
      left = binary(Operator::add, std::move(left), concat());
    } else if (skip_op("-")) {
      left = binary(Operator::subtract, std::move(left), concat());
    } else {
      return left;
    }
  }
}

Expr ExpressionParser::concat() {
  Expr first = product();
  if (!is_op("~")) return first;
  auto made = make<Concat>();
  made->parts.push_back(std::move(first));
  while (skip_op("~")) made->parts.push_back(product());
  for (const Expr& part : made->parts) above(*made, part);
  return made;
}

Expr ExpressionParser::product() {
  Expr left = power();
  for (;;) {
    if (skip_op("*")) {
      left = binary(Operator::multiply, std::move(left), power());
    } else if (skip_op("/")) {
      left = binary(Operator::divide, std::move(left), power());
    } else if (skip_op("//")) {
      left = binary(Operator::floor_divide, std::move(left), power());
    } else if (skip_op("%")) {
      left = binary(Operator::modulo, std::move(left), power());
    } else {
      return left;
    }
  }
}

Expr ExpressionParser::power() {
  Expr left = unary();
  while (skip_op("**")) left = binary(Operator::power, std::move(left), unary());
  return left;
}

Expr ExpressionParser::unary(bool with_filter) {
  Expr node;
  if (is_op("-") || is_op("+")) {
    const Level level(*this);
    const char op = take().text[0];
    node = unary_node(op, unary(false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filtered(std::move(node)) : std::move(node);
}

Expr ExpressionParser::constant(Value value) {
  auto made = make<Constant>();
  made->value = std::move(value);
  return made;
}

Expr ExpressionParser::primary() {
  switch (current().kind) {
    case TokenKind::name: {
      const std::string name = take().text;
      if (name == "true" || name == "True") return constant(true);
      if (name == "false" || name == "False") return constant(false);
      if (name == "none" || name == "None") return constant(None{});
      if (name == "caller" || name == "varargs" || name == "kwargs") special_[name] = true;
      auto made = make<Name>();
      made->name = number(name);
      return made;
    }
    case TokenKind::string: {
      std::string text;
      while (is(TokenKind::string)) text += take().text;
      return constant(make_text(nullptr, std::move(text)));
    }
    case TokenKind::integer: {
      std::int64_t value = 0;
      if (!read_integer(current().text, 0, value)) failed("an integer cannot be read");
      take();
      return constant(value);
    }
    case TokenKind::floating: {
      double value = 0;
      if (!read_float(current().text, value)) failed("a number cannot be read");
      take();
      return constant(value);
    }
    default:
      break;
  }
  if (skip_op("(")) {
    const Level level(*this);
    Expr made = tuple(true, {}, true);
    expect_op(")");
    return made;
  }
  if (skip_op("[")) {
    const Level level(*this);
    auto made = make<ListLiteral>();
    while (!is_op("]")) {
      if (!made->items.empty()) expect_op(",");
      if (is_op("]")) break;
      made->items.push_back(expression());
      above(*made, made->items.back());
    }
    take();
    return made;
  }
  if (skip_op("{")) {
    const Level level(*this);
    auto made = make<DictLiteral>();
    while (!is_op("}")) {
      if (!made->entries.empty()) expect_op(",");
      if (is_op("}")) break;
      Expr key = expression();
      expect_op(":");
      Expr value = expression();
      above(*made, key);
      above(*made, value);
      made->entries.emplace_back(std::move(key), std::move(value));
    }
    take();
    return made;
  }
  failed("unexpected " + shown(current()));
}

Expr ExpressionParser::postfix(Expr node) {
  for (;;) {
    if (is_op(".") || is_op("[")) {
      node = subscript(std::move(node));
    } else if (is_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

Expr ExpressionParser::filtered(Expr node) {
  for (;;) {
    if (is_op("|")) {
      node = filters(std::move(node));
    } else if (skip_name("is")) {
      node = test(std::move(node));
    } else if (is_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

Expr ExpressionParser::item(Expr of, Expr key) {
  auto made = make<Item>();
  above(*made, of);
  above(*made, key);
  made->of = std::move(of);
  made->key = std::move(key);
  return made;
}

Expr ExpressionParser::subscript(Expr of) {
  if (skip_op(".")) {
    if (is(TokenKind::integer)) {
      Expr key = primary();
      return item(std::move(of), std::move(key));
    }
    auto made = make<Attribute>();
    made->name = expect_any_name();
    above(*made, of);
    made->of = std::move(of);
    return made;
  }
  const Level level(*this);
  expect_op("[");
  if (is_op("]")) failed("expected an index");
  auto slice = make<Slice>();
  const auto bound = [&]() -> Expr { return is_op(":") || is_op("]") ? nullptr : expression(); };
  Expr start = is_op(":") ? nullptr : expression();
  if (!skip_op(":")) {
    if (is_op(",")) {
      auto keys = make<ListLiteral>();
      keys->shape = Shape::tuple;
      keys->items.push_back(std::move(start));
      while (skip_op(",")) keys->items.push_back(expression());
      for (const Expr& key : keys->items) above(*keys, key);
      start = std::move(keys);
    }
    expect_op("]");
    return item(std::move(of), std::move(start));
  }
  slice->start = std::move(start);
  slice->stop = bound();
  if (skip_op(":")) slice->step = bound();
  expect_op("]");
  slice->of = std::move(of);
  for (const Expr* child : {&slice->of, &slice->start, &slice->stop, &slice->step}) above(*slice, *child);
  return slice;
}

Arguments ExpressionParser::arguments() {
  const Level level(*this);
  Arguments all;
  expect_op("(");
  bool first = true;
  while (!is_op(")")) {
    if (!std::exchange(first, false)) {
      expect_op(",");
      if (is_op(")")) break;
    }
    if (skip_op("*")) {
      if (all.all_positional || all.all_named) failed("invalid syntax for function call expression");
      all.all_positional = expression();
    } else if (skip_op("**")) {
      if (all.all_named) failed("invalid syntax for function call expression");
      all.all_named = expression();
    } else if (is(TokenKind::name) && next().kind == TokenKind::op && next().text == "=") {
      if (all.all_named) failed("invalid syntax for function call expression");
      std::string name = take().text;
      take();
      for (const auto& [known, value] : all.named) {
        if (known == name) failed("keyword argument repeated: " + name);
      }
      all.named.emplace_back(std::move(name), expression());
      if (all.named.size() > kMaxNamed) past_limit(std::to_string(kMaxNamed) + " named arguments");
    } else {
      if (!all.named.empty() || all.all_positional || all.all_named)
        failed("invalid syntax for function call expression");
      all.positional.push_back(expression());
    }
  }
  take();
  return all;
}

Expr ExpressionParser::call(Expr callee) {
  auto made = make<Call>();
  made->arguments = arguments();
  above(*made, callee);
  above(*made, made->arguments);
  made->callee = std::move(callee);
  return made;
}

std::string ExpressionParser::dotted_name() {
  std::string name = expect_any_name();
  while (skip_op(".")) name += "." + expect_any_name();
  return name;
}

Expr ExpressionParser::filters(Expr node, bool first_has_no_bar) {
  while (first_has_no_bar || is_op("|")) {
    if (!std::exchange(first_has_no_bar, false)) take();
    auto made = make<FilterCall>();
    made->name = dotted_name();
    made->filter = find_filter(made->name);
    if (!made->filter && soft_ == 0) failed("No filter named '" + made->name + "'.");
    if (is_op("(")) made->arguments = arguments();
    if (!node) {
      auto text = make<Name>();
      text->name = kFiltered;
      node = std::move(text);
    }
    above(*made, node);
    above(*made, made->arguments);
    made->value = std::move(node);
    node = std::move(made);
  }
  return node;
}

Expr ExpressionParser::test(Expr value) {
  const bool negated = skip_name("not");
  auto made = make<TestCall>();
  made->name = dotted_name();
  made->test = find_test(made->name);
  if (!made->test && soft_ == 0) failed("No test named '" + made->name + "'.");
  const bool is_word = is(TokenKind::name) && !is_name("else") && !is_name("or") && !is_name("and");
  if (is_op("(")) {
    made->arguments = arguments();
  } else if (is_word || is(TokenKind::string) || is(TokenKind::integer) || is(TokenKind::floating) ||
             is_op("[") || is_op("{")) {
    if (is_name("is")) failed("You cannot chain multiple tests with is");
    Expr argument = primary();
    made->arguments.positional.push_back(postfix(std::move(argument)));
  }
  above(*made, value);
  above(*made, made->arguments);
  made->value = std::move(value);
  if (!negated) return made;
  return unary_node('!', std::move(made));
}

}  // namespace banyan::jinja
