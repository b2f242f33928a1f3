"""The description of the interface, made from the views and their schemas; served at /docs/openapi.json."""

from functools import partial

from spectree import SpecTree

from app.schemas import Problem
from constants.release import VERSION

spec = SpecTree(
    "flask",
    title="api-facial-recognition",
    description="Send pictures of people, get their face recognizer back.",
    version=VERSION,
    path="docs",
    mode="strict",
    # Pages that show the description load scripts from other hosts; the description itself suffices.
    page_templates={},
    validation_error_status=400,
    validation_error_model=Problem,
)

#: What a view takes and gives, for the description alone: what is wrong with a request, the view says in a sentence.
describe = partial(spec.validate, skip_validation=True)
