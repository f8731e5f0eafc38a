"""A person fills in the questionnaire in Chromium, opened from disk; what is saved is collected."""

import json

import pytest
from typer.testing import CliRunner

from reports.study.__main__ import app
from reports.study.table2 import table2
from reports.text.labels import GROUND_TRUTH

MOST_WAIT = 15_000  # milliseconds: a clip takes one second


class Participant:
    """Drives the page as a person does; keeps what went wrong in it."""

    def __init__(self, context, page_file, key):
        self.key, self.problems = key, []
        self.page = context.new_page()
        self.page.set_default_timeout(MOST_WAIT)
        self.page.on("console", lambda m: self.problems.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._note)
        self.page.goto(page_file.as_uri())

    def _note(self, request):
        if not request.url.startswith(("file:", "blob:", "data:")):
            self.problems.append(f"asked for {request.url}")

    def start(self, code):
        self.page.get_by_label("Your participant code").fill(code)
        self.page.get_by_role("button", name="Start").click()

    @property
    def title(self):
        return self.page.locator("h1:visible").text_content()

    @property
    def stimulus(self):
        return self.page.locator("video").get_attribute("data-stimulus")

    def watch(self):
        self.page.get_by_role("button", name="Play").focus()
        self.page.keyboard.press("Enter")
        self.page.get_by_text("The clip has ended.").wait_for(state="attached")

    def rate(self, realism, lip_sync):
        for question, value in (("Realism", realism), ("Lip sync", lip_sync)):
            group = self.page.get_by_role("group", name=question)
            group.get_by_role("radio", name=str(value)).focus()
            self.page.keyboard.press("Space")
        self.page.get_by_role("button", name="Next").focus()
        self.page.keyboard.press("Enter")

    def go_through(self, clips):
        """Rate so many clips by what the key says of them; returns their ids."""
        seen = []
        for _ in range(clips):
            seen.append(self.stimulus)
            shown = self.key.stimuli[self.stimulus]
            self.watch()
            best = shown.source in (GROUND_TRUTH, "gldi") and not shown.check
            self.rate(5 if shown.source == GROUND_TRUTH else 2, 4 if best else 1)
        return seen

    def saved(self, button, folder):
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button).click()
        path = folder / download.value.suggested_filename
        folder.mkdir(exist_ok=True)
        download.value.save_as(path)
        return path


def collect(built, answers, results):
    """``python -m reports.study collect`` on one file."""
    key = built[0].parent / "key.json"
    arguments = ["collect", answers, "--key", key, "--results", results]
    return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.fixture
