/// A template as a tree. Immutable once parsed, so that any number of threads may render it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jinja/filters.h"
#include "jinja/objects.h"
#include "jinja/operators.h"

namespace banyan::jinja {

struct Expression {
  virtual ~Expression() = default;
  virtual Value evaluate(Runtime& runtime, const std::shared_ptr<Frame>& frame) const = 0;

  int line = 1;
  int height = 1;  ///< of the tree below, with itself
};
using Expr = std::unique_ptr<Expression>;

/// Evaluates, and counts that.
Value evaluate(const Expression& expression, Runtime& runtime, const std::shared_ptr<Frame>& frame);

/// How execution goes on after a statement.
enum class Flow { next, breaks, continues };

struct Statement {
  virtual ~Statement() = default;
  virtual Flow execute(Runtime& runtime, const std::shared_ptr<Frame>& frame, Writer& out) const = 0;

  int line = 1;
};
using Body = std::vector<std::unique_ptr<Statement>>;

Flow execute(const Body& body, Runtime& runtime, const std::shared_ptr<Frame>& frame, Writer& out);

// --- Expressions ---

#define BANYAN_EVALUATES Value evaluate(Runtime& runtime, const std::shared_ptr<Frame>& frame) const override

struct Constant : Expression {
  Value value;
  BANYAN_EVALUATES;
};

struct Name : Expression {
  int name = 0;
  BANYAN_EVALUATES;
};

struct ListLiteral : Expression {
  std::vector<Expr> items;
  Shape shape = Shape::list;
  BANYAN_EVALUATES;
};

struct DictLiteral : Expression {
  std::vector<std::pair<Expr, Expr>> entries;
  BANYAN_EVALUATES;
};

struct Unary : Expression {
  char op = '-';  ///< '-', '+' or '!'
  Expr operand;
  BANYAN_EVALUATES;
};

struct Binary : Expression {
  Operator op = Operator::add;
  Expr left, right;
  BANYAN_EVALUATES;
};

/// `and`, `or`: the operand that decides.
struct Logical : Expression {
  bool is_and = false;
  Expr left, right;
  BANYAN_EVALUATES;
};

struct Concat : Expression {
  std::vector<Expr> parts;
  BANYAN_EVALUATES;
};

/// `a < b < c`.
struct Compare : Expression {
  Expr first;
  std::vector<std::pair<Comparison, Expr>> rest;
  BANYAN_EVALUATES;
};

struct Conditional : Expression {
  Expr condition, then, otherwise;  ///< otherwise may be null
  BANYAN_EVALUATES;
};

struct Attribute : Expression {
  Expr of;
  std::string name;
  BANYAN_EVALUATES;
};

struct Item : Expression {
  Expr of, key;
  BANYAN_EVALUATES;
};

struct Slice : Expression {
  Expr of, start, stop, step;  ///< the last three may be null
  BANYAN_EVALUATES;
};

struct Arguments {
  std::vector<Expr> positional;
  std::vector<std::pair<std::string, Expr>> named;
  Expr all_positional, all_named;  ///< `*args`, `**kwargs`, or null
};

struct Call : Expression {
  Expr callee;
  Arguments arguments;
  BANYAN_EVALUATES;
};

struct FilterCall : Expression {
  Expr value;  ///< null in a filter block: what the block wrote
  std::string name;
  Filter filter = nullptr;  ///< null: an error where it is reached
  Arguments arguments;
  BANYAN_EVALUATES;
};

struct TestCall : Expression {
  Expr value;
  std::string name;
  Test test = nullptr;
  Arguments arguments;
  BANYAN_EVALUATES;
};

// --- Statements ---

#define BANYAN_EXECUTES \
  Flow execute(Runtime& runtime, const std::shared_ptr<Frame>& frame, Writer& out) const override

struct Data : Statement {
  std::string text;
  BANYAN_EXECUTES;
};

struct Output : Statement {
  Expr value;
  BANYAN_EXECUTES;
};

struct If : Statement {
  std::vector<std::pair<Expr, Body>> branches;
  Body otherwise;
  BANYAN_EXECUTES;
};

/// What is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  int name = 0;
  std::string attribute;  ///< empty: the name itself
  std::vector<Target> several;
};

struct For : Statement {
  Target target;
  Expr iterable, condition;  ///< condition may be null
  Body body, otherwise;
  bool recursive = false;
  int loop_name = 0;
  BANYAN_EXECUTES;
};

struct Jump : Statement {
  Flow flow = Flow::breaks;
  BANYAN_EXECUTES;
};

struct Set : Statement {
  Target target;
  Expr value;  ///< null: the body's text
  Body body;
  Expr filters;  ///< FilterCalls of the body's text, or null
  BANYAN_EXECUTES;
};

struct With : Statement {
  std::vector<std::pair<Target, Expr>> variables;
  Body body;
  BANYAN_EXECUTES;
};

/// A macro's parameters and body, or a call block's.
struct MacroCode {
  struct Parameter {
    int number = 0;
    std::string name;
    Expr otherwise;  ///< or null
  };
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  int caller = -1, varargs = -1, kwargs = -1;  ///< the numbers of these names where the body uses them
};

struct MacroStatement : Statement {
  MacroCode code;
  int name = 0;
  BANYAN_EXECUTES;
};

struct CallBlock : Statement {
  Expr call;
  MacroCode code;
  BANYAN_EXECUTES;
};

struct FilterBlock : Statement {
  Expr filters;
  Body body;
  BANYAN_EXECUTES;
};

#undef BANYAN_EVALUATES
#undef BANYAN_EXECUTES

/// The variable that holds what a filter block wrote: its number, and a name that no template can write.
inline constexpr int kFiltered = 1;
inline constexpr const char* kFilteredName = " filtered";

/// A parsed template.
struct Tree {
  Body body;
  std::vector<std::string> names;  ///< by their numbers
};

}  // namespace banyan::jinja
