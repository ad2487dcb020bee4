#include "chat/reply_families.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>

#include "jinja/template.h"

namespace banyan::test {
namespace {

// Every message between "<|im_start|>ROLE\n" and "<|im_end|>\n".
std::string chatml(const std::string& assistant, const std::string& opening = "") {
  return "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
         "{% if m.role == 'assistant' %}" +
         assistant +
         "{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n" +
         opening + "' }}{% endif %}";
}

// A thought between these.
std::string thought(const std::string& begin, const std::string& end) {
  return "{% if m.reasoning_content %}{{ '" + begin + "' + m.reasoning_content + '" + end + "' }}{% endif %}";
}

const std::string kThink = thought("<think>\\n", "\\n</think>\\n\\n");
const std::string kContent = "{{ m.content or '' }}";

// For each call `c` its text, with `f` for the function; `first` and `last` around all.
std::string calls(const std::string& each, const std::string& first = "", const std::string& last = "") {
  return "{% if m.tool_calls %}" + first + "{% for c in m.tool_calls %}{% set f = c.function %}" + each +
         "{% endfor %}" + last + "{% endif %}";
}
const std::string kLineFirst = "{{ '\\n' if m.content or not loop.first else '' }}";
const std::string kComma = "{{ ', ' if not loop.last else '' }}";

std::string hermes() {
  return kContent +
         calls(kLineFirst +
               R"({{ '<tool_call>\n{"name": "' + f.name + '", "arguments": ' + f.arguments | tojson +
                          '}\n</tool_call>' }})");
}

