"""
A language model that says what we want: an exact Markov chain as a GGUF file.

The token embedding is one-hot, attention and feed-forward layers add nothing
(their output weights are zero) and the output matrix is the transition table.
A real inference server thus streams a text, and counts tokens, known beforehand.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from tests.llama.chains import Chain

HEAD = 64  # width of the one attention head, as in most llama models
LOGIT = 30.0  # of the right next token; all others have 0, so sampling is greedy

UNKNOWN, BEGIN, END, TURN, TURN_END, THINK, THOUGHT = range(7)
FIRST_BYTE = 7
FIRST_PIECE = FIRST_BYTE + 256

# ChatML with the tags of Hermes and Qwen: the server derives its parsers of
# tool calls and of reasoning from how the template writes them.
TEMPLATE = """
{%- if tools -%}
<|im_start|>system
# Tools
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
For each function call, return a json object within <tool_call></tool_call> tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.reasoning_content -%}
<think>
{{ message.reasoning_content }}
</think>

{% endif -%}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}{% set called = call.function %}
<tool_call>
{"name": "{{ called.name }}", "arguments": {{ called.arguments | tojson }}}
</tool_call>
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""


def prompt_tokens(content: str) -> int:
    """Return what one user's message, without spaces or tools, counts in `TEMPLATE`."""
    letters = f"user\n{content}" + "\n" + "assistant\n"
    return len("B[][") + len(letters.encode())  # begin, turn, turn's end, turn


def write_model(path: Path, chain: Chain) -> Path:
    """Write the model that says *chain* to *path* and return the path."""
    vocabulary = _vocabulary(chain)
    # Embeddings are one-hot, so the model is as wide as its vocabulary; the
    # coarsest quantisation needs rows of 256.
    width = -(-len(vocabulary) // 256) * 256
    vocabulary += [
        (f"<unused{n}>", gguf.TokenType.UNUSED) for n in range(width - len(vocabulary))
    ]

    writer = gguf.GGUFWriter(path, "llama")
    _add_shape(writer, width, chain.drag)
    _add_tokenizer(writer, vocabulary)
    _add_weights(writer, _transitions(chain, width), chain.drag)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary(chain: Chain) -> list[tuple[str, gguf.TokenType]]:
    kinds = gguf.TokenType
    control = ("<s>", "</s>", "<|im_start|>", "<|im_end|>")
    spoken = chain.thought + chain.pieces
    return [
        ("<unk>", kinds.UNKNOWN),
        *((text, kinds.CONTROL) for text in control),
        *((text, kinds.USER_DEFINED) for text in ("<think>", "</think>")),
        # No letters: what a prompt says falls back to bytes.
        *((f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)),
        *((text.replace(" ", "\u2581"), kinds.NORMAL) for text in spoken),
    ]


def _transitions(chain: Chain, width: int) -> np.ndarray:
    """Return the next token for every token."""
    spoken = range(FIRST_PIECE, FIRST_PIECE + len(chain.thought) + len(chain.pieces))
    thought, text = spoken[: len(chain.thought)], spoken[len(chain.thought) :]
    road = [THINK, *thought, THOUGHT, *text] if thought else list(text)
    following = np.full(width, road[0])  # whatever a prompt ends with starts the chain
    for here, there in pairwise(road):
        following[here] = there
    following[road[-1]] = road[0] if chain.loops else END
    return following


def _add_shape(writer: gguf.GGUFWriter, width: int, drag: int) -> None:
    writer.add_name("markov")
    writer.add_context_length(32768)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(drag or 256)
    writer.add_head_count(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(width)


def _add_tokenizer(
    writer: gguf.GGUFWriter, vocabulary: list[tuple[str, gguf.TokenType]]
) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text for text, _ in vocabulary])
    writer.add_token_scores([-float(n) for n in range(len(vocabulary))])
    writer.add_token_types([int(kind) for _, kind in vocabulary])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE.strip("\n"))


def _add_weights(writer: gguf.GGUFWriter, following: np.ndarray, drag: int) -> None:
    width = len(following)
    output = np.zeros((width, width), np.float32)
    # The norm of a one-hot row makes its one element the root of the width.
    output[following, np.arange(width)] = LOGIT / np.sqrt(width)
    ones = np.ones(width, np.float32)

    writer.add_tensor("token_embd.weight", np.eye(width, dtype=np.float32))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("blk.0.attn_norm.weight", ones)
    for name in ("q", "k", "v"):
        writer.add_tensor(f"blk.0.attn_{name}.weight", np.zeros((HEAD, width), "f4"))
    writer.add_tensor("blk.0.attn_output.weight", np.zeros((width, HEAD), "f4"))
    writer.add_tensor("blk.0.ffn_norm.weight", ones)
    hidden = drag or 256
    for name, shape in {
        "gate": (hidden, width),
        "up": (hidden, width),
        "down": (width, hidden),
    }.items():
        _add_zeros(writer, f"blk.0.ffn_{name}.weight", shape)


def _add_zeros(writer: gguf.GGUFWriter, name: str, shape: tuple[int, int]) -> None:
    """Add zeros in the type that needs the most work per byte of file."""
    kind = gguf.GGMLQuantizationType.IQ1_S
    packed = gguf.quant_shape_to_byte_shape(shape, kind)
    writer.add_tensor(name, np.zeros(packed, np.uint8), raw_dtype=kind)