def participant(browser, built):
    """A function that opens the page as a new person; problems in any page fail the test."""
    people, contexts = [], []

    def come(script="", **options):
        context = browser.new_context(accept_downloads=True, **options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        people.append(Participant(context, *built))
        return people[-1]

    yield come
    for context in contexts:
        context.close()
    assert [problem for person in people for problem in person.problems] == []


def test_a_whole_questionnaire_is_filled_in_and_collected(participant, built, key, tmp_path):
    person = participant()
    assert person.title == "Talking faces"
    person.start("p01")
    assert person.title == "Clip 1 of 12"
    seen = person.go_through(5)
    person.page.reload()
    person.start("p01")
    assert person.title == "Clip 6 of 12"
    seen += person.go_through(7)
    assert person.title == "Thank you"
    assert sorted(seen) == sorted(key.stimuli)
    clips = [key.stimuli[name].clip for name in seen]
    assert sum(a == b for a, b in zip(clips, clips[1:], strict=False)) <= 2  # not in a row
    path = person.saved("Save the answers", tmp_path / "answers")
    assert path.name == f"answers-{key.study}-p01.json"
    document = json.loads(path.read_text())
    assert [each["stimulus"] for each in document["answers"]] == seen
    assert person.page.locator("#answers").input_value() == json.dumps(
        document, separators=(",", ":"), ensure_ascii=False
    )
    done = collect(built, path, tmp_path / "results")
    assert done.exit_code == 0, done.stderr
    rows = {
        row[1].text: [row[2].text, row[4].text]
        for row in table2(tmp_path / "results").rows
        if row[0].text.startswith("toy")
    }
    assert rows == {
        "ground truth": ["5.00", "4.00"],
        "GLDiTalker": ["2.00", "4.00"],
        "FaceFormer": ["2.00", "1.00"],
        "CodeTalker": ["2.00", "1.00"],
        "FaceDiffuser": ["2.00", "1.00"],
    }


def test_the_order_is_the_participants_own(participant):
    def first(code):
        person = participant()
        person.start(code)
        return person.stimulus

    assert first("p01") == first("p01")
    assert len({first(f"p{i:02d}") for i in range(2, 6)}) > 1


def test_nothing_goes_on_before_the_clip_is_seen_and_rated(participant):
    person = participant()
    person.start("no good code!")
    assert person.title == "Talking faces"
    assert person.page.get_by_role("alert").first.text_content().startswith("Please give your code")
    person.start("p02")
    problem = person.page.locator("#rating-problem")
    person.page.get_by_role("button", name="Next").click()
    assert problem.text_content() == "Please watch the clip to its end first."
    person.watch()
    person.page.get_by_role("button", name="Next").click()
    assert problem.text_content() == "Please rate realism and lip sync."
    person.page.get_by_role("group", name="Realism").get_by_role("radio", name="3").focus()
    person.page.keyboard.press("Space")
    person.page.get_by_role("button", name="Next").click()
    assert problem.text_content() == "Please rate the lip sync too."
    assert person.title == "Clip 1 of 12"


def test_without_storage_a_progress_file_goes_on(participant, built, key, tmp_path):
    closed = "Object.defineProperty(window, 'localStorage', {get() { throw new Error(); }});"
    person = participant(script=closed)
    assert person.page.get_by_text("does not let the page keep answers").is_visible()
    person.start("p03")
    seen = person.go_through(2)
    path = person.saved("Save progress", tmp_path / "saved")
    other = participant(script=closed)
    other.page.get_by_text("Go on with a progress file").click()
    (tmp_path / "wrong.json").write_text("{}")
    other.page.get_by_label("Progress file").set_input_files(tmp_path / "wrong.json")
    other.page.get_by_text("This is no progress file").wait_for()
    saved = json.loads(path.read_text())
    for damage in ({"answers": [None]}, {"participant": None}, {"session": "12"}):
        (tmp_path / "damaged.json").write_text(json.dumps(saved | damage))
        other.page.get_by_label("Progress file").set_input_files([])
        other.page.get_by_label("Progress file").set_input_files(tmp_path / "damaged.json")
        other.page.get_by_text("This progress file is damaged.").wait_for()
    other.page.get_by_label("Progress file").set_input_files(path)
    other.page.get_by_text("Clip 3 of 12").wait_for()
    assert other.stimulus not in seen
    refused = collect(built, path, tmp_path / "results")
    assert refused.exit_code == 1 and "incomplete: 2 of 12" in refused.stderr


def test_a_phone_needs_no_scrolling_sideways_and_the_dark_is_dark(participant, tmp_path):
    from matplotlib.pyplot import imread

    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    person = participant(**phone)
    for screen in ("welcome", "trial"):
        path = tmp_path / f"{screen}.png"
        person.page.screenshot(path=path, full_page=True)
        picture = imread(path)[..., :3]
        assert picture.shape[1] == 390
        assert picture[-5:].mean() < 0.2
        if screen == "welcome":
            person.start("p04")
    assert person.page.get_by_role("button", name="Next").bounding_box()["y"] < 844


def test_every_control_has_a_name(participant):
    person = participant()
    person.start("p05")
    assert person.page.get_by_role("progressbar", name="Clip 1 of 12").count() == 1
    assert person.page.get_by_role("radio", name="5 fully natural").count() == 1
    assert person.page.get_by_role("radio").count() == 10
    assert person.page.locator("video").get_attribute("aria-label") == "Clip 1 of 12"


def test_axe_finds_nothing_serious_on_any_screen(participant, grave):
    """In the light; and in the dark the colours, for nothing else differs."""
    person = participant()

    def found():
        person.page.emulate_media(color_scheme="dark")
        dark = grave(person.page, "color-contrast")
        person.page.emulate_media(color_scheme="light")
        return dark + grave(person.page)

    assert found() == []
    person.start("p06")
    assert found() == []
    person.watch()
    assert found() == []
