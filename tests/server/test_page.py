"""The page in a real Chromium: what a person does with the mouse and with the keyboard, and what comes of it."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.fakes.chromium import chromium, command, requests_of
from tests.fakes.served import Served, pixels_of, png, served, with_box

BOX = (100, 60, 250, 240)
SIZE = {"height": 300, "width": 400}
TIMEOUT_S = 60.0
SCREENSHOTS = os.environ.get("DIS_TEST_SCREENSHOTS")
"""A folder for pictures of the page, for people to look at."""


class Page:
    """The page, as somebody uses it."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        browser.get(url)
        self.wait(lambda: self.find("model").text, "the list of models")

    def find(self, name: str) -> WebElement:
        return self.browser.find_element(By.ID, name)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        WebDriverWait(self.browser, TIMEOUT_S, 0.05).until(lambda _: condition(), what)

    def run(self, code: str, *arguments: Any) -> Any:  # what the browser takes and gives
        return self.browser.execute_script(code, *arguments)

    def choose(self, name: str, value: str) -> None:
        Select(self.find(name)).select_by_value(value)

    def status(self) -> str:
        return self.find("status").text

    def is_done(self) -> bool:
        return self.status().startswith("Done") and self.run("return document.getElementById('result').complete")

    def hand_over(self, data: bytes, how: str, name: str = "my photo.png") -> None:
        """Drop or paste a file, as the browser reports that to a page."""
        self.run(
            """
            const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], arguments[2], { type: "image/png" }));
            const init = { bubbles: true, cancelable: true };
            dispatchEvent(arguments[1] === "drop"
                ? new DragEvent("drop", { ...init, dataTransfer: transfer })
                : new ClipboardEvent("paste", { ...init, clipboardData: transfer }));
            """,
            base64.b64encode(data).decode(),
            how,
            name,
        )

    def result(self) -> NDArray[np.uint8]:
        """The pixels of the cutout that is shown, (H, W, 4)."""
        width, height, pixels = self.run(
            """
            const image = document.getElementById("result");
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            return [canvas.width, canvas.height, [...context.getImageData(0, 0, canvas.width, canvas.height).data]];
            """
        )
        return np.array(pixels, np.uint8).reshape(height, width, 4)

    def drag(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw with the mouse from one place to another, in pixels of the picture."""
        marks = self.find("marks")
        frame = marks.rect
        scale = frame["width"] / SIZE["width"]

        def offset(x: float, y: float) -> tuple[int, int]:
            return round(x * scale - frame["width"] / 2), round(y * scale - frame["height"] / 2)

        actions = ActionChains(self.browser, duration=20)
        actions.move_to_element_with_offset(marks, *offset(x1, y1)).click_and_hold()
        actions.move_to_element_with_offset(marks, *offset(x2, y2)).release().perform()

    def picture(self, name: str) -> None:
        """Keep what the page looks like, if somebody wants to see it."""
        if SCREENSHOTS:
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(Path(SCREENSHOTS) / f"{name}.png"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def page(browser: Chrome, server: Served) -> Page:
    """The page, fresh, with nothing in the browser's notes."""
    browser.get("about:blank")
    requests_of(browser)
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    return Page(browser, f"{server.url}/")


def photo() -> bytes:
    return png(with_box(BOX, **SIZE))


def alpha_of_box(box: tuple[int, int, int, int] = BOX) -> NDArray[np.uint8]:
    return (with_box(box, **SIZE)[..., 0] > 127).astype(np.uint8) * 255


@pytest.mark.parametrize("how", ["drop", "paste", "choose"])
def test_a_picture_that_is_given_is_cut_out_at_once(page: Page, how: str, tmp_path: Path) -> None:
    if how == "choose":
        (tmp_path / "my photo.png").write_bytes(photo())
        page.find("file").send_keys(str(tmp_path / "my photo.png"))
    else:
        page.hand_over(photo(), how)

    page.wait(page.is_done, "the result")

    found = page.result()
    assert (found[..., 3] == alpha_of_box()).all()
    assert (found[60:240, 100:250] == [250, 240, 200, 255]).all()
    assert page.status().startswith("Done: 400 x 300 pixels, by bright@")


def test_the_page_asks_no_other_host_and_says_nothing_to_the_console(page: Page, server: Served) -> None:
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the result")

    asked = requests_of(page.browser)
    assert f"{server.url}/v1/segment" in asked
    assert not [url for url in asked if not url.startswith((server.url, "data:", "blob:" + server.url))]
    assert page.browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert page.browser.get_cookies() == []


def test_the_slider_moves_the_border_between_before_and_after_by_keyboard(page: Page) -> None:
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the result")
    split = page.find("split")

    split.send_keys(Keys.END)
    at_end = page.find("after").value_of_css_property("clip-path")
    split.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    near_start = page.find("after").value_of_css_property("clip-path")

    assert at_end == "inset(0px 0px 0px 100%)"
    assert near_start == "inset(0px 0px 0px 1%)"


@pytest.mark.parametrize("with_keys", [False, True], ids=["mouse", "keyboard"])
def test_a_box_says_what_is_cut_out(page: Page, with_keys: bool) -> None:
    page.choose("model", "bright-where-told")
    page.hand_over(photo(), "drop")
    page.wait(lambda: page.find("marks").is_displayed(), "the marks")

    if with_keys:
        marks = page.find("marks")
        marks.send_keys(*[Keys.ARROW_UP] * 10, Keys.ENTER)
        marks.send_keys(*[Keys.ARROW_LEFT] * 10, *[Keys.ARROW_DOWN] * 20, Keys.ENTER)
        expected = (160, 120, 201, 181)
    else:
        page.drag(160, 120, 200, 180)
        expected = (160, 120, 201, 181)
    assert page.find("clear").is_enabled()
    page.find("start").click()
    page.wait(page.is_done, "the result")

    rows, columns = np.nonzero(page.result()[..., 3])
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.subtract(found, expected)).max() <= 2


