"""The page, in a real browser.

With FIELDMARK_SCREENSHOTS=DIR the test leaves pictures there, to be looked at.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from chromium import Page, browser, find_chromium
from server_world import World, encoded, people_world
from skipped_promises import CHROMIUM

pytestmark = pytest.mark.skipif(find_chromium() is None, reason=CHROMIUM.reason)

STATE = "document.getElementById('main').dataset.state"
ROWS = """[...document.querySelectorAll('#tree .taxon')].map((row) => [
  row.querySelector('.name').innerText, row.querySelector('.share').innerText,
  row.classList.contains('marked')])"""

BRANCH = "document.getElementById('branch').innerText"

# A page may make such events itself, files and all; the browser's own drag starts outside of it.
GIVE = """(kind, name, content) => {
  const files = new DataTransfer();
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  files.items.add(new File([bytes], name, { type: "image/png" }));
  const given = { bubbles: true, cancelable: true, dataTransfer: files, clipboardData: files };
  const event = kind === "paste" ? new ClipboardEvent(kind, given) : new DragEvent(kind, given);
  return document.getElementById("drop").dispatchEvent(event);
}"""


def on_the_page(world: World, scenario: Callable[[Page, str], Awaitable[None]]) -> None:
    async def run() -> None:
        app = world.app(max_pixels=100_000, max_mb=0.05)
        async with TestServer(app) as server, browser() as page:
            await page.resize(1100, 800)
            await scenario(page, str(server.make_url("/")))

    asyncio.run(run())


async def picture(page: Page, name: str) -> None:
    if directory := os.environ.get("FIELDMARK_SCREENSHOTS"):
        await page.screenshot(Path(directory) / f"{name}.png")


async def choose(page: Page, path: Path, state: str) -> None:
    await page.choose_file("#file", path)
    await page.until(f"{STATE} === '{state}'")


def test_a_photo_is_shown_as_a_tree_with_the_common_ancestor_marked(tmp_path: Path) -> None:
    (tmp_path / "owl.png").write_bytes(encoded("#d02020", "PNG", (120, 90)))
    (tmp_path / "page.png").write_bytes(b"<html>")
    (tmp_path / "wide.png").write_bytes(encoded("#d02020", "PNG", (400, 300)))

    async def scenario(page: Page, url: str) -> None:
        await page.go_to(url)
        await page.until("document.getElementById('model').innerText !== ''")
        assert await page.evaluate(STATE) == "empty"
        assert await page.evaluate("document.getElementById('model').innerText") == (
            "fieldmark, version 7, 5 taxa"
        )
        await picture(page, "1-empty")

        await choose(page, tmp_path / "owl.png", "done")
        assert await page.evaluate(ROWS) == [
            ["Animalia › Strigidae family", "91 %", False],
            ["Strix genus", "90 %", True],
            ["Strix aluco species", "50 %", False],
            ["Strix varia species", "40 %", False],
            ["Strigina zoosubsection", "1.0 %", False],
            ["Plantae › Quercus genus", "9.0 %", False],
            ["Quercus robur species", "5.0 %", False],
            ["Quercus alba species", "4.0 %", False],
        ]
        assert await page.evaluate("document.getElementById('ancestor').innerText") == (
            "Quite sure of this: genus Strix, 90 %"
        )
        assert await page.evaluate(BRANCH) == (
            "Best branch: Animalia › Strigidae › Strix › Strix aluco"
        )
        preview = "document.getElementById('preview').naturalWidth"
        await page.until(f"{preview} === 120")
        await picture(page, "2-answer")
        await page.prefer("dark")
        await picture(page, "3-dark")
        await page.prefer("light")

        await choose(page, tmp_path / "page.png", "failed")
        error = "document.getElementById('error').innerText"
        assert "page.png: cannot be read as a photo" in await page.evaluate(error)
        assert await page.evaluate("document.getElementById('result').hidden")
        await picture(page, "4-error")
        await choose(page, tmp_path / "wide.png", "failed")
        await page.until(f"{error}.includes('400 x 300 pixels')")
        refused = [text for text in page.complaints if "422" not in text]
        assert refused == []

    on_the_page(World(tmp_path), scenario)


def test_people_are_shown_alone_or_nothing_is_and_the_page_says_why(tmp_path: Path) -> None:
    (tmp_path / "person.png").write_bytes(encoded("#d02020", "PNG", (120, 90)))
    (tmp_path / "perhaps.png").write_bytes(encoded("#208020", "PNG", (120, 90)))
    why = "There may be a person in this photo: no other taxon is suggested."
    ancestor = "document.getElementById('ancestor').innerText"

    async def scenario(page: Page, url: str) -> None:
        await page.go_to(url)
        await choose(page, tmp_path / "person.png", "done")
        assert await page.evaluate(ancestor) == why
        assert [row[0] for row in await page.evaluate(ROWS)] == [
            "Animalia kingdom",
            "Homo genus",
            "Homo sapiens species",
        ]
        await picture(page, "6-person")

        await choose(page, tmp_path / "perhaps.png", "done")
        await page.until(f"{ROWS}.length === 0")
        assert await page.evaluate(ancestor) == why
        assert await page.evaluate("document.getElementById('status').innerText") == (
            "No suggestion."
        )
        assert await page.evaluate("document.getElementById('branch').hidden")
        assert await page.evaluate("document.getElementById('heading').hidden")
        assert page.complaints == []
        await picture(page, "7-perhaps-a-person")

    on_the_page(people_world(tmp_path), scenario)


def test_a_photo_is_dropped_or_pasted(tmp_path: Path) -> None:
    async def scenario(page: Page, url: str) -> None:
        async def give(kind: str, name: str, colour: str) -> bool:
            content = base64.b64encode(encoded(colour)).decode()
            return bool(await page.evaluate(f"({GIVE})('{kind}', '{name}', '{content}')"))

        await page.go_to(url)
        over = "document.getElementById('drop').classList.contains('over')"
        # What is not prevented, the browser does: it would leave the page for the photo.
        assert not await give("dragover", "owl.png", "#d02020")
        assert await page.evaluate(over)
        assert not await give("drop", "owl.png", "#d02020")
        await page.until(f"{STATE} === 'done'")
        assert not await page.evaluate(over)
        assert (await page.evaluate(ROWS))[2][0] == "Strix aluco species"
        assert await page.evaluate("document.getElementById('caption').innerText") == "owl.png"

        await give("paste", "oak.png", "#208020")
        await page.until(f"{STATE} === 'done' && {ROWS}[0][0].startsWith('Plantae')")

    on_the_page(World(tmp_path), scenario)


def test_the_page_works_by_keyboard_and_at_phone_width(tmp_path: Path) -> None:
    (tmp_path / "oak.jpg").write_bytes(encoded("#208020", "JPEG", (90, 120)))

    async def scenario(page: Page, url: str) -> None:
        await page.resize(360, 740, is_phone=True)
        await page.go_to(url)
        reached = []
        for _ in range(3):
            await page.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id"))
        assert reached == ["file", "top", "rule"]

        await choose(page, tmp_path / "oak.jpg", "done")
        first = "document.querySelector('#tree .taxon .name').innerText"
        assert await page.evaluate(first) == "Plantae kingdom"
        await page.evaluate("at('top').value = '3'; at('top').dispatchEvent(new Event('change'))")
        await page.until(
            f"{STATE} === 'done' && document.querySelectorAll('.leaf-name').length === 3"
        )
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
        await picture(page, "5-phone")

    on_the_page(World(tmp_path), scenario)
