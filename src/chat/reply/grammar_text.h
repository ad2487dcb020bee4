/// A grammar in GBNF that is being written, rule by rule.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "banyan/chat_request.h"

namespace banyan {

class GrammarText {
 public:
  /// Exactly this text, on one line.
  static std::string literal(std::string_view text);
  static std::string optional(const std::string& expression) { return "(" + expression + ")?"; }

  /// The name of a new rule with this body.
  std::string add(const std::string& body);
  /// The name of a rule that is to be defined.
  std::string declare() { return new_name(); }
  void define(const std::string& name, const std::string& body) { rules_ += name + " ::= " + body + "\n"; }
  /// The name of a rule for JSON that fits the schema. Errors as schema_grammar().
  Result<std::string> schema(const Json& schema, bool is_strict);
  /// The name of a rule for any text without the marker.
  std::string text_without(std::string_view marker);
  /// At most a few blanks.
  std::string blanks();

  std::string print(const std::string& root) const { return "root ::= " + root + "\n" + rules_; }

 private:
  std::string new_name() { return "c" + std::to_string(count_++); }

  std::string rules_;
  std::size_t count_ = 0;
  std::map<std::string, std::string> schemas_;             // the rules' names, by their own grammars
  std::map<std::string, std::string, std::less<>> texts_;  // by their markers
  std::string blanks_;
};

}  // namespace banyan