def test_points_say_what_is_cut_out(page: Page) -> None:
    page.choose("model", "bright-where-told")
    page.hand_over(photo(), "drop")
    page.wait(lambda: page.find("marks").is_displayed(), "the marks")

    page.browser.find_element(By.CSS_SELECTOR, "input[value=subject]").click()
    page.drag(170, 150, 170, 150)
    page.browser.find_element(By.CSS_SELECTOR, "input[value=background]").click()
    page.drag(178, 150, 178, 150)
    page.picture("marks")
    page.find("start").click()
    page.wait(page.is_done, "the result")

    alpha = page.result()[..., 3]
    assert alpha[150, 163] == 255
    assert alpha[150, 178] == 0
    assert 50 < (alpha > 0).sum() < 320


def test_marks_can_be_removed(page: Page) -> None:
    page.choose("model", "bright-where-told")
    page.hand_over(photo(), "drop")
    page.wait(lambda: page.find("marks").is_displayed(), "the marks")
    page.drag(50, 50, 90, 90)

    page.find("clear").click()

    assert not page.find("clear").is_enabled()
    assert page.browser.find_elements(By.CSS_SELECTOR, "#marks *") == []


def test_cancel_stops_the_work_on_the_server_too(page: Page, server: Served) -> None:
    page.choose("model", "bright-slowly")
    page.hand_over(photo(), "drop")
    page.wait(lambda: "Segmenting" in page.status(), "the work to begin")
    page.picture("working")

    page.find("cancel").click()

    page.wait(lambda: page.status() == "Canceled", "the word")
    server.wait_for(lambda: server.metric("dis_core_queue_length") == 0, "the work to end")
    assert page.find("start").is_displayed()
    assert not page.find("progress").is_displayed()
    page.choose("model", "bright")
    page.find("start").click()
    page.wait(page.is_done, "the next result")


def test_what_is_wrong_with_a_file_is_said_in_words(page: Page) -> None:
    page.hand_over(b"this is a letter", "drop")

    page.wait(lambda: page.find("error").is_displayed(), "the message")

    assert "is not an image" in page.find("error").text
    assert page.find("error").get_attribute("role") == "alert"
    page.picture("error")
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the next result")
    assert not page.find("error").is_displayed()


def test_a_picture_that_the_browser_cannot_show_is_cut_out_too(page: Page) -> None:
    buffer = io.BytesIO()
    Image.fromarray(with_box(BOX, **SIZE)).save(buffer, "TIFF")

    page.hand_over(buffer.getvalue(), "drop", "scan.tif")
    page.wait(page.is_done, "the result")

    assert (page.result()[..., 3] == alpha_of_box()).all()
    assert page.find("after").rect["width"] == 400
    assert not page.find("split").is_displayed()


def test_a_background_is_shown_and_downloaded(page: Page, browser: Chrome) -> None:
    page.hand_over(photo(), "drop", "my photo.png")
    page.wait(page.is_done, "the result")
    folder = Path(str(browser.capabilities["chrome"]["userDataDir"])).parent / "downloads"

    page.choose("background", "#ffffff")
    page.find("download").click()
    page.wait(lambda: (folder / "my photo-cutout.png").is_file(), "the file")

    page.wait(lambda: (folder / "my photo-cutout.png").stat().st_size > 0, "its content")
    found = pixels_of((folder / "my photo-cutout.png").read_bytes())
    assert tuple(found[0, 0][:3]) == (255, 255, 255)
    assert tuple(found[100, 150][:3]) == (250, 240, 200)
    assert page.find("after").value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"


