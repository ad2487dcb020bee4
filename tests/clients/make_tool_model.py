#!/usr/bin/env python3
"""Writes a model that follows scripts: it calls tools, thinks and answers as its scripts say.

  make_tool_model.py OUT.gguf [--scripts SCRIPTS.json] [--vocabulary ../../models/tally-qwen3-q8_0.gguf]

tool-model.gguf, which the tests use, is made with no more than OUT.gguf. Needs numpy and the gguf
module (Debian: python3-gguf); the same input gives the same file, byte by byte.

Nothing is trained. A script's reply is cut into pieces, and each piece is a token of its own whose
successor is the next piece. The layer adds nothing to what it is given, so that the last token alone
says what comes next: the successor of its piece, and the end of the reply after every other token.
The chat template chooses the script: behind `<|im_start|>assistant` it writes a router token, whose
successor is the script's first piece. It writes the same one again when the reply is part of the
history, so that the cache knows the conversation.

SCRIPTS.json is a list of objects, of which the first one with a true condition is followed:

  when   a condition in Jinja. It may use
           messages, tools   what came before the reply
           said              the text of the last user's message
           system            the texts of all system messages
           names             the names of the tools
           results           how many tool results came after the last user's message
           last              the text of the last message
           enable_thinking
  say    the pieces of the reply. Calls are written as Hermes and Qwen do, thoughts in <think>.
  again  true: after the last piece the first one comes again, without end

Where a grammar does not let the script go on, what closes a JSON value soonest is most probable.
"""
import argparse
import json
import os
import random

import gguf
import numpy as np

WIDTH = 32  # of the embedding, and of everything else
SCALE = 4  # of the output's rows: the right token's logit is WIDTH * SCALE, and others' half as much at most
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4

TEMPLATE = r"""
{%- macro route(messages) -%}
  {%- set names = (tools or []) | map(attribute='function.name') | list -%}
  {%- set now = namespace(said='', system='', results=0, last='') -%}
  {%- for message in messages -%}
    {%- set now.last = message.content or '' -%}
    {%- if message.role == 'user' -%}{%- set now.said = now.last -%}{%- set now.results = 0 -%}{%- endif -%}
    {%- if message.role == 'system' -%}{%- set now.system = now.system + now.last + '\n' -%}{%- endif -%}
    {%- if message.role == 'tool' -%}{%- set now.results = now.results + 1 -%}{%- endif -%}
  {%- endfor -%}
  {%- set said = now.said -%}
  {%- set system = now.system -%}
  {%- set results = now.results -%}
  {%- set last = now.last -%}
  {#ROUTES#}
{%- endmacro -%}
{%- if tools -%}
  {{- '<|im_start|>system\n# Tools\n\n<tools>' -}}
  {%- for tool in tools -%}{{- '\n' + tool | tojson -}}{%- endfor -%}
  {{- '\n</tools>\n\nCall one with <tool_call>\n{"name": its name, "arguments": its arguments}\n' -}}
  {{- '</tool_call><|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
  {%- if message.role == 'assistant' -%}
    {{- '<|im_start|>assistant\n' + route(messages[:loop.index0]) -}}
    {%- if message.reasoning_content -%}
      {{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' -}}
    {%- endif -%}
    {{- message.content or '' -}}
    {%- for call in message.tool_calls or [] -%}
      {%- if not loop.first or message.content -%}{{- '\n' -}}{%- endif -%}
      {{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' -}}
      {{- call.function.arguments | tojson + '}\n</tool_call>' -}}
    {%- endfor -%}
    {{- '<|im_end|>\n' -}}
  {%- elif message.role == 'tool' -%}
    {{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' -}}
  {%- else -%}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' + route(messages) -}}{%- endif -%}
"""


def call(name, *arguments):
    """The pieces of a call; the arguments are pieces of JSON."""
    return [f'<tool_call>\n{{"name": "{name}", "arguments": ', *arguments, "}\n</tool_call>"]


