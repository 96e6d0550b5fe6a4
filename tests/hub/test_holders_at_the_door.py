"""From requests at the door to who holds a revision: what the door records is what the reports read."""

import pytest

from portal.hub import counting, holders
from tests.hub.conftest import HUB, WEIGHTS, body

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
REST = ("config.json", "empty.txt", "onnx/models%20of%20%C3%A9t%C3%A9.onnx")


@pytest.mark.parametrize("is_counted", [False, True])
def test_ada_who_resumes_and_skips_about_holds_the_whole_at_last(client, ada, bearer, revision, is_counted):
    size = len(WEIGHTS)
    for path in REST:
        body(client.get(f"{HUB}/{path}", headers=bearer))
    for value in ("bytes=0-99", "bytes=90-499,600-699", f"bytes=-{size - 700}"):
        body(client.get(f"{HUB}/model.safetensors", headers=bearer | {"Range": value}))
    (before,) = holders.page_of(revision)
    if is_counted:
        counting.count_ended()

    body(client.get(f"{HUB}/model.safetensors", headers=bearer | {"Range": "bytes=500-599"}))

    (after,) = holders.page_of(revision)
    assert (before.kept, before.held_files, before.total_bytes - before.held_bytes) == ("part", 3, 100)
    assert (after.user, after.kept, after.held_bytes) == (ada, "whole", revision.total_bytes)
    assert after.last.acceptance.user == ada
