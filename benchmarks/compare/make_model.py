#!/usr/bin/env python3
"""Writes a GGUF of random weights in the shape of Qwen3 0.6B, for measurements of speed only.

    make_model.py OUT.gguf [--layers N] [--type Q4_0]

At 28 layers it has 0.47 billion parameters: hidden size 1024, 16 query and 8 key/value heads of 128, a
vocabulary of 32,768. Needs numpy, the gguf module and llama-quantize (python3-gguf and llama.cpp-tools in Debian).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

HIDDEN, FEED_FORWARD = 1024, 3072
HEADS, KV_HEADS, HEAD_SIZE = 16, 8, 128
VOCABULARY = 32768


def byte_alphabet() -> list[str]:
    """How GPT-2's tokenizer writes each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    tokens = [*byte_alphabet(), "he", "th"]
    tokens += [f"<t{i}>" for i in range(len(tokens), VOCABULARY - 2)] + ["<|im_start|>", "<|im_end|>"]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([normal] * (VOCABULARY - 2) + [control] * 2)
    writer.add_token_merges(["h e", "t h"])
    writer.add_eos_token_id(VOCABULARY - 1)
    writer.add_add_bos_token(False)


def write_model(path: Path, layers: int) -> None:
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_name("random-qwen3")
    writer.add_block_count(layers)
    writer.add_context_length(40960)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_SIZE)
    writer.add_value_length(HEAD_SIZE)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_vocabulary(writer)

    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int, scale: float = 0.03) -> None:
        values = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale)
        writer.add_tensor(name, values.astype(np.float16))

    def ones(name: str, size: int) -> None:
        writer.add_tensor(name, np.ones(size, dtype=np.float32))

    matrix("token_embd.weight", VOCABULARY, HIDDEN, 0.02)
    ones("output_norm.weight", HIDDEN)
    for layer in (f"blk.{i}." for i in range(layers)):
        ones(layer + "attn_norm.weight", HIDDEN)
        ones(layer + "ffn_norm.weight", HIDDEN)
        ones(layer + "attn_q_norm.weight", HEAD_SIZE)
        ones(layer + "attn_k_norm.weight", HEAD_SIZE)
        matrix(layer + "attn_q.weight", HEADS * HEAD_SIZE, HIDDEN)
        matrix(layer + "attn_k.weight", KV_HEADS * HEAD_SIZE, HIDDEN)
        matrix(layer + "attn_v.weight", KV_HEADS * HEAD_SIZE, HIDDEN)
        matrix(layer + "attn_output.weight", HIDDEN, HEADS * HEAD_SIZE, 0.02)
        matrix(layer + "ffn_gate.weight", FEED_FORWARD, HIDDEN)
        matrix(layer + "ffn_up.weight", FEED_FORWARD, HIDDEN)
        matrix(layer + "ffn_down.weight", HIDDEN, FEED_FORWARD, 0.02)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--type", default="Q4_0", help="what llama-quantize makes of it (default Q4_0)")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.parent) as folder:
        full, quantized = Path(folder, "f16.gguf"), Path(folder, "quantized.gguf")
        write_model(full, args.layers)
        made = subprocess.run(["llama-quantize", full, quantized, args.type], capture_output=True, text=True)
        if made.returncode != 0:
            print(made.stdout + made.stderr, file=sys.stderr)
            print("make_model: llama-quantize failed", file=sys.stderr)
            return 1
        quantized.rename(args.out)  # whole or not at all
    return 0


if __name__ == "__main__":
    sys.exit(main())
