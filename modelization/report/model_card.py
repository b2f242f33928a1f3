"""A recognizer's model card, after Mitchell et al., "Model Cards for Model Reporting", 2019."""

import re
from collections.abc import Sequence

from constants.languages import LANGUAGES
from modelization.bundle.bundle_file import REPORT_HTML, REPORT_PAGES
from modelization.bundle.manifest import Manifest
from modelization.report.answers import MAX_LISTED_PEOPLE
from modelization.report.words import ENGLISH, rights, rule_in_words, threshold_in_words
from modelization.topology import Topology

#: Characters that Markdown gives a meaning, and those that HTML inside it would.
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$^=:@])")

_USE = """```python
import json, onnxruntime
head = onnxruntime.InferenceSession("head.onnx")
about = head.get_modelmeta().custom_metadata_map
row = head.run(["confidence"], {"encodings": encodings})[0][0]  # encodings: float32 (n, 128), dlib's
person = json.loads(about["labels"])[row.argmax()] if row.max() >= float(about["threshold"]) else None
```"""


def write_model_card(manifest: Manifest) -> str:
    """Markdown that says what the recognizer is, how well it does, and what it must not be used for."""
    title = escape(manifest.name) or "Face recognizer"
    return (
        "\n\n".join(
            [
                f"# {title}",
                _what_it_is(manifest),
                "## People",
                _people(manifest),
                "## Held-out figures",
                _figures(manifest),
                f"{rule_in_words(ENGLISH, manifest.rule, rights(manifest.rules))} `{REPORT_HTML}` shows more: every "
                "threshold, every person, who is taken for whom, and pictures that are worth a look. "
                f"{_other_languages()}",
                "## The threshold",
                threshold_in_words(ENGLISH, manifest.threshold, manifest.target_fpir),
                "## Limits",
                _limits(manifest),
                "## Personal data",
                "This file holds names and numbers computed from faces: in many countries these are biometric personal "
                "data. Have a lawful reason to keep it, protect it like the pictures it was made from, and delete it "
                "when someone in it asks.",
                "## Use",
                f"`head.onnx` takes encodings of the face pipeline `{_code(manifest.pipeline_version)}` as they are:",
                _USE,
                "`head.keras` and `head.tflite` are the same recognizer: `encodings` in, the same `confidence` out. "
                "Each confidence of a row is a person's own, so that all of them are low for a stranger.",
            ]
        )
        + "\n"
    )


def escape(text: str) -> str:
    """User text as one line of Markdown that shows it literally."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _other_languages() -> str:
    others = [f"`{page}` ({LANGUAGES[language]})" for language, page in REPORT_PAGES.items() if page != REPORT_HTML]
    return f"The same in other languages: {', '.join(others)}."


def _what_it_is(manifest: Manifest) -> str:
    return (
        f"Version {manifest.version} of recognizer `{_code(manifest.recognizer_id)}`, "
        f"built {escape(manifest.created_at)}. "
        f"It names {_counted(len(manifest.labels))} from dlib's 128-number encodings of their faces, and says unknown "
        f"of everyone else. {_network(manifest)} with seed {manifest.seed} on {sum(manifest.faces_per_person)} faces "
        f"from {manifest.images_used} images; {manifest.images_rejected} images could not be used."
    )


def _counted(people: int) -> str:
    return "one person" if people == 1 else f"{people} people"


def _network(manifest: Manifest) -> str:
    if manifest.epochs is None:
        return "It has no network: it was made"
    return f"{_layers(manifest.topology)}, trained for {manifest.epochs} epochs"


def _layers(topology: Topology) -> str:
    if not topology.layers:
        return "Its network has no hidden layer"
    layers = ", ".join(f"{layer.units} {layer.activation}" for layer in topology.layers)
    return f"Its network's hidden layers: {layers}"


def _people(manifest: Manifest) -> str:
    if len(manifest.labels) > MAX_LISTED_PEOPLE:
        return f"{len(manifest.labels):,} people, whose names are in `labels.json`."
    rows = [f"| {escape(label)} | {n} |" for label, n in zip(manifest.labels, manifest.faces_per_person, strict=True)]
    return "\n".join(["| person | faces |", "|---|---:|", *rows])


def _figures(manifest: Manifest) -> str:
    metrics = manifest.metrics
    lines = []
    if metrics.closed_set_accuracy is None or metrics.known_named_right is None:
        lines.append("- No person has two faces, so how well known people are named could not be measured.")
    else:
        count = f"of {metrics.held_out_faces} held-out faces"
        lines.append(f"- Most confident person right: {ENGLISH.percent(metrics.closed_set_accuracy)} {count}.")
        lines.append(f"- Named, and rightly, at the threshold: {ENGLISH.percent(metrics.known_named_right)} {count}.")
    if metrics.strangers_named is not None:
        lines.append(
            f"- Named although their person was left out: {ENGLISH.percent(metrics.strangers_named)} "
            f"of {metrics.stranger_faces} faces. These are the same people, not strangers at large."
        )
    if 0 < len(metrics.people_not_evaluated) < len(manifest.labels):
        lines.append(f"- Not evaluated, for having one face: {_who(metrics.people_not_evaluated)}.")
    return "\n".join(lines)


def _who(labels: Sequence[str]) -> str:
    return f"{len(labels):,} people" if len(labels) > MAX_LISTED_PEOPLE else ", ".join(map(escape, labels))


def _limits(manifest: Manifest) -> str:
    few = min(manifest.faces_per_person)
    return (
        f"The figures are of few faces (the fewest of a person: {few}) and of pictures like those sent; other cameras, "
        "ages, light and poses do worse, and error rates of face recognition differ between groups of people. "
        "Relatives are confused more often than others. A picture of a picture is recognized like a person: this is no "
        "proof of presence. Decide nothing about a person on its word alone."
    )


def _code(text: str) -> str:
    """Text inside a code span, where only the backtick has a meaning."""
    return " ".join(text.split()).replace("`", "'")