def test_the_result_can_be_copied(page: Page, server: Served) -> None:
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    command(page.browser, "Browser.grantPermissions", permissions=permissions, origin=server.url)
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the result")

    page.find("copy").click()
    page.wait(lambda: page.status() == "Copied" or page.find("error").is_displayed(), "the word")

    assert page.status() == "Copied", page.find("error").text
    kinds = page.browser.execute_async_script(
        "const done = arguments[0];"
        "navigator.clipboard.read().then((items) => done(items.flatMap((i) => i.types)), (e) => done(String(e)));"
    )
    assert kinds == ["image/png"]


def test_everything_that_can_be_used_has_a_name_for_screen_readers(page: Page) -> None:
    page.choose("model", "bright-where-told")
    page.hand_over(photo(), "drop")
    page.wait(lambda: page.find("marks").is_displayed(), "the marks")

    nodes = command(page.browser, "Accessibility.getFullAXTree")["nodes"]

    usable = [node for node in nodes if not node["ignored"] and is_focusable(node)]
    roles = {node["role"]["value"] for node in usable}
    assert {"button", "combobox", "radio", "application"} <= roles
    nameless = [node["role"] for node in usable if not node.get("name", {}).get("value")]
    assert not [role for role in nameless if role["value"] != "RootWebArea"]


def is_focusable(node: dict[str, Any]) -> bool:
    return any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", []))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_differ_and_text_can_be_read_in_both(page: Page, scheme: str) -> None:
    command(page.browser, "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the result")
    page.picture(scheme)

    paper, ink, faint = page.run(
        """
        const of = (element, what) => getComputedStyle(element)[what].match(/\\d+/g).slice(0, 3).map(Number);
        const body = document.body;
        return [of(body, "backgroundColor"), of(body, "color"), of(document.querySelector("header p"), "color")];
        """
    )
    command(page.browser, "Emulation.setEmulatedMedia", features=[])

    assert (sum(paper) > 600) == (scheme == "light")
    assert contrast(paper, ink) > 7
    assert contrast(paper, faint) > 4.5


def contrast(one: list[int], other: list[int]) -> float:
    """The ratio of WCAG 2 between two colors."""

    def luminance(color: list[int]) -> float:
        parts = np.array(color) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_it_fits_on_a_phone(page: Page) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    command(page.browser, "Emulation.setDeviceMetricsOverride", **size)
    page.picture("phone-empty")
    page.hand_over(photo(), "drop")
    page.wait(page.is_done, "the result")
    page.picture("phone")

    wide, shown = page.run("return [document.documentElement.scrollWidth, innerWidth]")
    small = page.run(
        "return [...document.querySelectorAll('button, select')]"
        ".filter((e) => e.offsetHeight && e.offsetHeight < 40).map((e) => e.id)"
    )
    command(page.browser, "Emulation.clearDeviceMetricsOverride")

    assert wide <= shown == 360
    assert small == [], "too small for a finger"


def test_the_page_asks_for_the_token_and_uses_it(browser: Chrome, tmp_path: Path) -> None:
    token = "0123456789abcdef"
    (tmp_path / "token").write_text(f"{token}\n", encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    with served(tmp_path / "served", "--model", "bright", "--token-file", str(tmp_path / "token")) as guarded:
        browser.get(f"{guarded.url}/")
        wait = WebDriverWait(browser, TIMEOUT_S, 0.05)
        wait.until(lambda _: browser.find_element(By.ID, "token").is_displayed())

        browser.find_element(By.ID, "token").send_keys("a wrong one", Keys.ENTER)
        wait.until(lambda _: "API key" in browser.find_element(By.ID, "error").text)
        browser.find_element(By.ID, "token").clear()
        browser.find_element(By.ID, "token").send_keys(token, Keys.ENTER)
        wait.until(lambda _: browser.find_element(By.ID, "model").text)
        by_program = guarded.post("/v1.0/removebg", files={"image_file": photo()}, headers={"X-Api-Key": token})

        assert not browser.find_element(By.ID, "token").is_displayed()
        assert not browser.find_element(By.ID, "error").is_displayed()
        assert by_program.status_code == 200
        assert guarded.get("/v1/models").status_code == 403
