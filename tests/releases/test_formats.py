"""What an import finds inside files: GGUF, pickles by name and in disguise, indexes of shards."""

import io
import json
import pickle
import zipfile

import pytest

from portal.releases import actions, importing, pickles
from portal.releases.models import ImportedFile, ImportStatus, Release
from tests import cast


class Bomb:
    """Unpickling it would fail the test."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def torch_archive(member="archive/data.pkl", prefix=b""):
    content = io.BytesIO(prefix)
    content.seek(0, io.SEEK_END)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(member, pickle.dumps(Bomb()))
        archive.writestr("archive/data/0", bytes(1000))
    return content.getvalue()


def imported(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    return work


@pytest.mark.parametrize("name", ["pytorch_model.bin", "a.pt", "b.PTH", "c.pkl", "last.ckpt", "d.joblib"])
def test_a_pickle_by_name_is_refused_before_anything_is_read(release, directory, name):
    (directory / name).write_text("x")

    work = imported(release, directory)

    assert work.error.startswith(f"{name} is a pickle, which can run code on the machine that loads it.")
    assert "let the release take pickle files" in work.error
    assert work.done_bytes == 0


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Bomb(), protocol=2),
        pickle.dumps(Bomb(), protocol=3),
        pickle.dumps(Bomb(), protocol=4),
        pickle.dumps(Bomb(), protocol=5),
        torch_archive(),
        torch_archive("weights/constants.pkl"),
        torch_archive()[:-20],
    ],
)
@pytest.mark.parametrize(
    "name", ["tokenizer.json", "model.onnx", "README", "model.safetensors", "model.gguf"]
)
def test_a_pickle_in_disguise_is_refused(release, directory, name, content):
    (directory / name).write_bytes(content)

    work = imported(release, directory)

    assert work.error.startswith(f"{name} is a pickle in spite of its name, which can run code")


def test_a_pickle_named_safetensors_is_refused_even_where_pickles_are_taken(release, directory):
    Release.objects.update(allows_pickle=True)
    (directory / "model.safetensors").write_bytes(pickle.dumps(Bomb()))

    assert "is a pickle in spite of its name" in imported(release, directory).error


def test_a_release_that_takes_pickles_has_them_flagged(release, directory):
    Release.objects.update(allows_pickle=True)
    (directory / "pytorch_model.bin").write_bytes(torch_archive())
    (directory / "notes.txt").write_bytes(pickle.dumps(Bomb()))

    work = imported(release, directory)

    flags = dict(work.revision.files.values_list("path", "is_pickle"))
    assert flags == {
        "config.json": False, "model.safetensors": False, "notes.txt": True, "onnx/model.onnx": False,
        "pytorch_model.bin": True,
    }  # fmt: skip


def test_pickles_that_were_read_before_are_refused_once_the_release_takes_none(release, directory):
    Release.objects.update(allows_pickle=True)
    (directory / "notes.txt").write_bytes(pickle.dumps(Bomb()))
    (directory / "model.safetensors.index.json").write_text("{}")
    imported(release, directory)
    assert ImportedFile.objects.filter(is_pickle=True).exists()
    Release.objects.update(allows_pickle=False)

    release.refresh_from_db()
    work = imported(release, directory)

    assert work.error.startswith("notes.txt is a pickle in spite of its name")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"\x80\x02",
        b"\x80\x01}q",
        b"\x80\x04\x00\x00",
        b"PK\x05\x06" + bytes(18),
        b"\x80\xff...",
    ],
)
def test_what_only_looks_like_a_pickle_is_none(content):
    assert not pickles.holds_pickle(io.BytesIO(content))


def test_an_archive_of_arrays_is_no_pickle():
    assert not pickles.holds_pickle(io.BytesIO(torch_archive("arr_0.npy")))


def test_an_archive_that_cannot_be_looked_into_counts_as_a_pickle(monkeypatch):
    monkeypatch.setattr(pickles, "DIRECTORY_BYTES_MAX", 50)

    assert pickles.holds_pickle(io.BytesIO(torch_archive("arr_0.npy")))
    assert pickles.holds_pickle(io.BytesIO(b"PK\x03\x04 and no more"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGML" + bytes(40), b"\0" * 40])
def test_a_gguf_file_that_does_not_begin_as_one_is_refused(release, directory, content):
    (directory / "model.gguf").write_bytes(content)

    assert imported(release, directory).error.startswith("model.gguf does not begin as a GGUF file does.")


def test_a_gguf_file_is_taken(release, directory):
    (directory / "model.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(32))

    assert imported(release, directory).status == ImportStatus.DONE


def write_index(directory, said, folder="."):
    text = said if isinstance(said, str) else json.dumps(said)
    (directory / folder / "model.safetensors.index.json").write_text(text)


def test_an_index_whose_shards_are_all_there_is_taken(release, directory):
    for number in (1, 2):
        shard = cast.safetensors(5000, layer=number)
        (directory / "onnx" / f"model-0000{number}-of-00002.safetensors").write_bytes(shard)
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    write_index(directory, {"metadata": {}, "weight_map": {"a": shards[0], "b": shards[1]}}, "onnx")

    assert imported(release, directory).status == ImportStatus.DONE


def test_an_index_that_names_missing_shards_is_refused(release, directory):
    names = [f"model-{number}.safetensors" for number in range(5)]
    write_index(directory, {"weight_map": {name: name for name in names} | {"x": "model.safetensors"}})

    work = imported(release, directory)

    assert work.error == (
        "model.safetensors.index.json names shards that are not there: model-0.safetensors, "
        "model-1.safetensors, model-2.safetensors and 2 more. Add them, or mend the index."
    )


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "onnx/../model.safetensors"])
def test_an_index_that_leads_elsewhere_is_refused(release, directory, shard):
    write_index(directory, {"weight_map": {"a": shard}})

    assert "names shards that are not there" in imported(release, directory).error


@pytest.mark.parametrize(
    "said", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[" * 100_000, "\xff"]
)
def test_an_index_that_is_none_is_refused(release, directory, said):
    write_index(directory, said)

    assert "is not an index of shards: it has no weight_map of names." in imported(release, directory).error
