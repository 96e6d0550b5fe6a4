"""Measuring revisions by their own files, and what follows for memory."""

import json

import pytest

from portal.releases import actions, importing
from portal.releases.cards import memory
from portal.releases.cards.facts import facts_of
from portal.releases.cards.measuring import measure
from portal.releases.cards.tasks import measure_revision, measure_unmeasured
from portal.releases.models import Measurement

# Those of SmolLM2-135M, as its config.json and its tensors have them.
SMOL = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "hidden_size": 576,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
}


def tensors(**shapes):
    """A safetensors file with tensors of these dtypes and shapes, by name."""
    bits = {"BF16": 16, "F32": 32, "I32": 32}
    header, position = {}, 0
    for name, (dtype, *shape) in shapes.items():
        count = 1
        for length in shape:
            count *= length
        end = position + count * bits[dtype] // 8
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, end]}
        position = end
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(position)


def frozen(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    assert work.error == ""
    return release.current_revision()


def test_the_parameters_of_all_shards_are_counted_by_dtype(release, directory):
    (directory / "model.safetensors").write_bytes(tensors(a=("BF16", 10, 4), b=("F32", 3)))
    (directory / "more.safetensors").write_bytes(tensors(c=("BF16", 2)))
    (directory / "config.json").write_text(json.dumps(SMOL | {"num_hidden_layers": 30, "x": "y" * 200}))

    measured = measure(frozen(release, directory))

    assert measured.parameter_counts == {"BF16": 42, "F32": 3}
    assert measured.config == SMOL


@pytest.mark.parametrize(
    "config",
    ["[]", "{", '{"num_hidden_layers": -1, "hidden_size": true, "model_type": 3}'],
)
def test_an_odd_configuration_says_nothing(release, directory, config):
    (directory / "config.json").write_text(config)

    assert measure(frozen(release, directory)).config == {}


def test_a_model_of_several_parts_is_measured_by_its_text_part(release, directory):
    (directory / "config.json").write_text(json.dumps({"model_type": "both", "text_config": SMOL}))

    config = measure(frozen(release, directory)).config

    assert (config["num_hidden_layers"], config["model_type"]) == (30, "both")


def test_a_new_revision_is_measured_after_its_freeze(release, directory, post_office):
    with post_office():
        revision = frozen(release, directory)

    assert Measurement.objects.get().revision == revision


def test_the_sweep_measures_what_was_frozen_before_and_nothing_twice(release, directory, post_office):
    revision = frozen(release, directory)

    with post_office():
        measure_unmeasured()
        measure_unmeasured()

    assert Measurement.objects.get().revision == revision


def test_a_store_that_is_away_leaves_the_revision_for_later(release, directory):
    revision = frozen(release, directory)
    stored = revision.files.get(path="model.safetensors").stored_at
    stored.rename(stored.with_suffix(".away"))

    measure_revision(revision_id=revision.pk)
    assert not Measurement.objects.exists()
    stored.with_suffix(".away").rename(stored)
    measure_revision(revision_id=revision.pk)

    assert Measurement.objects.get().parameter_counts == {"U8": 1024 * 1024 - 256}


def test_memory_by_precision_is_that_of_the_tensors():
    found = memory.estimate({"BF16": 134_515_008}, SMOL, context_length=2048)

    assert found.cache_bytes == 2 * 30 * 3 * 64 * 2 * 2048
    assert [(row.label, row.weights_bytes, row.is_published) for row in found.rows] == [
        ("As published (BF16)", 269_030_016, True),
        ("float32", 538_060_032, False),
        ("8 bits (fp8 or int8)", 134_515_008, False),
        ("4 bits", 67_257_504, False),
    ]
    assert found.rows[0].total_bytes == 269_030_016 + found.cache_bytes


def test_packed_weights_are_not_taken_for_parameters_in_another_precision():
    found = memory.estimate({"I32": 100, "F16": 10}, {}, context_length=2048)

    assert [(row.label, row.weights_bytes, row.total_bytes) for row in found.rows] == [
        ("As published (I32, F16)", 420, None)
    ]


def test_without_tensors_there_is_no_estimate():
    assert memory.estimate({}, SMOL, context_length=2048) is None


def test_facts_cost_four_queries(release, directory, django_assert_num_queries):
    revision = frozen(release, directory)
    measure(revision)

    with django_assert_num_queries(4):
        facts = facts_of(release, revision)

    assert facts.is_measured
    assert facts.has_weights
    assert facts.parameter_count == 1024 * 1024 - 256
