"""The whole service on PostgreSQL, which goes away and comes back, and two of them on one."""

import pytest

from test.portraits import first_of_each
from test.service.running import running, wait_for

pytestmark = pytest.mark.thorough


@pytest.fixture
def pictures(gallery) -> list[tuple[str, bytes]]:
    return first_of_each(gallery, people=2, pictures=2)


def test_what_was_accepted_is_built_although_the_database_was_away(tmp_path, postgresql, database_url, pictures):
    settings = {"FACIAL_DATABASE_URL": database_url, "FACIAL_ENCODE_WORKERS": "1"}
    with running(tmp_path / "data", tmp_path / "log", **settings) as service:
        status, accepted = service.post("/build_recognizer", "images", pictures)
        assert status == 202
        postgresql.kill()
        try:
            assert service.get("/is_alive") == (200, {"status": 0})
            assert service.get("/v1/readyz")[0] == 503
            assert service.get(f"/is_available?id={accepted['id']}")[0] == 503
            status, refused = service.post("/build_recognizer", "images", pictures)
            assert (status, refused["error"]["code"]) == (503, "unavailable")
        finally:
            postgresql.start()
        assert service.get(f"/is_available?id={accepted['id']}")[0] == 200, "no broken connection is used again"
        assert service.wait_until_built(accepted["id"])["available"] == 1
        status, listed = service.get("/v1/recognizers")
        assert (status, [found["id"] for found in listed["recognizers"]]) == (200, [accepted["id"]])
        photo = [("photo.jpg", pictures[0][1])]
        status, seen = service.post(f"/recognize?id={accepted['id']}", "image", photo)
        assert (status, seen["images"][0]["faces"][0]["person"]) == (200, pictures[0][0].split("/")[0])


def test_a_node_that_is_killed_is_noticed_and_goes_on_with_what_is_in_its_folder(tmp_path, database_url, pictures):
    settings = {"FACIAL_DATABASE_URL": database_url, "FACIAL_ENCODE_WORKERS": "1"}
    log = tmp_path / "log-of-other"
    with (
        running(tmp_path / "one", tmp_path / "log-of-one", **settings) as one,
        running(tmp_path / "other", log, **settings) as other,
    ):
        accepted, others = (node.post("/build_recognizer", "images", pictures)[1]["id"] for node in (one, other))
        wait_for(lambda: "begins" in (tmp_path / "log-of-one").read_text(), "the work to be begun")
        one.kill()
        assert other.wait_until_built(others)["available"] == 1
        wait_for(lambda: f"{accepted}/1" in log.read_text(), "the other node to notice")
        assert "interrupted" in log.read_text()
        assert other.get(f"/is_available?id={accepted}")[0] == 421
        one.start()
        assert one.wait_until_built(accepted)["available"] == 1
        photo = [("photo.jpg", pictures[0][1])]
        assert one.post(f"/recognize?id={accepted}", "image", photo)[0] == 200
        status, refused = other.post(f"/recognize?id={accepted}", "image", photo)
        assert (status, refused["error"]["code"]) == (421, "elsewhere")
