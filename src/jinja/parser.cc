#include "jinja/parser.h"

#include <algorithm>
#include <utility>

#include "jinja/expression_parser.h"
#include "jinja/lexer.h"

namespace banyan::jinja {
namespace {

constexpr std::size_t kMaxParameters = 255;  // they are compared with one another

class Parser : ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Tree run() {
    Tree tree;
    loop_ = number("loop");
    number(kFilteredName);
    tree.body = body({});
    if (!is(TokenKind::end)) failed("unexpected end of a block");
    tree.names = std::move(names_);
    return tree;
  }

 private:
  // The statements up to a block that begins with one of the names, which is then the current token.
  Body body(Names ends) {
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
        const int begin = line();
        if (is_one_of(ends, next())) {
          take();
          return all;
        }
        expect(TokenKind::block_begin);
        auto made = statement();
        made->line = begin;
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
      if (code.parameters.size() > kMaxParameters) past_limit(std::to_string(kMaxParameters) + " parameters");
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

  Target assign_target(Names ends, bool with_attribute, bool with_tuple = true) {
    Target target = one_target(with_attribute);
    if (!with_tuple || !is_op(",")) return target;
    Target tuple;
    tuple.several.push_back(std::move(target));
    while (skip_op(",")) {
      if (is_op("=") || is_op(")") || is(TokenKind::block_end) || is_one_of(ends)) break;
      tuple.several.push_back(one_target(with_attribute));
    }
    return tuple;
  }

  int loops_ = 0;  ///< around what is read, within its macro
  int loop_ = 0;   ///< the number of the name "loop"
};

}  // namespace

Tree parse_tree(std::string_view source, int& line) {
  line = 1;
  std::vector<Token> tokens = tokenize(source, line);
  return Parser(std::move(tokens), line).run();
}

}  // namespace banyan::jinja
