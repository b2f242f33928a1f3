"""People and faces put right on the page: several corrections, one new version."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from test.pages.test_everybody import DESK, PHONE, faults

pytestmark = pytest.mark.thorough


def test_people_are_renamed_joined_split_and_left_out(page: Page, made: Callable[[str], str]) -> None:
    recognizer = made("to be corrected")
    page.set_viewport_size(DESK)
    page.goto(f"/recognizers/{recognizer}")
    page.get_by_label("Name of Barack_Obama").fill("Barack Obama")
    page.get_by_label("Name of Barack_Obama").blur()
    faces = page.locator('[data-person="Grace_Hopper"] .face')
    assert faces.first.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 112
    for number in (0, 1):  # split
        faces.nth(number).click()
    expect(page.locator("#selected")).to_have_text("2 faces chosen")
    page.locator("#whose").fill("Young Grace")
    page.get_by_role("button", name="That is who it is").click()
    collins = page.locator('[data-person="Eileen_Collins"] .face')
    collins.first.focus()
    collins.first.get_by_role("checkbox").check()
    page.get_by_role("button", name="Leave out", exact=True).click()
    collins.nth(1).click()  # wrong person
    page.locator("#whose").fill("barack_obama")
    page.keyboard.press("Enter")
    expect(page.locator("#corrections")).to_have_text("5 corrections")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        assert faults(page) == []
    page.get_by_role("button", name="Make a new version").click()
    page.wait_for_url("**version=2")
    page.wait_for_selector(".tabs")
    counts = {
        card.locator(".name").input_value(): card.locator(".face").count() for card in page.locator(".person").all()
    }
    # The face that was somebody else's goes to the person, by whatever name.
    assert counts == {"Barack Obama": 5, "Eileen_Collins": 2, "Grace_Hopper": 2, "Young Grace": 2}
    expect(page.locator(".person .face img")).to_have_count(11)
    expect(page.locator("section[aria-labelledby=rejected]")).to_contain_text("Left out, as you asked")

    page.get_by_label("Name of Young Grace").fill("Grace_Hopper")  # joined again
    page.get_by_label("Name of Young Grace").blur()
    expect(page.locator('[data-person="Young Grace"] .becomes')).to_contain_text("Joins Grace_Hopper")
    page.get_by_role("button", name="Undo all").click()
    expect(page.locator("#toolbar")).to_be_hidden()
    page.get_by_label("Name of Young Grace").fill("Grace_Hopper")
    page.get_by_label("Name of Young Grace").blur()
    page.get_by_role("button", name="Make a new version").click()
    page.wait_for_url("**version=3")
    page.wait_for_selector(".tabs")
    expect(page.locator(".person")).to_have_count(3)

    page.goto(f"/recognizers/{recognizer}?version=1")
    expect(page.locator("main")).to_contain_text("Only the newest version can be changed")
    page.goto(f"/recognizers/{recognizer}/take")
    expect(page.locator(".versions")).to_contain_text("Young Grace is now Grace_Hopper")
