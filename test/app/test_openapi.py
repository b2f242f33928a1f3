"""The interface's description by itself: valid, and with names that clients can be made of."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_the_description_is_valid(client):
    described = client.get("/docs/openapi.json").json
    assert described["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_operations_and_schemas_have_plain_names(client):
    described = client.get("/docs/openapi.json").json
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) > 25
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)
    assert all(re.fullmatch(r"[A-Za-z]+", name) for name in described["components"]["schemas"])


@pytest.mark.parametrize(
    "path", ["/v1/verify", "/v1/encode", "/recognize", "/v1/recognizers/{recognizer_id}/recognize"]
)
def test_photos_are_described_in_a_form_and_in_json(client, path):
    taken = client.get("/docs/openapi.json").json["paths"][path]["post"]["requestBody"]["content"]
    assert set(taken) == {"multipart/form-data", "application/json"}


def test_a_person_can_read_every_operation(client):
    described = client.get("/docs/openapi.json").json
    page = client.get("/docs")
    assert page.status_code == 200 and "script-src 'self'" in page.headers["Content-Security-Policy"]
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text
            assert f"<code>{path}</code>" in page.text
    assert "target_fpir" in page.text
