// Two requests in the form in which codex sends them: the second has what the first one's reply was and what
// its tool gave. Ids of items and of the client are other ones in every request.
#pragma once

#include <string>

#include "server/json_fields.h"

namespace banyan {

// `ids`: what this request's ids begin with.
inline Json codex_turn(const std::string& ids, bool second) {
  Json body = Json::parse(R"({
    "model": "tally", "stream": true,
    "input": [
      {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "You are a coding agent."}]},
      {"type": "message", "role": "developer", "content": [
        {"type": "input_text", "text": "<skills>none</skills>"},
        {"type": "input_text", "text": "<permissions>all</permissions>"}]},
      {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "<environment_context><cwd>/home/ana</cwd></environment_context>"}]},
      {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Run 'echo oak'."}]}],
    "tools": [
      {"type": "function", "name": "exec_command", "description": "Runs a command.", "strict": false,
       "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"],
                      "additionalProperties": false}},
      {"type": "namespace", "name": "agents", "description": "Sub-agents.", "tools": [
        {"type": "function", "name": "spawn", "description": "Starts one.", "strict": false,
         "parameters": {"type": "object", "properties": {}}},
        {"type": "function", "name": "exec_command", "strict": false, "parameters": {"type": "object"}}]},
      {"type": "web_search", "external_web_access": true}],
    "tool_choice": "auto", "parallel_tool_calls": true, "reasoning": {"summary": "auto"}, "store": false,
    "include": ["reasoning.encrypted_content"]})");
  if (second) {
    for (
        const char* item :
        {R"({"type": "reasoning", "summary": [{"type": "summary_text", "text": "I run it."}], "content": null,
              "encrypted_content": null})",
         R"({"type": "function_call", "status": "completed", "name": "exec_command", "call_id": "call_7",
              "arguments": "{\"cmd\":\"echo oak\"}"})",
         R"({"type": "function_call_output", "call_id": "call_7", "output": "Exit code 0\noak\n"})"}) {
      body["input"].push_back(Json::parse(item));
    }
  }
  int count = 0;
  for (Json& item : body["input"]) item["id"] = ids + std::to_string(count++);
  body["prompt_cache_key"] = ids;
  body["client_metadata"] = {{"turn_id", ids}};
  return body;
}

}  // namespace banyan
