#include "jinja/parser.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <map>

#include "jinja/lexer.h"
#include "jinja/number_text.h"

namespace banyan::jinja {
namespace {

// Expressions and statements within one another. A level takes some hundred bytes of the stack in each
// function that reads one.
constexpr int kMaxNesting = 60;
constexpr int kMaxHeight = 150;
constexpr std::size_t kMaxTokens = 1'000'000;
constexpr std::size_t kMaxNamed = 255;  // they are compared with one another

class Parser {
 public:
  Parser(std::vector<Token> tokens, int& line) : tokens_(std::move(tokens)), line_(line) {
    if (tokens_.size() > kMaxTokens) past_limit("1000000 tokens");
  }

  Tree run() {
    Tree tree;
    loop_ = number("loop");
    number(kFilteredName);
    tree.body = body({});
    if (current().kind != TokenKind::end) failed("unexpected end of a block");
    tree.names = std::move(names_);
    return tree;
  }

 private:
  // --- Tokens ---

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    line_ = current().line;
    return token;
  }
  bool is_op(std::string_view op) const { return current().kind == TokenKind::op && current().text == op; }
  bool is_name(std::string_view name) const {
    return current().kind == TokenKind::name && current().text == name;
  }
  bool skip_op(std::string_view op) { return is_op(op) && (take(), true); }
  bool skip_name(std::string_view name) { return is_name(name) && (take(), true); }
  bool is(TokenKind kind) const { return current().kind == kind; }

  static std::string shown(const Token& token) {
    switch (token.kind) {
      case TokenKind::end:
        return "end of template";
      case TokenKind::block_end:
        return "end of statement block";
      case TokenKind::output_end:
        return "end of print statement";
      case TokenKind::data:
        return "text";
      default:
        return "'" + token.text.substr(0, 60) + "'";
    }
  }
  void expect_op(std::string_view op) {
    if (!skip_op(op)) failed("expected '" + std::string(op) + "', got " + shown(current()));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) failed("expected '" + std::string(name) + "', got " + shown(current()));
  }
  std::string expect_any_name() {
    if (!is(TokenKind::name)) failed("expected a name, got " + shown(current()));
    return take().text;
  }
  void expect(TokenKind kind) {
    if (!is(kind)) failed("unexpected " + shown(current()));
    take();
  }

  int number(const std::string& name) {
    const auto [place, is_new] = numbers_.try_emplace(name, static_cast<int>(names_.size()));
    if (is_new) names_.push_back(name);
    return place->second;
  }

