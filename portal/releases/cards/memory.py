"""How much memory a revision takes, by the precision of its weights: from its tensors, not from its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.releases.safetensors import BITS

# What most servers keep the attention's keys and values in: 16 bits.
CACHE_BYTES = 2
# Weights of these dtypes are numbers of the model; others are packed, and cannot be counted from outside.
_PLAIN = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_PRECISIONS = (
    ("float32", 32, frozenset({"F32"})),
    ("bfloat16 or float16", 16, frozenset({"BF16", "F16"})),
    ("8 bits (fp8 or int8)", 8, frozenset({"F8_E4M3", "F8_E5M2"})),
    ("4 bits", 4, frozenset[str]()),
)


@dataclass(frozen=True)
class Row:
    """One precision: the bytes of the weights, and with the cache of one conversation of full length.

    `total_bytes` is None where the configuration does not give the cache's size.
    """

    label: str
    weights_bytes: int
    total_bytes: int | None
    is_published: bool = False


@dataclass(frozen=True)
class Estimate:
    """The memory of a revision; `cache_bytes` are those of one conversation of `context_length` tokens."""

    parameter_count: int
    dtypes: tuple[str, ...]
    rows: tuple[Row, ...]
    cache_bytes: int | None
    context_length: int


def estimate(counts: Mapping[str, int], config: Mapping[str, Any], *, context_length: int) -> Estimate | None:
    """The memory for tensors with so many numbers of each dtype; None where no tensor is known.

    As published it is the tensors' own bytes; in another precision it is their number times its
    bits, which leaves out the scales of a quantisation. Packed weights have the first row only.
    """
    count = sum(counts.values())
    if not count:
        return None
    token = cache_bytes_per_token(config)
    cache = None if token is None else token * context_length
    dtypes = tuple(sorted(counts, key=lambda dtype: -counts[dtype]))
    stored = sum(number * BITS[dtype] for dtype, number in counts.items()) // 8
    rows = [_row(f"As published ({', '.join(dtypes)})", stored, cache, is_published=True)]
    if _PLAIN.issuperset(counts):
        rows += [
            _row(label, count * bits // 8, cache)
            for label, bits, same in _PRECISIONS
            if not same.issuperset(counts)
        ]
    return Estimate(count, dtypes, tuple(rows), cache, context_length)


def cache_bytes_per_token(config: Mapping[str, Any]) -> int | None:
    """The bytes of keys and values for one token in 16 bits; None where the configuration does not say.

    Two vectors a layer and key-value head. Models that keep less, by sliding windows or latent
    attention, need less than this.

    >>> cache_bytes_per_token({"num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
    ...                        "hidden_size": 576})
    23040
    """
    layers, heads = config.get("num_hidden_layers"), config.get("num_attention_heads")
    if not layers or not heads:
        return None
    size = config.get("head_dim") or config.get("hidden_size", 0) // heads
    if not size:
        return None
    return 2 * int(layers) * int(config.get("num_key_value_heads", heads)) * int(size) * CACHE_BYTES


def _row(label: str, weights_bytes: int, cache: int | None, *, is_published: bool = False) -> Row:
    return Row(label, weights_bytes, None if cache is None else weights_bytes + cache, is_published)