std::string xml(const std::string& begin, const std::string& end, const std::string& line,
                const std::string& first = kLineFirst) {
  return calls(first + "{{ '" + begin +
               R"(\n<function=' + f.name + '>\n' }}{% for k, v in f.arguments.items() %}
{{- '<parameter=' + k + '>)" +
               line + R"(' + (v if v is string else v | tojson) + ')" + line + R"(</parameter>\n' }}
{%- endfor %}{{ '</function>\n)" +
               end + "' }}");
}

const char* const kGemmaValue = R"({%- macro value(v) -%}
{%- if v is string -%}{{ '<|"|>' + v + '<|"|>' }}
{%- elif v is boolean -%}{{ 'true' if v else 'false' }}
{%- elif v is mapping -%}{{ '{' }}{% for k, w in v | dictsort %}{{ k + ':' }}{{ value(w) }}{{ ',' if not loop.last else '' }}{% endfor %}{{ '}' }}
{%- elif v is iterable -%}{{ '[' }}{% for w in v %}{{ value(w) }}{{ ',' if not loop.last else '' }}{% endfor %}{{ ']' }}
{%- else -%}{{ v }}
{%- endif -%}
{%- endmacro -%}
)";

const char* const kNestedTags = R"({%- macro tags(v, p) -%}
{%- if v is mapping %}{% for k, w in v.items() %}{{ p + '<' + k + '>' }}{{ tags(w, p) }}{{ p + '</' + k + '>' }}{% endfor %}
{%- elif v is string or v is number or v is boolean %}{{ v if v is string else v | tojson }}
{%- else %}{% for w in v %}{{ p + '<item>' }}{{ tags(w, p) }}{{ p + '</item>' }}{% endfor %}
{%- endif -%}
{%- endmacro -%}
)";

std::string gpt_oss() {
  return R"({% for m in messages %}{% if m.role == 'assistant' %}
{% if m.reasoning_content %}{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.reasoning_content + '<|end|>' }}{% endif %}
{% if m.content %}{{ '<|start|>assistant<|channel|>' + ('commentary' if m.tool_calls else 'final') + '<|message|>' + m.content + '<|end|>' }}{% endif %}
{% for c in m.tool_calls or [] %}{{ '<|start|>assistant to=functions.' + c.function.name + '<|channel|>commentary json<|message|>' + c.function.arguments | tojson + '<|call|>' }}{% endfor %}
{% else %}{{ '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}
{% if add_generation_prompt %}<|start|>assistant{% endif %})";
}

std::string functionary(bool is_3_2) {
  if (!is_3_2) {
    return chatml(kContent +
                  calls("{{ '<function=' + f.name + '>' + f.arguments | tojson + '</function>' }}"));
  }
  return chatml("{% if m.content %}{{ '>>>all\\n' + m.content }}{% endif %}" +
                    calls("{{ '>>>' + f.name + '\\n' + f.arguments | tojson }}"),
                ">>>");
}

std::string kimi_k3() {
  return R"({% for m in messages %}{{ '<|open|>message role="' + m.role + '"<|sep|>' }}
{%- if m.role == 'assistant' %}
{{- '<|open|>think<|sep|>' + (m.reasoning_content or '') + '<|close|>think<|sep|>' }}
{{- '<|open|>response<|sep|>' + (m.content or '') + '<|close|>response<|sep|>' }}
{%- if m.tool_calls %}{{ '<|open|>tools<|sep|>' }}
{%- for c in m.tool_calls %}{{ '<|open|>call tool="' + c.function.name + '" index="' ~ loop.index ~ '"<|sep|>' }}
{%- for k, v in c.function.arguments.items() %}
{{- '<|open|>argument key="' + k + '" type="' + ('string' if v is string else 'object' if v is mapping else 'boolean' if v is boolean else 'number' if v is number else 'array') + '"<|sep|>' + (v if v is string else v | tojson) + '<|close|>argument<|sep|>' }}
{%- endfor %}{{ '<|close|>call<|sep|>' }}{% endfor %}{{ '<|close|>tools<|sep|>' }}{% endif %}
{%- else %}{{ m.content }}{% endif %}{{ '<|close|>message<|sep|><|end_of_msg|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|open|>message role="assistant"<|sep|><|open|>think<|sep|>' }}{% endif %})";
}

std::string command_r7b() {
  return R"({% for m in messages %}{{ '<|START_OF_TURN_TOKEN|>' + ('<|CHATBOT_TOKEN|>' if m.role == 'assistant' else '<|USER_TOKEN|>') }}
{%- if m.tool_calls %}{{ '<|START_THINKING|>' ~ (m.reasoning_content or '') ~ '<|END_THINKING|><|START_ACTION|>[' }}
{%- for c in m.tool_calls %}
{{ '\n    {"tool_call_id": "' ~ loop.index0 ~ '", "tool_name": "' + c.function.name + '", "parameters": ' + c.function.arguments | tojson + '}' + (',' if not loop.last else '') }}
{%- endfor %}{{ '\n]<|END_ACTION|>' }}
{%- elif m.role == 'assistant' %}{{ '<|START_RESPONSE|>' + m.content + '<|END_RESPONSE|>' }}
{%- else %}{{ m.content }}{% endif %}{{ '<|END_OF_TURN_TOKEN|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %})";
}

std::string apriel() {
  return R"({% for m in messages %}{% if m.role == 'assistant' %}{{ '\n<|begin_assistant|>\n' }}
{%- if m.reasoning_content %}{{ 'Here are my reasoning steps:\n' + m.reasoning_content + '\n[BEGIN FINAL RESPONSE]\n' }}{% endif %}
{{- m.content or '' }}
{%- if m.tool_calls %}{{ '\n<tool_calls>[' }}{% for c in m.tool_calls %}{{ '{"name": "' + c.function.name + '", "arguments": ' + c.function.arguments | tojson + ', "id": "' + c.id + '"}' }}{{ ', ' if not loop.last else '' }}{% endfor %}{{ ']</tool_calls>' }}{% endif %}
{{- '\n<|end|>\n' }}{% else %}{{ '<|begin_' + m.role + '|>\n' + m.content }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '\n<|begin_assistant|>\nHere are my reasoning steps:\n' }}{% endif %})";
}

// Mistral's: texts of the user between [INST], no header in front of the assistant's.
std::string mistral(const std::string& assistant) {
  return "{% for m in messages %}{% if m.role == 'assistant' %}" + assistant +
         "{{ '</s>' }}{% else %}{{ '[INST]' + m.content + '[/INST]' }}{% endif %}{% endfor %}";
}

// Each part of a reply is a message.
std::string solar() {
  return R"({% for m in messages %}{% if m.role == 'assistant' %}
{%- if m.reasoning_content %}{{ '<|begin|>assistant<|think|>' + m.reasoning_content + '<|end|>' }}{% endif %}
{%- if m.tool_calls %}{{ '<|begin|>assistant<|tool_calls|>' }}{% for c in m.tool_calls %}
{{- '<|tool_call:begin|>' + c.id + '<|tool_call:name|>' + c.function.name + '<|tool_call:args|>' + c.function.arguments | tojson + '<|tool_call:end|>' }}{% endfor %}{{ '<|calls|>' }}
{%- else %}{{ '<|begin|>assistant<|content|>' + m.content + '<|end|>' }}{% endif %}
{%- else %}{{ '<|begin|>' + m.role + '<|content|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<|begin|>assistant' }}{% endif %})";
}

