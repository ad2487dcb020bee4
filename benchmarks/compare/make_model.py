#!/usr/bin/env python3
"""Writes a GGUF of random weights, for measurements of speed only.

    make_model.py OUT.gguf [--shape full|hybrid|window] [--layers N] [--type Q4_0]

Each shape has half a billion parameters, a hidden size of 1024 and a vocabulary of 32,768:

    full    Qwen3's at 0.6B: every layer attends to all tokens
    hybrid  Qwen3.5's: every fourth layer attends to all tokens, the others are gated delta nets
    window  Gemma 3's: every sixth layer attends to all tokens, the others to the last 512

Needs numpy, the gguf module and llama-quantize (python3-gguf and llama.cpp-tools in Debian).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

HIDDEN = 1024
VOCABULARY = 32768
BYTES_AND_MERGED, CONTROLS = 258, 2


def byte_alphabet() -> list[str]:
    """How GPT-2's tokenizer writes each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    tokens = [*byte_alphabet(), "he", "th"]
    tokens += [f"<t{i}>" for i in range(BYTES_AND_MERGED, VOCABULARY - CONTROLS)] + ["<|im_start|>", "<|im_end|>"]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([normal] * (VOCABULARY - CONTROLS) + [control] * CONTROLS)
    writer.add_token_merges(["h e", "t h"])
    writer.add_eos_token_id(VOCABULARY - 1)
    writer.add_add_bos_token(False)


