"""Strategies: any part, any reply."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.domain.parts import (
    Citation,
    Logprob,
    Media,
    Opaque,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage

words = st.text(max_size=12)
numbers = st.none() | st.integers(0, 10**20)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=5,
)
extras = st.dictionaries(
    st.sampled_from(["openai_chat", "anthropic"]),
    st.dictionaries(words, json, max_size=2),
    max_size=2,
)
signatures = st.none() | st.builds(Signature, words, words)
groups = st.none() | st.integers(0, 5)
common = {"group": groups, "extras": extras}
tops = st.builds(Logprob, words, st.floats(-9, 0), st.none() | st.just((72, 105)))
logprobs = st.builds(
    Logprob,
    words,
    st.floats(-9, 0),
    st.none(),
    st.lists(tops, max_size=2).map(tuple),
)
citations = st.builds(
    Citation, st.none() | words, st.none() | words, st.none() | words, extras=extras
)
texts = st.builds(
    Text,
    words,
    st.lists(logprobs, max_size=2).map(tuple),
    st.lists(citations, max_size=2).map(tuple),
    signatures,
    **common,
)
parts = st.one_of(
    texts,
    st.builds(Thinking, words, signatures, **common),
    st.builds(Refusal, words, **common),
    st.builds(ToolCall, words, words, words, st.booleans(), signatures, **common),
    st.builds(ToolResult, words, st.lists(texts, max_size=2).map(tuple), **common),
    st.builds(
        Media,
        st.sampled_from(["image", "audio", "video", "file"]),
        st.none() | words,
        data=words,
        transcript=words,
        signature=signatures,
        **common,
    ),
    st.builds(Opaque, words, json, st.lists(json, max_size=2).map(tuple), **common),
)
finishes = st.builds(
    Finish, st.sampled_from(Stop), st.none() | words, st.none() | words
)
choices = st.builds(Choice, st.lists(parts, max_size=4).map(tuple), finishes, extras)
usages = st.builds(Usage, numbers, numbers, numbers, numbers, numbers)
replies = st.builds(
    Reply,
    st.none() | words,
    st.none() | words,
    numbers,
    st.lists(choices, min_size=1, max_size=3).map(tuple),
    st.none() | usages,
    extras,
)
