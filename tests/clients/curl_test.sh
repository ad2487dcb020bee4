#!/usr/bin/env bash
# The server as curl sees it. The environment variable BANYAN names the program.
set -euo pipefail

output=$(mktemp)
"${BANYAN:?the path of the program}" serve --port 0 >"$output" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$output"' EXIT
until url=$(sed -n 's/^banyan: listening on //p' "$output") && [[ $url ]]; do
  kill -0 "$server" || { echo "banyan serve ended before it listened"; exit 1; }
  sleep 0.05
done

failures=0
# NAME PATTERN CURL-ARGUMENTS: the answer, whose last line is the status, must match the pattern.
expect() {
  local name=$1 pattern=$2 answer
  shift 2
  answer=$(curl -sS --max-time 60 -w '\n%{http_code}' "$@") || true
  [[ $answer =~ $pattern ]] && return
  printf 'FAILED: %s\n  wanted: %s\n  got:    %s\n' "$name" "$pattern" "$answer"
  failures=$((failures + 1))
}

hi='"messages": [{"role": "user", "content": "What is 3 plus 4?"}], "temperature": 0'

expect 'health' '\{"status":"ok"\}.200$' "$url/health"
expect 'a chat' '"content":"3 plus 4 is 7\.".*200$' "$url/v1/chat/completions" -d "{$hi}"
expect 'a streamed chat' '^data: .*"role":"assistant".*"finish_reason":"stop".*data: \[DONE\]' \
  -N "$url/v1/chat/completions" -d "{$hi, \"stream\": true}"
expect 'a completion' '"object":"text_completion".*200$' "$url/v1/completions" -d '{"prompt": "My cat", "max_tokens": 3}'
expect 'models' '"id":"tally-qwen3-q8_0".*200$' "$url/v1/models"
expect 'llama-server'"'"'s completion' '"tokens":\[[0-9]+,[0-9]+\].*"cache_n":.*200$' \
  "$url/completion" -d '{"prompt": [500, 501, 502], "n_predict": 2, "ignore_eos": true, "return_tokens": true}'
expect 'tokens' '\{"tokens":\[706\]\}.200$' "$url/tokenize" -d '{"content": "Hello"}'
expect 'text' '\{"content":"Hello"\}.200$' "$url/detokenize" -d '{"tokens": [706]}'
expect 'a template' 'assistant\\n"\}.200$' "$url/apply-template" -d '{"messages": [{"role": "user", "content": "hi"}]}'
expect 'props' '"total_slots":64.*200$' "$url/props"
expect 'the cache' '"counters".*200$' "$url/cache"
expect 'a long body without a header' '200$' "$url/tokenize" -d "{\"content\": \"$(printf '%09000d' 0)\"}"
expect 'no JSON' '"type":"invalid_request_error".*400$' "$url/completion" -d '{nonsense'
expect 'a wrong field' '"param":"top_p".*400$' "$url/completion" -d '{"prompt": "x", "top_p": 2}'
expect 'no such path' '"type":"not_found_error".*404$' "$url/nope"
expect 'a wrong method' '405$' "$url/completion"
expect 'another host' '"type":"permission_error".*403$' "$url/health" -H 'Host: example.com'

kill -TERM "$server"
wait "$server" || { echo "FAILED: the server ended with $?"; failures=$((failures + 1)); }
exit "$((failures > 0))"
