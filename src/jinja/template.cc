#include "jinja/template.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "jinja/ast.h"
#include "jinja/parser.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

std::unexpected<Error> at_line(int line, const Failure& failure) {
  return fail(failure.is_limit ? Errc::unsupported : Errc::invalid_argument,
              "line " + std::to_string(line) + ": " + failure.message);
}

}  // namespace

Template::Template(std::unique_ptr<const Tree> tree) : tree_(std::move(tree)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source) {
  int line = 1;
  try {
    if (!is_utf8(source)) failed("the template is not UTF-8");
    return Template(std::make_unique<const Tree>(parse_tree(source, line)));
  } catch (const Failure& failure) {
    return at_line(line, failure);
  }
}

Result<std::string> Template::render(const nlohmann::ordered_json& context, const Limits& limits,
                                     std::chrono::system_clock::time_point now) const {
  require(context.is_object(), "the context of a template is an object");
  Runtime runtime(limits, now);
  try {
    for (const std::string& name : tree_->names) {
      const auto variable = context.find(name);
      runtime.globals.push_back(variable != context.end() ? from_json(&runtime.meter, *variable)
                                                          : global_function(name));
    }
    const auto frame = std::make_shared<Frame>(nullptr);
    Writer out(runtime.meter);
    execute(tree_->body, runtime, frame, out);
    return out.take_text();
  } catch (const Failure& failure) {
    return at_line(runtime.line, failure);
  }
}

}  // namespace banyan::jinja
