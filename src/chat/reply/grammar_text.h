/// A grammar in GBNF that is being written, rule by rule.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "sampling/schema/schema_grammar.h"

namespace banyan {

class GrammarText {
 public:
  /// `is_lenient`: a tool's schema that is not strict and of which no grammar can be made is left out.
  explicit GrammarText(bool is_lenient = false) : is_lenient_(is_lenient) {}

  /// Exactly this text, on one line.
  static std::string literal(std::string_view text);
  static std::string optional(const std::string& expression) { return "(" + expression + ")?"; }

  /// The name of a new rule with this body.
  std::string add(const std::string& body);
  /// The name of a rule that is to be defined.
  std::string declare() { return new_name(); }
  void define(const std::string& name, const std::string& body) { rules_ += name + " ::= " + body + "\n"; }
  /// The name of a rule for JSON that fits the schema. Errors as schema_grammar(), and invalid_argument where
  /// all is too large.
  Result<std::string> schema(const Json& schema, bool is_strict);
  /// The same for a tool's arguments: where the schema is left out, for any object.
  Result<std::string> arguments(const Json& schema, bool is_strict);
  /// The same for parts of the schema: where one is left out, for any value.
  Result<std::vector<std::string>> arguments(const Json& schema, const std::vector<SchemaPart>& parts,
                                             bool is_strict);
  /// The name of a rule for any text without the marker.
  std::string text_without(std::string_view marker);
  /// At most a few blanks.
  std::string blanks();

  /// Errors: invalid_argument, where all is too large.
  Result<std::string> print(const std::string& root) const;

 private:
  static constexpr std::size_t kMaxWork = 1 << 24;  // for all schemas: some 400 ms

  std::string new_name() { return "c" + std::to_string(count_++); }
  Result<> check() const;
  Result<std::vector<std::string>> rules_of(const Json& schema, const std::vector<SchemaPart>& parts,
                                            bool is_strict, const Json* instead);
  std::string add_grammar(const std::string& grammar);

  const bool is_lenient_;
  std::string rules_;
  std::size_t count_ = 0;
  std::size_t work_ = 0;
  std::map<std::string, std::string> schemas_;  // the rules' names, by their own grammars
  std::set<std::string, std::less<>> shared_;   // rules of the same name in all grammars of schemas
  std::map<std::string, std::string, std::less<>> texts_;  // by their markers
  std::string blanks_;
};

}  // namespace banyan
