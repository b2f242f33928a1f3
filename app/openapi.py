"""The description of the interface, made from the views and their schemas; served at /docs/openapi.json."""

from spectree import SpecTree

spec = SpecTree(
    "flask",
    title="api-facial-recognition",
    description="Send pictures of people, get their face recognizer back.",
    version="1",
    path="docs",
    mode="strict",
    # Pages that show the description load scripts from other hosts; the description itself suffices.
    page_templates={},
)