std::string cohere_text() {
  return R"({% for m in messages %}{{ '<|' + m.role + '|>' }}
{%- if m.reasoning_content %}{{ '<|START_THINKING|>' + m.reasoning_content + '<|END_THINKING|>' }}{% endif %}
{%- if m.tool_calls %}{{ '<|START_ACTION|>[' }}{% for c in m.tool_calls %}
{{- '\n    {"tool_call_id": "' ~ loop.index0 ~ '", "tool_name": "' + c.function.name + '", "parameters": ' + c.function.arguments | tojson + '}' + (',' if not loop.last else '') }}{% endfor %}{{ '\n]<|END_ACTION|>' }}
{%- else %}{{ '<|START_TEXT|>' + m.content + '<|END_TEXT|>' }}{% endif %}{{ '<|END_OF_TURN_TOKEN|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %})";
}

std::vector<ReplyFamily> make_families() {
  std::vector<ReplyFamily> all;
  const std::string end = "<|im_end|>\n";
  const auto add = [&](ReplyFamily family) { all.push_back(std::move(family)); };
  add({.name = "none", .source = chatml(kContent), .reply_end = end});
  add({.name = "hermes", .source = chatml(hermes()), .reply_end = end});
  add({.name = "qwen3", .source = chatml(kThink + hermes()), .reply_end = end, .thinks = true});
  add({.name = "qwq", .source = chatml(kThink + hermes(), "<think>\\n"), .reply_end = end, .thinks = true});
  add({.name = "qwen3-coder",
       .source = chatml(kContent + xml("<tool_call>", "</tool_call>", "\\n")),
       .reply_end = end});
  add({.name = "qwen3.5",
       .source = chatml(kThink + kContent + xml("<tool_call>", "</tool_call>", "\\n"), "<think>\\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "stepfun",
       .source = chatml(kThink + kContent + xml("<tool_call>", "</tool_call>", "\\n", ""), "<think>\\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "seed",
       .source = chatml(thought("<seed:think>", "</seed:think>\\n") + kContent +
                        xml("<seed:tool_call>", "</seed:tool_call>", "")),
       .reply_end = end,
       .thinks = true});
  add({.name = "llama3",
       .source =
           chatml("{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}{{ raise_exception('one') }}"
                  "{% endif %}" +
                  calls(R"({{ '{"name": "' + f.name + '", "parameters": ' + f.arguments | tojson + '}' }})") +
                  "{% else %}{{ m.content }}{% endif %}"),
       .reply_end = end,
       .says_beside_calls = false,
       .calls_several = false});
  add({.name = "functionary3.1", .source = functionary(false), .reply_end = end});
  add({.name = "functionary3.2", .source = functionary(true), .reply_end = end});
  add({.name = "nemo",
       .source = mistral(
           "{% if m.tool_calls %}" +
           calls(
               R"({{ '{"name": "' + f.name + '", "arguments": ' + f.arguments | tojson + ', "id": "' + c.id + '"}' }})" +
                   kComma,
               "{{ '[TOOL_CALLS][' }}", "{{ ']' }}") +
           "{% else %}{{ m.content }}{% endif %}"),
       .reply_end = "</s>",
       .says_beside_calls = false});
  add({.name = "mistral3.2",
       .source = mistral(
           kContent +
           calls("{{ '[TOOL_CALLS]' + f.name + '[CALL_ID]' + c.id + '[ARGS]' + f.arguments | tojson }}")),
       .reply_end = "</s>"});
  add({.name = "devstral",
       .source = mistral(thought("[THINK]", "[/THINK]") + kContent +
                         calls("{{ '[TOOL_CALLS]' + f.name + '[ARGS]' + f.arguments | tojson }}")),
       .reply_end = "</s>",
       .thinks = true});
  add({.name = "gpt-oss", .source = gpt_oss(), .reply_end = "", .thinks = true});
  add({.name = "deepseek-r1",
       .source =
           chatml(thought("<think>\\n", "\\n</think>\\n") + kContent +
                      calls("{{ '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + f.name + '\\n```json\\n' + "
                            "f.arguments | tojson + '\\n```<｜tool▁call▁end｜>' }}{{ '\\n' if not loop.last "
                            "else '' }}",
                            "{{ '<｜tool▁calls▁begin｜>' }}", "{{ '<｜tool▁calls▁end｜>' }}"),
                  "<think>\\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "deepseek-v3.1",
       .source =
           chatml(kContent + calls("{{ '<｜tool▁call▁begin｜>' + f.name + '<｜tool▁sep｜>' + f.arguments + "
                                   "'<｜tool▁call▁end｜>' }}",
                                   "{{ '<｜tool▁calls▁begin｜>' }}", "{{ '<｜tool▁calls▁end｜>' }}")),
       .reply_end = end,
       .takes_argument_texts = true});
  add({.name = "deepseek-v3.2",
       .source = chatml(
           thought("<think>", "</think>") + kContent +
               calls(R"({{ '<｜DSML｜invoke name="' + f.name + '">\n' }}{% for k, v in f.arguments.items() %}
{{- '<｜DSML｜parameter name="' + k + '" string="' + ('true' if v is string else 'false') + '">' + (v if v is string else v | tojson) + '</｜DSML｜parameter>\n' }}
{%- endfor %}{{ '</｜DSML｜invoke>\n' }})",
                     "{{ '\\n\\n<｜DSML｜function_calls>\\n' }}", "{{ '</｜DSML｜function_calls>' }}"),
           "<think>"),
       .reply_end = end,
       .thinks = true});
  add({.name = "kimi-k2",
       .source =
           chatml(thought("<think>", "</think>") + kContent +
                  calls("{{ '<|tool_call_begin|>' + c.id + '<|tool_call_argument_begin|>' + f.arguments | "
                        "tojson + '<|tool_call_end|>' }}",
                        "{{ '<|tool_calls_section_begin|>' }}", "{{ '<|tool_calls_section_end|>' }}")),
       .reply_end = end,
       .thinks = true});
  add({.name = "kimi-k3", .source = kimi_k3(), .reply_end = "<|end_of_msg|>", .thinks = true});
  const std::string glm_call =
      R"({{ '\n<tool_call>' + f.name + '\n' }}{% for k, v in f.arguments.items() %}
{{- '<arg_key>' + k + '</arg_key>\n<arg_value>' + (v if v is string else v | tojson) + '</arg_value>\n' }}
{%- endfor %}{{ '</tool_call>' }})";
  add({.name = "glm4.6",
       .source = chatml("{% if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>\\n' }}"
                        "{% else %}{{ '<think></think>\\n' }}{% endif %}" +
                        kContent + calls(glm_call)),
       .reply_end = end,
       .thinks = true});
  add({.name = "glm4.7",
       .source = chatml(thought("<think>", "</think>") + kContent +
                            calls(R"({{ '<tool_call>' + f.name }}{% for k, v in f.arguments.items() %}
{{- '<arg_key>' + k + '</arg_key><arg_value>' + (v if v is string else v | tojson) + '</arg_value>' }}
{%- endfor %}{{ '</tool_call>' }})"),
                        "<think>"),
       .reply_end = end,
       .thinks = true});
  add({.name = "minimax-m2",
       .source =
           chatml(kThink + kContent +
                      calls(R"({{ '<invoke name="' + f.name + '">\n' }}{% for k, v in f.arguments.items() %}
{{- '<parameter name="' + k + '">' + (v if v is string else v | tojson) + '</parameter>\n' }}
{%- endfor %}{{ '</invoke>\n' }})",
                            "{{ '\\n<minimax:tool_call>\\n' }}", "{{ '</minimax:tool_call>' }}"),
                  "<think>\\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "minimax-m3",
       .source =
           kNestedTags +
           chatml(thought("<mm:think>", "</mm:think>") + kContent +
                  calls(R"({{ p + '<invoke name="' + f.name + '">' }}{% for k, v in f.arguments.items() %}
{{- p + '<' + k + '>' }}{{ tags(v, p) }}{{ p + '</' + k + '>' }}
{%- endfor %}{{ p + '</invoke>' }})",
                        "{% set p = ']<]minimax[>[' %}{{ p + '<tool_call>' }}", "{{ p + '</tool_call>' }}")),
       .reply_end = end,
       .thinks = true});
  add({.name = "gemma4",
       .source =
           kGemmaValue +
           chatml(thought("<|channel>thought\\n", "\\n<channel|>") + kContent +
                  calls("{{ '<|tool_call>call:' + f.name }}{{ value(f.arguments) }}{{ '<tool_call|>' }}")),
       .reply_end = end,
       .thinks = true,
       .sorts_arguments = true});
  add({.name = "lfm2.5",
       .source = chatml(thought("<think>", "</think>") + kContent +
                        calls(R"({{ f.name + '(' }}{% for k, v in f.arguments.items() %}
{{- k + '=' + ("'" + v + "'" if v is string else v | tojson if v is mapping else v | string) + (', ' if not loop.last else '') }}
{%- endfor %}{{ ')' }})" + kComma,
                              "{{ '<|tool_call_start|>[' }}", "{{ ']<|tool_call_end|>' }}")),
       .reply_end = end,
       .thinks = true});
  add({.name = "nemotron-nano",
       .source = chatml(
           kThink + kContent +
               calls(R"({{ '{"name": "' + f.name + '", "arguments": ' + f.arguments | tojson + '}' }})" +
                         kComma,
                     "{{ '<TOOLCALL>[' }}", "{{ ']</TOOLCALL>' }}"),
           "<think>\\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "apriel", .source = apriel(), .reply_end = "\n<|end|>\n", .thinks = true});
  add({.name = "phi4-mini",
       .source = chatml(
           kContent +
           calls(
               R"({{ '<|tool_call|>{"name": "' + f.name + '", "arguments": ' + f.arguments | tojson + '}<|/tool_call|>' }})")),
       .reply_end = end});
  add({.name = "command-r7b",
       .source = command_r7b(),
       .reply_end = "<|END_OF_TURN_TOKEN|>",
       .says_beside_calls = false});
  add({.name = "solar", .source = solar(), .reply_end = "", .thinks = true, .says_beside_calls = false});
  add({.name = "aya",
       .source =
           chatml(kContent +
                  calls(
                      R"({{ '<tool_call>\n<function=' + f.name + '>\n' }}{% for k, v in f.arguments.items() %}
{{- '<parameter=' + k + '>' + (v if v is string else v | tojson) + '\n</parameter>\n' }}
{%- endfor %}{{ '</function>\n</tool_call>' }})")),
       .reply_end = end});
  add({.name = "minicpm5",
       .source =
           chatml(kThink + kContent +
                      calls(kLineFirst +
                            R"({{ '<function name="' + f.name + '">' }}{% for k, v in f.arguments.items() %}
{{- '<param name="' + k + '">' + ('<![CDATA[' + v + ']]>' if v is string and ('<' in v or '\n' in v) else v if v is string else v | tojson) + '</param>' }}
{%- endfor %}{{ '</function>' }})"),
                  "<think>\n"),
       .reply_end = end,
       .thinks = true});
  add({.name = "cohere-text",
       .source = cohere_text(),
       .reply_end = "<|END_OF_TURN_TOKEN|>",
       .thinks = true,
       .says_beside_calls = false});
  return all;
}

Json message_json(const Message& message, bool argument_texts) {
  static constexpr const char* kRoles[] = {"system", "user", "assistant", "tool"};
  std::string content;
  for (const TextPart& part : message.content) content += part.text;
  Json json = {{"role", kRoles[static_cast<int>(message.role)]}, {"content", content}};
  if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
  for (const ToolCall& call : message.calls) {
    Json arguments = argument_texts ? Json(call.arguments) : Json::parse(call.arguments);
    json["tool_calls"].push_back({{"id", call.id},
                                  {"type", "function"},
                                  {"function", {{"name", call.name}, {"arguments", arguments}}}});
  }
  return json;
}

}  // namespace

const std::vector<ReplyFamily>& reply_families() {
  static const std::vector<ReplyFamily> all = make_families();
  return all;
}

const ReplyFamily& reply_family(std::string_view name) {
  return *std::ranges::find(reply_families(), name, &ReplyFamily::name);
}

std::string call_id(const ReplyFamily& family, const std::string& tool, int number) {
  const std::string digit = std::to_string(number);
  return family.name == "kimi-k2" ? "functions." + tool + ":" + digit : "a1B2c3D4" + digit;
}

std::string render(const ReplyFamily& family, const ChatRequest& request) {
  const auto parsed = jinja::Template::parse(family.source);
  if (!parsed) throw std::runtime_error(family.name + ": " + parsed.error().message);
  Json context = {{"messages", Json::array()},
                  {"add_generation_prompt", request.opens_reply},
                  {"enable_thinking", request.reasoning.enabled.value_or(true)}};
  for (const Tool& tool : request.tools) {
    context["tools"].push_back(
        {{"type", "function"},
         {"function",
          {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}}}});
  }
  for (const Message& message : request.messages) {
    context["messages"].push_back(message_json(message, family.takes_argument_texts));
  }
  return parsed->render(context, {}, std::chrono::system_clock::time_point()).value_or("");
}

const ReplyForm& learned_form(const ReplyFamily& family) {
  static std::map<std::string, ReplyForm> learned;
  const auto [at, added] = learned.try_emplace(family.name);
  if (added) {
    at->second =
        learn_reply_form([&](const ChatRequest& request) { return render(family, request); }, family.source);
  }
  return at->second;
}

ChatRequest weather_request() {
  ChatRequest request;
  request.messages.push_back({.role = Role::user, .content = {{.text = "What is the weather?"}}});
  request.tools.push_back(
      {.name = "get_weather", .description = "The weather of a city.", .parameters = Json::parse(R"({
    "type": "object",
    "properties": {
      "city": {"type": "string"},
      "days": {"type": "integer"},
      "hourly": {"type": "boolean"},
      "options": {"type": "object", "properties": {"unit": {"type": "string"}, "at": {"type": "array", "items": {"type": "integer"}}}}
    },
    "required": ["city"]})")});
  request.tools.push_back({.name = "note", .description = "Writes a note.", .parameters = Json::parse(R"({
    "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})")});
  return request;
}

RenderedReply render_reply(const ReplyFamily& family, ChatRequest request, const Message& reply) {
  RenderedReply rendered{.prompt = render(family, request), .reply = {}};
  request.messages.push_back(reply);
  request.opens_reply = false;
  std::string all = render(family, request);
  if (!all.ends_with(family.reply_end) || !all.starts_with(rendered.prompt)) {
    throw std::runtime_error(family.name + " renders\n" + all + "\nbehind\n" + rendered.prompt);
  }
  all.resize(all.size() - family.reply_end.size());
  rendered.reply = all.substr(rendered.prompt.size());
  return rendered;
}

}  // namespace banyan::test