PARIS, ROME = ('{"city": "', 'Paris"}'), ('{"city": "', 'Rome"}')
THOUGHT = ["<think>\n", "The user wants ", "the weather.", "\n</think>\n\n"]
GREETING = ["Hello ", "from the ", "scripted ", "model."]
# Pieces of which a reply can be put together in two ways are read back differently than they were said. So the
# call of two cities is cut where no other reply is.
SCRIPTS = [
    # Tool results, told by what is in them.
    {"when": "results == 2 and '21' in last ~ messages[-2].content and '25' in last ~ messages[-2].content",
     "say": ["Paris has 21 degrees, ", "and Rome 25."]},
    {"when": "results and 'no such city' in last", "say": ["There is ", "no such city."]},
    {"when": "results and '21' in last", "say": ["Paris has ", "21 degrees."]},
    {"when": "results", "say": ["The tool said ", "something else."]},
    # Calls.
    {"when": "'get_weather' in names and 'both cities' in said",
     "say": ["".join(call("get_weather", *PARIS)) + "\n<tool_", "".join(call("get_weather", *ROME))[len("<tool_"):]]},
    {"when": "'get_weather' in names and 'think about the weather' in said and enable_thinking",
     "say": [*THOUGHT, *call("get_weather", *PARIS)]},
    {"when": "'get_weather' in names and 'announce' in said",
     "say": ["Let me ", "look.", "\n", *call("get_weather", *PARIS)]},
    {"when": "'get_weather' in names and 'weather' in said", "say": call("get_weather", *PARIS)},
    # What only looks like a call.
    {"when": "'no call' in said", "say": ["Look: ", "<tool_", "cat> ", "is text."]},
    # Thoughts.
    {"when": "'think' in said and enable_thinking",
     "say": ["<think>\n", "One thought, ", "another thought, ", "a third one.\n</think>\n\n", "Thought ",
             "through."]},
    {"when": "'think' in said", "say": ["Not ", "thought through."]},
    # JSON, whole and with a property that schemas may ask for.
    {"when": "'pet' in said", "say": ['{"name": ', '"Milo', '", "age": ', "3}"]},
    # What came before.
    {"when": "'remember' in said",
     "say": ["Understood."]},
    {"when": "'recall' in said and 'Milo' in messages | map(attribute='content') | join(' ')",
     "say": ["It was ", "Milo."]},
    {"when": "'recall' in said", "say": ["I recall ", "nothing."]},
    {"when": "'forever' in said", "say": ["tick ", "tock ", "again, "], "again": True},
    {"when": "'pirate' in system", "say": ["Arr, ", "matey."]},
    {"when": "true", "say": GREETING},
]


class Tokens:
    """The vocabulary, and each token's successor."""

    def __init__(self, texts, types, end):
        self.texts, self.types, self.end = list(texts), list(types), end
        self.ids = {text: i for i, text in enumerate(texts)}
        self.successors = {}  # of script tokens

    def add(self, text, kind, successor=None):
        self.ids[text] = len(self.texts)
        self.texts.append(text)
        self.types.append(kind)
        if successor is not None:
            self.successors[self.ids[text]] = successor
        return self.ids[text]

    def is_free(self, text, successor):
        # What is very short would be found in every prompt, and followed where it is the last of one.
        if len(text.strip()) < 3:
            return False
        return text not in self.ids or self.successors.get(self.ids[text]) == successor

    def add_reply(self, pieces, again):
        """The reply's first token. A piece that cannot be a token begins earlier, or goes on longer."""
        pieces = list(pieces)
        if again:
            return self.add_circle(pieces)
        successor = self.end
        while pieces:
            text = pieces.pop()
            while not self.is_free(text, successor):
                if pieces:
                    text = pieces[-1][-1] + text
                    pieces[-1] = pieces[-1][:-1]
                    if not pieces[-1]:
                        pieces.pop()
                elif successor != self.end:
                    text += self.texts[successor]
                    successor = self.successors[successor]
                else:
                    raise SystemExit(f"{text!r} cannot be a reply: it is too short, or another token's text")
            successor = self.ids[text] if text in self.ids else self.add(text, USER_DEFINED, successor)
        return successor

    def add_circle(self, pieces):
        if any(text in self.ids or not self.is_free(text, None) for text in pieces):
            raise SystemExit("the pieces of a reply without end must be its own, and not very short")
        ids = [self.add(text, USER_DEFINED) for text in pieces]
        for i, token in enumerate(ids):
            self.successors[token] = ids[(i + 1) % len(ids)]
        return ids[0]


