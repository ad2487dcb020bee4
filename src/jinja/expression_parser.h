/// Tokens to expressions, and what the parser of statements needs besides.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jinja/ast.h"
#include "jinja/token_reader.h"

namespace banyan::jinja {

class ExpressionParser : protected TokenReader {
 protected:
  using TokenReader::TokenReader;

  /// The number of a name, the same each time.
  int number(const std::string& name);

  /// A level of nesting while it lives.
  class Level {
   public:
    explicit Level(ExpressionParser& parser);
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

  template <class T>
  std::unique_ptr<T> make() {
    auto node = std::make_unique<T>();
    node->line = line();
    return node;
  }

  /// One expression, or several with commas.
  Expr tuple(bool with_condition, Names ends = {}, bool in_parentheses = false);
  Expr expression();
  /// Filters behind one another. Without a node, those of a block: the first has what the block wrote.
  Expr filters(Expr node, bool first_has_no_bar = false);

  std::vector<std::string> names_;       ///< by their numbers
  std::map<std::string, bool> special_;  ///< names used that have a meaning in macros
  int soft_ =
      0;  ///< conditions around; inside, an unknown filter or test is an error only where it is reached

 private:
  bool at_tuple_end(Names ends) const;
  template <class Node>
  Expr with_operands(std::unique_ptr<Node> node, Expr left, Expr right);
  // In the order of precedence.
  Expr disjunction();
  Expr conjunction();
  Expr negation();
  Expr comparison();
  Expr sum();
  Expr concat();
  Expr product();
  Expr power();
  Expr unary(bool with_filter = true);
  Expr primary();

  bool take_comparison(Comparison& comparison);
  Expr logical(bool is_and, Expr left, Expr right);
  Expr binary(Operator op, Expr left, Expr right);
  Expr unary_node(char op, Expr operand);
  Expr constant(Value value);
  Expr postfix(Expr node);
  Expr filtered(Expr node);
  Expr item(Expr of, Expr key);
  Expr subscript(Expr of);
  Arguments arguments();
  Expr call(Expr callee);
  std::string dotted_name();
  Expr test(Expr value);

  std::map<std::string, int> numbers_;
  int level_ = 0;
};

}  // namespace banyan::jinja
