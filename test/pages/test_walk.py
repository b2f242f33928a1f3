"""The whole way of a person who writes no code: from a folder to a name on a photo, and to a receipt."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from modelization.bundle.recognizer_page import can_make_pages
from test.pages.conftest import PATIENCE
from test.pages.test_everybody import faults
from test.portraits import PORTRAITS
from test.service.running import Service

pytestmark = pytest.mark.thorough

HOPPER, OBAMA = PORTRAITS / "grace_hopper.jpg", PORTRAITS / "barack_obama.jpg"


def grey_png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200), (shade,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def until_ready(page: Page) -> None:
    page.wait_for_url("**/recognizers/*")
    page.wait_for_selector(".tabs")


def test_a_folder_becomes_a_recognizer_that_names_a_photo(page: Page, pictures: Path, tmp_path: Path) -> None:
    page.goto("/")
    expect(page.locator("#send")).to_be_disabled()
    page.set_input_files("#folder", pictures)
    expect(page.locator("#chosen")).to_have_text(re.compile("2 people, 9 pictures.*1 file is neither"))
    page.get_by_label("Name of this person").first.fill("The President")
    page.fill("[name=name]", "Walk")
    page.get_by_text("Hardly ever").click()
    page.click("#send")
    until_ready(page)
    names = page.locator(".person .name")
    expect(names).to_have_count(2)
    assert [name.input_value() for name in names.all()] == ["Eileen Collins", "The President"]
    rejected = page.locator("section[aria-labelledby=rejected]")
    expect(rejected).to_contain_text("Not a picture that can be read")
    expect(rejected.locator(".file")).to_have_text("The President/broken.jpg")

    page.get_by_role("link", name="Try it").click()
    page.set_input_files("#photo", OBAMA)
    expect(page.locator("#faces li")).to_have_text(re.compile("^The President.* sure$"))
    assert page.locator("#canvas").evaluate("canvas => canvas.width") > 300
    page.set_input_files("#photo", HOPPER)
    expect(page.locator("#faces li")).to_have_text(re.compile("^Unknown.*resembles nobody"))

    page.get_by_role("link", name="Take it away").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Everything").click()
    download.value.save_as(tmp_path / "recognizer.zip")
    with zipfile.ZipFile(tmp_path / "recognizer.zip") as bundle:
        assert {"recognizer.onnx", "demo.html", "report.html"} <= set(bundle.namelist())
    if not can_make_pages():
        pytest.skip("onnxruntime-web could not be installed: make test does, where npm is")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download A page").click()
    assert download.value.suggested_filename.endswith(".html")
    page.get_by_role("link", name="Open it here").click()
    expect(page.locator("#message")).to_have_text("Ready.")
    page.set_input_files("#photo", OBAMA)
    expect(page.locator("#faces li")).to_have_text(re.compile(r"^The President \([0-9]+ %\)$"))


def test_a_photo_chosen_before_the_page_is_lively_is_looked_at(page: Page, made: Callable[[str], str]) -> None:
    scripts: list[Route] = []
    page.route("**/static/try.js", lambda script: scripts.append(script))  # noqa: PLW0108 – no list's own method is taken
    page.goto(f"/recognizers/{made('three')}/try", wait_until="commit")
    page.set_input_files("#photo", OBAMA)
    while not scripts:
        page.wait_for_timeout(10)
    scripts[0].continue_()
    expect(page.locator("#faces li")).to_have_count(1)


def test_a_file_that_is_no_photo_is_said_to_be_none(page: Page, made: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("text")
    page.goto(f"/recognizers/{made('three')}/try")
    page.set_input_files("#photo", tmp_path / "photo.jpg")
    expect(page.locator("#alerts")).to_contain_text("The picture cannot be used")
    expect(page.locator("#alerts [lang=en]")).to_contain_text("not a picture that can be read")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_people_of_a_zip_are_seen_and_named(page: Page, pictures: Path, tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "People.zip", "w", method) as archive:
        for file in sorted(pictures.rglob("*.*")):
            archive.write(file, file.relative_to(pictures.parent))
        archive.comment = b"a comment stands behind the directory"
    page.goto("/")
    page.set_input_files("#files", tmp_path / "People.zip")
    expect(page.locator("#chosen")).to_have_text(re.compile("2 people, 9 pictures.*1 file is neither"))
    names = [name.input_value() for name in page.get_by_label("Name of this person").all()]
    assert names == ["Barack Obama", "Eileen Collins"]
    shown = page.locator("#cards img").nth(1)
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 250


def test_a_folder_is_dropped(page: Page, pictures: Path) -> None:
    page.goto("/")
    place = page.locator("#drop").bounding_box()
    mouse = page.context.new_cdp_session(page)
    what = {"items": [], "files": [str(pictures)], "dragOperationsMask": 1}
    for happens in ("dragEnter", "dragOver", "drop"):
        at = {"x": place["x"] + 20, "y": place["y"] + 20}
        mouse.send("Input.dispatchDragEvent", {"type": happens, "data": what, **at})
    expect(page.locator("#chosen")).to_have_text(re.compile("2 people, 9 pictures.*1 file is neither"))


def test_what_broke_off_goes_on_when_the_page_is_opened_again(
    page: Page, service: Service, pictures: Path, tmp_path: Path
) -> None:
    for person in ("Barack Obama", "Eileen Collins"):
        (tmp_path / "People" / person).mkdir(parents=True)
        for picture in sorted((pictures / person).glob("*.jpg"))[1:4]:
            # What follows a picture is no part of it: so these are two pieces and more.
            content = picture.read_bytes() + bytes(1 << 20)
            (tmp_path / "People" / person / picture.name).write_bytes(content)
    offsets: list[int] = []
    is_broken = True

    def lose_all_but_the_first(route: Route) -> None:
        offsets.append(int(route.request.headers["upload-offset"]))
        if is_broken and offsets[-1]:
            route.abort()
        else:
            route.continue_()

    page.route(
        "**/v1/uploads/*",
        lambda route: lose_all_but_the_first(route) if route.request.method == "PATCH" else route.continue_(),
    )
    for _ in range(2):
        page.goto("/")
        page.set_input_files("#folder", tmp_path / "People")
        expect(page.locator("#cards li")).to_have_count(2)
        if is_broken:
            page.click("#send")
            while not any(offsets):
                page.wait_for_timeout(100)
            is_broken = False
    page.click("#send")
    until_ready(page)
    assert offsets.count(0) == 1 and max(offsets) > 0
    assert list((service.data_dir / "pieces").iterdir()) == []


def test_an_archive_that_the_page_cannot_read_is_left_to_the_service(page: Page, tmp_path: Path) -> None:
    (tmp_path / "People.zip").write_bytes(b"PK\x03\x04 and no more")
    page.goto("/")
    page.set_input_files("#files", tmp_path / "People.zip")
    expect(page.locator("#cards li")).to_contain_text("Archive: its folders name the people")
    page.click("#send")
    expect(page.locator("#alerts")).to_contain_text("archive")


def test_one_after_another_sits_before_the_camera(page: Page) -> None:
    page.goto("/")
    page.click("#choose-camera")
    for name in ("Grace", "Not Grace"):
        page.fill("#sitter", name)
        page.click("#take")
        expect(page.locator("#taken")).to_contain_text(f"5 pictures of {name}")
    expect(page.locator("#cards li")).to_contain_text(["5 pictures", "5 pictures"])
    expect(page.locator("#send")).to_be_enabled()
    page.click("#camera-off")
    expect(page.locator("#camera")).to_be_hidden()
    assert page.evaluate("document.querySelector('#viewfinder').srcObject") is None


def test_the_camera_is_watched_until_it_is_stopped(page: Page, made: Callable[[str], str]) -> None:
    page.goto(f"/recognizers/{made('three')}/try")
    page.click("#webcam")
    expect(page.locator("#faces li")).to_have_text(re.compile("^Grace_Hopper.* sure$"))
    page.click("#stop")
    expect(page.locator("#stop")).to_be_hidden()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000)
    assert not asked


def test_what_was_not_answered_is_sent_again_and_made_once(page: Page, service: Service) -> None:
    before = len(service.get("/v1/recognizers")[1]["recognizers"])
    keys: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/recognizers", lose_the_first_answer)
    page.goto("/")
    page.click("#example")
    expect(page.locator("#cards li")).to_have_count(3)
    page.click("#send")
    until_ready(page)
    assert len(keys) == 2 and len(set(keys)) == 1
    assert len(service.get("/v1/recognizers")[1]["recognizers"]) == before + 1


def test_a_search_is_watched(page: Page, service: Service, gallery: Path) -> None:
    chosen = [picture for person in sorted(gallery.iterdir()) for picture in sorted(person.iterdir())[:4]]
    files = [(f"{picture.parent.name}/{picture.name}", picture.read_bytes()) for picture in chosen]
    options = {"optimize": "true", "generations": "100", "time_budget_s": "3600"}
    recognizer = service.post("/build_recognizer", "images", files, **options)[1]["id"]
    page.goto(f"/recognizers/{recognizer}")
    expect(page.locator("#search")).to_be_visible(timeout=PATIENCE)
    assert page.locator("#search polyline").get_attribute("points")
    assert page.locator("#search .now").count() <= page.locator("#search .before").count()
    expect(page.locator("#search-words")).to_contain_text("layer")
    # Those looked at last are on the page as well, though nothing more of pictures is heard.
    expect(page.locator("#arrivals li")).to_have_text([re.compile("4 pictures of 4 with a face")] * 3)
    assert faults(page) == []
    service.delete(f"/v1/recognizers/{recognizer}")
    page.wait_for_url("**/receipt")


def test_a_build_that_fails_says_why(page: Page, service: Service) -> None:
    nobody = [(f"Nobody/{shade}.png", grey_png(shade)) for shade in (100, 120)]
    recognizer = service.post("/build_recognizer", "images", nobody)[1]["id"]
    page.goto(f"/recognizers/{recognizer}")
    expect(page.locator(".bad")).to_contain_text("face")
    assert faults(page) == []


def test_the_example_is_cancelled_and_leaves_nothing(page: Page) -> None:
    page.goto("/")
    page.click("#example")
    expect(page.locator("#cards li")).to_have_count(3)
    page.fill("[name=name]", "Cancelled")
    page.get_by_label("Look for a smaller network").check()
    page.click("#send")
    page.wait_for_url("**/recognizers/*")
    page.get_by_role("button", name="Cancel and delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel and delete").click()
    page.wait_for_url("**/receipt")
    expect(page.locator(".state")).to_have_text("Nothing is left")
    page.goto("/")
    expect(page.locator(".recognizers")).not_to_contain_text("Cancelled")


def test_a_recognizer_is_deleted_with_a_receipt(page: Page, made: Callable[[str], str]) -> None:
    recognizer = made("to be deleted")
    page.goto(f"/recognizers/{recognizer}/take")
    page.get_by_role("button", name="Delete this recognizer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Delete this recognizer").click()
    dialog.get_by_role("button", name="Delete this recognizer").click()
    page.wait_for_url("**/receipt")
    expect(page.locator(".state")).to_have_text("Nothing is left")
    assert page.goto(f"/recognizers/{recognizer}").status == 410