  /// A level of nesting while it lives.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.level_ > kMaxNesting) {
        past_limit(std::to_string(kMaxNesting) + " levels of nesting");
      }
    }
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  template <class T>
  std::unique_ptr<T> make() {
    auto node = std::make_unique<T>();
    node->line = line_;
    return node;
  }

  // Makes `node` higher than what is below it.
  static void above(Expression& node, const Expr& child) {
    if (!child) return;
    node.height = std::max(node.height, child->height + 1);
    if (node.height > kMaxHeight) {
      past_limit(std::to_string(kMaxHeight) + " levels in an expression");
    }
  }
  static void above(Expression& node, const Arguments& arguments) {
    for (const Expr& argument : arguments.positional) above(node, argument);
    for (const auto& [name, argument] : arguments.named) above(node, argument);
    above(node, arguments.all_positional);
    above(node, arguments.all_named);
  }

  // --- Statements ---

  using Ends = std::initializer_list<std::string_view>;

  // Up to a block that begins with one of the names, which stays.
  Body body(Ends ends) {
    const Level level(*this);
    Body all;
    while (!is(TokenKind::end)) {
      if (is(TokenKind::data)) {
        auto data = make<Data>();
        data->text = take().text;
        all.push_back(std::move(data));
      } else if (is(TokenKind::output_begin)) {
        take();
        auto output = make<Output>();
        output->value = tuple(true);
        expect(TokenKind::output_end);
        all.push_back(std::move(output));
      } else {
        const int line = line_;
        if (look().kind == TokenKind::name && std::ranges::find(ends, look().text) != ends.end()) {
          take();
          return all;
        }
        expect(TokenKind::block_begin);
        auto made = statement();
        if (!made) continue;
        made->line = line;
        all.push_back(std::move(made));
        expect(TokenKind::block_end);
      }
    }
    if (ends.size() > 0)
      failed("unexpected end of template: expected '" + std::string(*(ends.end() - 1)) + "'");
    return all;
  }

  // A block's body and its end tag.
  Body body_until(std::string_view end) {
    expect(TokenKind::block_end);
    Body all = body({end});
    take();
    return all;
  }

  std::unique_ptr<Statement> statement() {
    const std::string tag = expect_any_name();
    if (tag == "for") return for_statement();
    if (tag == "if") return if_statement();
    if (tag == "set") return set_statement();
    if (tag == "macro") return macro_statement();
    if (tag == "call") return call_block();
    if (tag == "filter") return filter_block();
    if (tag == "with") return with_statement();
    if (tag == "generation") return generation_block();
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) failed("'" + tag + "' outside a loop");
      auto jump = make<Jump>();
      jump->flow = tag == "break" ? Flow::breaks : Flow::continues;
      return jump;
    }
    if (tag == "print") {
      auto all = make<Concat>();
      do all->parts.push_back(expression());
      while (skip_op(","));
      auto output = make<Output>();
      output->value = std::move(all);
      return output;
    }
    for (const std::string_view refused :
         {"include", "import", "from", "extends", "block", "autoescape", "do"}) {
      if (tag == refused) failed("the tag '" + tag + "' is not supported in chat templates");
    }
    failed("Encountered unknown tag '" + tag + "'");
  }

  std::unique_ptr<Statement> for_statement() {
    auto loop = make<For>();
    loop->loop_name = loop_;
    loop->target = assign_target({"in"}, false);
    expect_name("in");
    loop->iterable = tuple(false, {"recursive"});
    if (skip_name("if")) loop->condition = expression();
    loop->recursive = skip_name("recursive");
    expect(TokenKind::block_end);
    ++loops_;
    loop->body = body({"else", "endfor"});
    --loops_;
    if (take().text == "else") loop->otherwise = body_until("endfor");
    return loop;
  }

  std::unique_ptr<Statement> if_statement() {
    auto made = make<If>();
    for (;;) {
      Expr condition = tuple(false);
      expect(TokenKind::block_end);
      ++soft_;
      made->branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
      --soft_;
      const std::string tag = take().text;
      if (tag == "elif") continue;
      if (tag == "else") {
        ++soft_;
        made->otherwise = body_until("endif");
        --soft_;
      }
      return made;
    }
  }

  std::unique_ptr<Statement> set_statement() {
    auto set = make<Set>();
    set->target = assign_target({}, true);
    if (skip_op("=")) {
      set->value = tuple(true);
      return set;
    }
    if (is_op("|")) set->filters = filters(nullptr);
    set->body = body_until("endset");
    return set;
  }

  std::unique_ptr<Statement> with_statement() {
    auto with = make<With>();
    while (!is(TokenKind::block_end)) {
      if (!with->variables.empty()) expect_op(",");
      Target target = assign_target({}, false, false);
      expect_op("=");
      with->variables.emplace_back(std::move(target), expression());
    }
    with->body = body_until("endwith");
    return with;
  }

  // Parameters in parentheses.
  void signature(MacroCode& code) {
    expect_op("(");
    while (!is_op(")")) {
      if (!code.parameters.empty()) expect_op(",");
      MacroCode::Parameter parameter;
      parameter.name = assigned_name();
      parameter.number = number(parameter.name);
      if (skip_op("=")) {
        parameter.otherwise = expression();
      } else if (!code.parameters.empty() && code.parameters.back().otherwise) {
        failed("non-default argument follows default argument");
      }
      code.parameters.push_back(std::move(parameter));
      if (code.parameters.size() > kMaxNamed) past_limit(std::to_string(kMaxNamed) + " parameters");
    }
    take();
  }

  // The body, and which of the special names it uses.
  void macro_body(MacroCode& code, std::string_view end) {
    const auto outer_special = std::exchange(special_, {});
    const int loops = std::exchange(loops_, 0);
    code.body = body_until(end);
    const auto used = [&](const char* name) {
      const bool is_parameter =
          std::ranges::any_of(code.parameters, [&](const auto& each) { return each.name == name; });
      return special_.contains(name) && !is_parameter ? number(name) : -1;
    };
    code.caller = used("caller");
    code.varargs = used("varargs");
    code.kwargs = used("kwargs");
    special_ = outer_special;
    loops_ = loops;
  }

  std::unique_ptr<Statement> macro_statement() {
    auto macro = make<MacroStatement>();
    macro->code.name = assigned_name();
    macro->name = number(macro->code.name);
    signature(macro->code);
    macro_body(macro->code, "endmacro");
    return macro;
  }

  std::unique_ptr<Statement> call_block() {
    auto block = make<CallBlock>();
    block->code.name = "caller";
    if (is_op("(")) signature(block->code);
    block->call = expression();
    if (!dynamic_cast<Call*>(block->call.get())) failed("expected call");
    macro_body(block->code, "endcall");
    return block;
  }

  // The assistant's text, for training; here only a scope.
  std::unique_ptr<Statement> generation_block() {
    auto block = make<With>();
    block->body = body_until("endgeneration");
    return block;
  }

  std::unique_ptr<Statement> filter_block() {
    auto block = make<FilterBlock>();
    block->filters = filters(nullptr, true);
    block->body = body_until("endfilter");
    return block;
  }

  std::string assigned_name() {
    std::string name = expect_any_name();
    for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name == constant) failed("can't assign to '" + name + "'");
    }
    return name;
  }

  Target one_target(bool with_attribute) {
    if (skip_op("(")) {
      const Level level(*this);
      Target target = assign_target({}, with_attribute);
      expect_op(")");
      return target;
    }
    Target target;
    target.name = number(assigned_name());
    if (with_attribute && skip_op(".")) target.attribute = expect_any_name();
    return target;
  }

  Target assign_target(Ends ends, bool with_attribute, bool with_tuple = true) {
    Target target = one_target(with_attribute);
    if (!with_tuple || !is_op(",")) return target;
    Target tuple;
    tuple.several.push_back(std::move(target));
    while (skip_op(",")) {
      if (is_op("=") || is_op(")") || is(TokenKind::block_end)) break;
      if (is(TokenKind::name) && std::ranges::find(ends, current().text) != ends.end()) break;
      tuple.several.push_back(one_target(with_attribute));
    }
    return tuple;
  }

  // --- Expressions, in the order of precedence ---

  bool at_tuple_end(Ends ends) const {
    if (is(TokenKind::output_end) || is(TokenKind::block_end) || is_op(")")) return true;
    return is(TokenKind::name) && std::ranges::find(ends, current().text) != ends.end();
  }

  // One expression, or several with commas.
  Expr tuple(bool with_condition, Ends ends = {}, bool in_parentheses = false) {
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

  Expr expression() {
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

  Expr logical(bool is_and, Expr left, Expr right) {
    auto made = make<Logical>();
    made->is_and = is_and;
    above(*made, left);
    above(*made, right);
    made->left = std::move(left);
    made->right = std::move(right);
    return made;
  }

  Expr disjunction() {
    Expr left = conjunction();
    while (skip_name("or")) left = logical(false, std::move(left), conjunction());
    return left;
  }

  Expr conjunction() {
    Expr left = negation();
    while (skip_name("and")) left = logical(true, std::move(left), negation());
    return left;
  }

  Expr unary_node(char op, Expr operand) {
    auto made = make<Unary>();
    made->op = op;
    above(*made, operand);
    made->operand = std::move(operand);
    return made;
  }

  Expr negation() {
    if (!skip_name("not")) return comparison();
    const Level level(*this);
    return unary_node('!', negation());
  }

  bool take_comparison(Comparison& comparison) {
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
    if (!is_name("not") || look().kind != TokenKind::name || look().text != "in") return false;
    take();
    take();
    comparison = Comparison::not_in;
    return true;
  }

  Expr comparison() {
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

  Expr binary(Operator op, Expr left, Expr right) {
    auto made = make<Binary>();
    made->op = op;
    above(*made, left);
    above(*made, right);
    made->left = std::move(left);
    made->right = std::move(right);
    return made;
  }

  Expr sum() {
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

  Expr concat() {
    Expr first = product();
    if (!is_op("~")) return first;
    auto made = make<Concat>();
    made->parts.push_back(std::move(first));
    while (skip_op("~")) made->parts.push_back(product());
    for (const Expr& part : made->parts) above(*made, part);
    return made;
  }

  Expr product() {
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

  Expr power() {
    Expr left = unary();
    while (skip_op("**")) left = binary(Operator::power, std::move(left), unary());
    return left;
  }

  Expr unary(bool with_filter = true) {
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

  Expr constant(Value value) {
    auto made = make<Constant>();
    made->value = std::move(value);
    return made;
  }

  Expr primary() {
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

  Expr postfix(Expr node) {
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

  Expr filtered(Expr node) {
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

  Expr item(Expr of, Expr key) {
    auto made = make<Item>();
    above(*made, of);
    above(*made, key);
    made->of = std::move(of);
    made->key = std::move(key);
    return made;
  }

  Expr subscript(Expr of) {
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

  Arguments arguments() {
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
      } else if (is(TokenKind::name) && look().kind == TokenKind::op && look().text == "=") {
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

  Expr call(Expr callee) {
    auto made = make<Call>();
    made->arguments = arguments();
    above(*made, callee);
    above(*made, made->arguments);
    made->callee = std::move(callee);
    return made;
  }

  std::string dotted_name() {
    std::string name = expect_any_name();
    while (skip_op(".")) name += "." + expect_any_name();
    return name;
  }

  // Filters behind one another. Without a node, those of a block: the first has what the block wrote.
  Expr filters(Expr node, bool first_has_no_bar = false) {
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

  Expr test(Expr value) {
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

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int& line_;
  int level_ = 0;
  int loops_ = 0;  ///< around what is read, within its macro
  int soft_ = 0;   ///< conditions around: what may never be reached may be unknown
  int loop_ = 0;
  std::map<std::string, int> numbers_;
  std::vector<std::string> names_;
  std::map<std::string, bool> special_;
};

}  // namespace

Tree parse_tree(std::string_view source, int& line) {
  line = 1;
  std::vector<Token> tokens = tokenize(source, line);
  return Parser(std::move(tokens), line).run();
}

}  // namespace banyan::jinja