def make_codes(count):
    """Vectors of 1 and -1 that are not much alike."""
    source = random.Random(1)
    codes = np.empty((0, WIDTH), dtype=np.float32)
    while len(codes) < count:
        code = np.array([source.choice((-1, 1)) for _ in range(WIDTH)], dtype=np.float32)
        if np.all(np.abs(codes @ code) <= WIDTH / 2):
            codes = np.vstack([codes, code])
    return codes


def make_ends(tokens):
    """The embedding, which is the code of the token that comes next, and the output."""
    nexts = [tokens.end, *sorted(set(tokens.successors.values()))]
    codes = dict(zip(nexts, make_codes(len(nexts))))
    embedding = np.array([codes[tokens.successors.get(i, tokens.end)] for i in range(len(tokens.texts))])
    output = np.zeros_like(embedding)
    for token, code in codes.items():
        output[token] = SCALE * code
    for text, part in {'"': 0.5, "}": 0.45, "]": 0.4, ",": 0.35, ":": 0.35, "0": 0.3}.items():
        output[tokens.ids[text]] = part * SCALE * codes[tokens.end]
    return embedding, output


def read_vocabulary(path):
    fields = gguf.GGUFReader(path).fields
    return {key: fields["tokenizer.ggml." + key].contents()
            for key in ("pre", "tokens", "token_type", "merges", "eos_token_id", "padding_token_id")}


def write_model(path, vocabulary, tokens, template):
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_name("Scripted tool model")
    writer.add_block_count(1)
    writer.add_context_length(262144)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(WIDTH)
    writer.add_value_length(WIDTH)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary["pre"])
    writer.add_token_list(tokens.texts)
    writer.add_token_types(tokens.types)
    writer.add_token_merges(vocabulary["merges"])
    writer.add_eos_token_id(vocabulary["eos_token_id"])
    writer.add_pad_token_id(vocabulary["padding_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)

    def add_matrix(name, values):
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values.astype(np.float32), kind), raw_dtype=kind)

    embedding, output = make_ends(tokens)
    add_matrix("token_embd.weight", embedding)
    add_matrix("output.weight", output)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        add_matrix(f"blk.0.{name}.weight", np.zeros((WIDTH, WIDTH)))
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "blk.0.attn_q_norm", "blk.0.attn_k_norm", "output_norm"):
        writer.add_tensor(name + ".weight", np.ones(WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--scripts")
    parser.add_argument("--vocabulary", default=os.path.join(here, "../../models/tally-qwen3-q8_0.gguf"))
    options = parser.parse_args()
    scripts = SCRIPTS
    if options.scripts:
        with open(options.scripts, encoding="utf-8") as file:
            scripts = json.load(file)

    vocabulary = read_vocabulary(options.vocabulary)
    tokens = Tokens(vocabulary["tokens"], vocabulary["token_type"], vocabulary["eos_token_id"])
    routes = ""
    for i, script in enumerate(scripts):
        router = f"<|script-{i}|>"
        tokens.add(router, CONTROL, tokens.add_reply(script["say"], script.get("again", False)))
        routes += "{%- " + ("elif " if i else "if ") + script["when"] + " -%}{{- '" + router + "' -}}"
    template = TEMPLATE.strip("\n").replace("{#ROUTES#}", routes + "{%- endif -%}")
    write_model(options.out, vocabulary, tokens, template)


if __name__ == "__main__":
    main()
