"""Arguments of requests: those that a route does not have are refused by name, and so are those that make no sense."""

import pytest

from app import create_app

#: Routes that probes ask, which often add something of their own to an address.
FOR_PROBES = {"/is_alive", "/v1/healthz", "/v1/readyz", "/metrics", "/docs/openapi.json"}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/download_recognizer?id=x&formt=keras", "no argument 'formt'; did you mean 'format'?"),
        ("/download_recognizer?id=x&format=h5", "'format' is wrong"),
        ("/download_recognizer", "say which recognizer"),
        ("/report?id=", "say which recognizer"),
        ("/is_available?limit=2", "no argument 'limit'"),
        ("/is_available?id=x&id=y", "'id' is given more than once"),
        ("/is_available?version=0x1", "a version is a number from 1, or 'latest'"),
    ],
)
def test_what_is_wrong_is_said_by_its_name(client, path, sentence):
    answer = client.get(path)
    assert (answer.status_code, answer.json["status"]) == (400, 1)
    assert sentence in answer.json["error"]["message"]


@pytest.mark.parametrize("draw", ["2", "true", ""])
def test_a_switch_is_0_or_1(client, draw):
    answer = client.post(f"/recognize?id=x&draw={draw}")
    assert answer.status_code == 400
    assert "'draw'" in answer.json["error"]["message"]


def test_every_route_refuses_an_argument_that_it_does_not_have(client, people):
    recognizer = client.post("/build_recognizer", data={"images": people.files()}).json["id"]
    routes = [rule for rule in client.application.url_map.iter_rules() if rule.rule not in FOR_PROBES]
    # Other services' clients send what nothing here answers.
    routes = [rule for rule in routes if not rule.endpoint.startswith(("compreface.", "deepstack."))]
    assert len(routes) > 15
    for rule in routes:
        path = rule.rule.replace("<recognizer_id>", recognizer).replace("<path:label>", "Ada")
        if "<" in path:
            continue
        has_id = "/v1" not in path and not rule.endpoint.startswith("pages.")
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(
                f"{path}?id={recognizer}&sesame=open" if has_id else f"{path}?sesame=open", method=method
            )
            if method == "POST":  # its options may stand in a form, so that its body comes first
                assert answer.status_code == 400, (method, path)
            else:
                assert (answer.status_code, "sesame" in answer.text) == (400, True), (method, path, answer.text)


def test_probes_may_add_what_they_like(client):
    for path in ("/is_alive", "/v1/healthz", "/metrics"):
        assert client.get(f"{path}?_=1732456").status_code == 200


def test_the_description_says_what_is_checked(workplace):
    application = create_app(workplace.settings)
    description = application.test_client().get("/docs/openapi.json").json
    names = {
        parameter["name"]
        for parameter in description["paths"]["/download_recognizer"]["get"]["parameters"]
        if parameter["in"] == "query"
    }
    assert names == {"id", "format", "version"}
    application.extensions["service"].close()
