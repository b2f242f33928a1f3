"""A recognizer of many people: the page has some of them at once, finds the rest, and forgets no correction."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from bench.drawn_builds import RECOGNIZER, begin_build, label_of
from constants.settings import Settings
from jobs.workplace import Workplace
from test.jobs.planted import Planted, publish
from test.pages.test_everybody import PHONE, faults

pytestmark = pytest.mark.thorough

#: More people than a page has at once.
PEOPLE = 150
AT_ONCE = 100


@pytest.fixture
def look(workplace: Workplace, serve: Callable[[Settings], str]) -> str:
    """The address of the page of so many people, who are made up."""
    begin_build(workplace, PEOPLE)
    publish(workplace, Planted(RECOGNIZER, {label_of(person): set() for person in range(PEOPLE)}))
    return f"{serve(workplace.settings)}/recognizers/{RECOGNIZER}"


def test_the_rest_comes_as_somebody_gets_there(page: Page, look: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(look)
    people = page.locator(".person")
    expect(people).to_have_count(AT_ONCE)
    expect(page.locator(".figures b").first).to_have_text(str(PEOPLE))
    assert faults(page) == []
    page.locator(".more").scroll_into_view_if_needed()
    expect(people).to_have_count(PEOPLE)
    expect(page.locator(".more")).to_have_count(0)
    assert len(set(people.evaluate_all("cards => cards.map((card) => card.dataset.person)"))) == PEOPLE


def test_a_person_is_found_and_what_was_chosen_before_stays(page: Page, look: str) -> None:
    page.goto(look)
    page.get_by_label(f"Name of {label_of(3)}").fill(label_of(149).upper())
    page.locator(".face").nth(0).click()
    expect(page.locator("#selected")).to_have_text("1 face chosen")
    page.get_by_role("searchbox").fill("000149")
    people = page.locator(".person")
    expect(people).to_have_count(1)
    people.locator(".name").fill(label_of(7))  # who is not on the page now
    people.locator(".name").blur()
    expect(people.locator(".becomes")).to_contain_text(f"Joins {label_of(7)}")
    page.get_by_role("searchbox").fill("nobody")
    expect(page.locator("#people")).to_have_text("Nobody here has such a name.")
    page.get_by_role("searchbox").fill("")
    expect(people).to_have_count(AT_ONCE)
    expect(page.get_by_label(f"Name of {label_of(3)}")).to_have_value(label_of(149).upper())
    expect(page.locator(".face input:checked")).to_have_count(1)
    expect(page.locator("#corrections")).to_have_text("2 corrections")


def test_what_was_changed_before_the_page_was_lively_is_taken(page: Page, look: str) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/look.js", hold)
    page.goto(look, wait_until="commit")
    page.get_by_label(f"Name of {label_of(3)}").fill("Ada")
    page.locator(".face").nth(0).click()
    held[0].continue_()
    expect(page.locator("#corrections")).to_have_text("1 correction")
    expect(page.locator("#selected")).to_have_text("1 face chosen")


def test_without_scripts_a_link_leads_to_the_rest(browser: Browser, look: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(look)
    page.get_by_role("link", name="50 more people").click()
    expect(page.locator(".person")).to_have_count(PEOPLE - AT_ONCE)
    page.get_by_role("searchbox").fill(label_of(2))
    page.keyboard.press("Enter")
    expect(page.locator(".person")).to_have_count(1)
    context.close()
