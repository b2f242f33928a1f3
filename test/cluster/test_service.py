"""The whole service on PostgreSQL, which goes away and comes back."""

import pytest

from test.portraits import first_of_each
from test.service.running import running

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