class ModelWriter:
    """A GGUF that is being written: what all shapes have in common."""

    def __init__(self, path: Path, architecture: str, *, layers: int, feed_forward: int, heads: int, kv_heads: int,
                 head_size: int) -> None:
        self.layers, self.feed_forward = layers, feed_forward
        self.heads, self.kv_heads, self.head_size = heads, kv_heads, head_size
        self.gguf = gguf.GGUFWriter(path, architecture)
        self.gguf.add_name(f"random-{architecture}")
        self.gguf.add_block_count(layers)
        self.gguf.add_context_length(40960)
        self.gguf.add_embedding_length(HIDDEN)
        self.gguf.add_feed_forward_length(feed_forward)
        self.gguf.add_head_count(heads)
        self.gguf.add_head_count_kv(kv_heads)
        self.gguf.add_key_length(head_size)
        self.gguf.add_value_length(head_size)
        self.gguf.add_rope_freq_base(1e6)
        self.gguf.add_layer_norm_rms_eps(1e-6)
        self.gguf.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        add_vocabulary(self.gguf)
        self._random = np.random.default_rng(0)

    def gaussian(self, rows: int, columns: int, scale: float) -> np.ndarray:
        return self._random.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale)

    def matrix(self, name: str, rows: int, columns: int, scale: float = 0.03) -> None:
        self.gguf.add_tensor(name + ".weight", self.gaussian(rows, columns, scale).astype(np.float16))

    def fill(self, name: str, size: int, value: float) -> None:
        self.gguf.add_tensor(name, np.full(size, value, dtype=np.float32))

    def norm(self, name: str, size: int = HIDDEN) -> None:
        self.fill(name + ".weight", size, 1)

    def ends(self) -> None:
        """Replies have no bytes and controls, whose logits are 0: every token is a text, streamed at once."""
        embeddings = self.gaussian(VOCABULARY, HIDDEN, 0.02)
        embeddings[:BYTES_AND_MERGED] = embeddings[-CONTROLS:] = 0
        self.gguf.add_tensor("token_embd.weight", embeddings.astype(np.float16))
        self.norm("output_norm")

    def attention(self, layer: str, query_parts: int = 1) -> None:
        """With two query parts, each head's query is followed by its gate."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        self.norm(layer + "attn_q_norm", self.head_size)
        self.norm(layer + "attn_k_norm", self.head_size)
        self.matrix(layer + "attn_q", query_parts * queries, HIDDEN)
        self.matrix(layer + "attn_k", keys, HIDDEN)
        self.matrix(layer + "attn_v", keys, HIDDEN)
        self.matrix(layer + "attn_output", HIDDEN, queries, 0.02)

    def gated_feed_forward(self, layer: str) -> None:
        self.matrix(layer + "ffn_gate", self.feed_forward, HIDDEN)
        self.matrix(layer + "ffn_up", self.feed_forward, HIDDEN)
        self.matrix(layer + "ffn_down", HIDDEN, self.feed_forward, 0.02)

    def finish(self) -> None:
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()


def write_full(path: Path, layers: int) -> None:
    writer = ModelWriter(path, "qwen3", layers=layers, feed_forward=3072, heads=16, kv_heads=8, head_size=128)
    writer.ends()
    for layer in (f"blk.{i}." for i in range(layers)):
        writer.norm(layer + "attn_norm")
        writer.attention(layer)
        writer.norm(layer + "ffn_norm")
        writer.gated_feed_forward(layer)
    writer.finish()


def write_hybrid(path: Path, layers: int) -> None:
    period, taps, state, key_heads, value_heads = 4, 4, 128, 16, 16
    values = value_heads * state
    channels = 2 * key_heads * state + values
    writer = ModelWriter(path, "qwen35", layers=layers, feed_forward=3072, heads=8, kv_heads=2, head_size=256)
    writer.gguf.add_rope_dimension_count(64)
    writer.gguf.add_rope_dimension_sections([11, 11, 10, 0])
    writer.gguf.add_ssm_conv_kernel(taps)
    writer.gguf.add_ssm_state_size(state)
    writer.gguf.add_ssm_group_count(key_heads)
    writer.gguf.add_ssm_time_step_rank(value_heads)
    writer.gguf.add_ssm_inner_size(values)
    writer.gguf.add_uint32("qwen35.full_attention_interval", period)
    writer.ends()
    for i in range(layers):
        layer = f"blk.{i}."
        writer.norm(layer + "attn_norm")
        if (i + 1) % period == 0:
            writer.attention(layer, query_parts=2)
        else:
            writer.matrix(layer + "attn_qkv", channels, HIDDEN)
            writer.matrix(layer + "attn_gate", values, HIDDEN)
            writer.matrix(layer + "ssm_alpha", value_heads, HIDDEN)
            writer.matrix(layer + "ssm_beta", value_heads, HIDDEN)
            writer.gguf.add_tensor(layer + "ssm_conv1d.weight", writer.gaussian(channels, taps, 0.3))
            writer.fill(layer + "ssm_a", value_heads, -1)
            writer.fill(layer + "ssm_dt.bias", value_heads, 0.5)
            writer.norm(layer + "ssm_norm", state)
            writer.matrix(layer + "ssm_out", HIDDEN, values, 0.02)
        writer.norm(layer + "post_attention_norm")
        writer.gated_feed_forward(layer)
    writer.finish()


def write_window(path: Path, layers: int) -> None:
    writer = ModelWriter(path, "gemma3", layers=layers, feed_forward=4096, heads=8, kv_heads=4, head_size=128)
    writer.gguf.add_sliding_window(512)
    writer.gguf.add_float32("gemma3.rope.freq_base_swa", 10000)
    writer.ends()
    for layer in (f"blk.{i}." for i in range(layers)):
        writer.norm(layer + "attn_norm")
        writer.attention(layer)
        writer.norm(layer + "post_attention_norm")
        writer.norm(layer + "ffn_norm")
        writer.gated_feed_forward(layer)
        writer.norm(layer + "post_ffw_norm")
    writer.finish()


# How a shape is written, and the layers that make half a billion parameters.
SHAPES = {"full": (write_full, 28), "hybrid": (write_hybrid, 24), "window": (write_window, 30)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="full")
    parser.add_argument("--layers", type=int, help="(28, 24 or 30, by shape)")
    parser.add_argument("--type", default="Q4_0", help="what llama-quantize makes of it (default Q4_0)")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.parent) as folder:
        full, quantized = Path(folder, "f16.gguf"), Path(folder, "quantized.gguf")
        write, layers = SHAPES[args.shape]
        write(full, args.layers or layers)
        made = subprocess.run(["llama-quantize", full, quantized, args.type], capture_output=True, text=True)
        if made.returncode != 0:
            print(made.stdout + made.stderr, file=sys.stderr)
            print("make_model: llama-quantize failed", file=sys.stderr)
            return 1
        quantized.rename(args.out)  # whole or not at all
    return 0


if __name__ == "__main__":
    sys.exit(main())
