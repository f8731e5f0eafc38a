"""Miniature releases of BIWI, VOCASET and Multiface: the right files, few vertices and sentences.

A bowl that stands for a face: its lower middle opens with the loudness of a hum, its upper part
moves by chance. ``write`` puts a release into a folder, and a copy of the dataset's card that fits
it into another.

Shapes   T frames, V vertices, F faces, S samples.
"""

import shutil
from pathlib import Path

import numpy as np
import yaml
from fake_files import vl, write_flv, write_obj, write_pickle, write_ply, write_tar, write_wav

REPOSITORY = Path(__file__).parents[2]
ROWS, COLUMNS = 36, 33  # the fewest that four Spiral Blocks with 18 vertices each can have
V = ROWS * COLUMNS
SECONDS = 0.8
SENTENCES = {"train": (1, 2), "val": (3, 3), "test_a": (4, 5), "test_b": (4, 5)}
SUBJECTS = {
    "biwi": {"train": ["F2", "F3"], "unseen": ["F1"]},
    "vocaset": {
        "train": ["FaceTalk_170728_03272_TA", "FaceTalk_170904_00128_TA"],
        "val": ["FaceTalk_170811_03275_TA"],
        "unseen": ["FaceTalk_170809_00138_TA"],
    },
    "multiface": {"train": ["2", "3"], "unseen": ["1"]},
}
KINDS = (
    "biwi",
    "biwi-processed",
    "vocaset",
    "vocaset-processed",
    "multiface",
    "multiface-processed",
)
DROPPED = 6  # raw vertices of Multiface that its topology leaves out


def write(kind: str, raw: Path, datasets: Path) -> str:
    """Write the release ``kind`` into ``raw`` and the folder with its card; returns the name."""
    name = kind.partition("-")[0]
    write_card(name, datasets)
    writer = {"biwi": biwi, "vocaset": vocaset, "multiface": multiface}[name]
    writer = {"biwi-processed": processed, "vocaset-processed": processed}.get(kind, writer)
    if kind == "multiface-processed":
        writer = scaled
    writer(raw, card_of(name, datasets))
    return name


def write_card(name: str, datasets: Path) -> None:
    """A copy of the dataset's folder whose card has few vertices, subjects and sentences."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "datasets" / name, datasets / name, ignore=ignore)
    path = datasets / name / "dataset.yaml"
    card = yaml.safe_load(path.read_text())
    card |= {"num_vertices": V, "subjects": SUBJECTS[name], "subject_scale_mm": {}}
    card["mouth_opening_pair"] = [300, 200] if card["mouth_opening_pair"] else None
    for split, entry in card["splits"].items():
        entry["sentences"] = list(SENTENCES[split])
    card["masks"]["mouth"]["box"] = {"y": [0.0, 0.5]}
    card["masks"]["upper_face"]["box"] = {"y": [0.6, 1.0]}
    path.write_text(yaml.safe_dump(card, sort_keys=False))
    if name == "multiface":
        path = datasets / name / "release.yaml"
        facts = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(facts | {"raw_vertices": V + DROPPED}, sort_keys=False))


def card_of(name: str, datasets: Path) -> dict:
    """The card that ``write_card`` wrote, as plain values."""
    return yaml.safe_load((datasets / name / "dataset.yaml").read_text())


def sequences(card: dict) -> list[tuple[str, int]]:
    """(subject, sentence) of all splits."""
    return [
        (subject, sentence)
        for entry in card["splits"].values()
        for subject in card["subjects"][entry["subjects"]]
        for sentence in range(entry["sentences"][0], entry["sentences"][1] + 1)
    ]


def clip(card: dict, subject: str, sentence: int) -> str:
    """How its files are called."""
    return f"{subject}_{card['sentence_name'].format(sentence)}"


def face(subject: str) -> tuple[np.ndarray, np.ndarray]:
    """(template (V, 3) in mm, y up and z forward; faces (F, 3)) of a subject."""
    y, x = np.divmod(np.arange(V), COLUMNS)
    across, up = (x - (COLUMNS - 1) / 2) * 5.0, (y - (ROWS - 1) / 2) * 5.5
    size = 1 + 0.01 * (sum(map(ord, subject)) % 7)
    vertices = size * np.stack([across, up, 60 - 0.006 * across**2 - 0.003 * up**2], axis=1)
    corner = (np.arange(ROWS - 1)[:, None] * COLUMNS + np.arange(COLUMNS - 1)).reshape(-1, 1)
    faces = np.concatenate([corner + [0, 1, COLUMNS + 1], corner + [0, COLUMNS + 1, COLUMNS]])
    return vertices, faces


def motion(subject: str, sentence: int, fps: float) -> np.ndarray:
    """Vertices (T, V, 3) in mm."""
    template, _ = face(subject)
    frames = round(SECONDS * fps) + sentence % 2
    draws = np.random.default_rng(sentence + sum(map(ord, subject)))
    mouth = np.exp(-(((template[:, 0]) / 30) ** 2 + ((template[:, 1] + 50) / 25) ** 2))
    brow = (template[:, 1] > 40).astype(float)
    time = np.arange(frames) / fps
    open_by = 8 * loudness(sentence, time)
    raised = np.sin(3 * time + draws.uniform(0, 6)) + 0.01 * draws.standard_normal(frames)
    moved = np.repeat(template[None], frames, axis=0)
    moved[..., 1] += -open_by[:, None] * mouth + raised[:, None] * brow
    return moved


def loudness(sentence: int, time: np.ndarray) -> np.ndarray:
    """In [0, 1] at times in s."""
    return 0.5 + 0.45 * np.sin(2 * np.pi * (2 + 0.3 * sentence) * time + sentence)


def hum(sentence: int, rate: int) -> np.ndarray:
    """Samples (S,) in [-1, 1]."""
    time = np.arange(round((SECONDS + 0.06) * rate)) / rate
    return (0.5 * loudness(sentence, time) * np.sin(2 * np.pi * 150 * time)).astype(np.float32)


def biwi(raw: Path, card: dict) -> None:
    """Archives for one subject, folders for the others; upside down, somewhere in a room, in mm."""
    for group in card["subjects"].values():
        for subject in group:
            template, faces = face(subject)
            write_obj(raw / "rigid_scans" / f"{subject}.obj", upside_down(template), faces)
    for subject, sentence in sequences(card):
        sequence = card["sentence_name"].format(sentence)
        frames = {
            f"frame_{k:d}.vl": vl(upside_down(vertices), header=8 if subject == "F3" else 4)
            for k, vertices in enumerate(motion(subject, sentence, 25), start=8)
        }
        folder = raw / "faces" / subject
        if subject == "F2":
            write_tar(folder / f"{sequence}.tar", dict(sorted(frames.items())))  # 10 before 8
        else:
            (folder / sequence).mkdir(parents=True)
            for name, data in frames.items():
                (folder / sequence / name).write_bytes(data)
        if sentence == 1:
            write_flv(raw / "videos" / f"{subject}_{sequence}.flv", hum(sentence, 44_100))
        else:
            write_wav(
                raw / "audio" / f"{subject}_{sequence}_cut.wav", hum(sentence, 44_100), 44_100
            )
    write_tar(raw / "faces" / "F2" / "01.tar", {"frame_1.vl": b"the neutral half is not used"})


def vocaset(raw: Path, card: dict) -> None:
    """One array in which the sequences lie in another order than in the index."""
    rows: list[np.ndarray] = []
    index: dict = {}
    sounds: dict = {}
    for subject, sentence in reversed(sequences(card)):
        sequence = card["sentence_name"].format(sentence)
        vertices = motion(subject, sentence, 60) / 1000
        order = np.random.default_rng(0).permutation(len(vertices))
        frames = {int(frame): sum(map(len, rows)) + row for row, frame in enumerate(order)}
        index.setdefault(subject, {})[sequence] = frames
        rows.append(vertices[order])
        pcm = np.round(hum(sentence, 22_000) * 32767).astype(np.int16)
        sounds.setdefault(subject, {})[sequence] = {"audio": pcm, "sample_rate": 22_000}
    raw.mkdir(parents=True)
    np.save(raw / "data_verts.npy", np.concatenate(rows).astype(np.float32))
    write_pickle(raw / "subj_seq_to_idx.pkl", index)
    write_pickle(raw / "raw_audio_fixed.pkl", sounds)
    write_pickle(raw / "templates.pkl", {s: face(s)[0] / 1000 for s in index})
    template, faces = face("mean")
    write_ply(raw / "templates" / "FLAME_sample.ply", template / 1000, faces)


def multiface(raw: Path, card: dict) -> None:
    """Entities with raw vertices, some of which are left out; .obj for one subject, else .bin."""
    facts = yaml.safe_load((REPOSITORY / "datasets/multiface/release.yaml").read_text())
    dropped = np.arange(DROPPED) * 30
    kept = np.setdiff1d(np.arange(V + DROPPED), dropped)
    raw.mkdir(parents=True)
    numbers = ", ".join(map(str, dropped))
    (raw / "dropped_vertices.txt").write_text(f"x = 7306\nignore = {{{numbers}}}\n")
    template, faces = face("mean")
    write_obj(raw / "face_template.obj", template, faces)
    for subject, sentence in sequences(card):
        entity = raw / facts["entities"][int(subject) - 1]
        segment = facts["sentences"][sentence - 1]
        (entity / "tracked_mesh" / segment).mkdir(parents=True)
        for k, vertices in enumerate(motion(subject, sentence, 30)):
            whole = np.zeros((V + DROPPED, 3))
            whole[kept] = vertices
            path = entity / "tracked_mesh" / segment / f"{102 + 3 * k:06d}"
            if subject != "1":  # text is read a hundred times slower
                path.with_suffix(".bin").write_bytes(whole.astype("<f4").tobytes())
            else:
                write_obj(path.with_suffix(".obj"), whole, faces)
        write_wav(entity / "audio" / f"{segment}.wav", hum(sentence, 48_000), 48_000)


def processed(raw: Path, card: dict) -> None:
    """The published repositories' layout of BIWI (unit area) or VOCASET (metres)."""
    scale = 1 / 200 if card["name"] == "biwi" else 1 / 1000
    _processed(raw, card, lambda vertices: vertices * scale)
    name = {"biwi": "BIWI.ply", "vocaset": "templates/FLAME_sample.ply"}[card["name"]]
    template, faces = face("mean")
    write_ply(raw / name, template * scale, faces)
    (raw / "regions").mkdir()
    (raw / "regions/lve.txt").write_text(", ".join(map(str, range(40, 80))))
    (raw / "regions/fdd.txt").write_text(", ".join(map(str, range(150, 200))))


def scaled(raw: Path, card: dict) -> None:
    """FaceDiffuser's layout of Multiface: every axis in [-1, 1]."""
    facts = yaml.safe_load((REPOSITORY / "datasets/multiface/release.yaml").read_text())
    low, high = (np.array(facts["scaled"][end]) for end in ("low", "high"))
    _processed(raw, card, lambda vertices: (vertices - low) / (high - low) * 2 - 1)
    template, faces = face("mean")
    write_obj(raw / "face_template.obj", template, faces)


def _processed(raw: Path, card: dict, change) -> None:
    (raw / "vertices_npy").mkdir(parents=True)
    for subject, sentence in sequences(card):
        name = clip(card, subject, sentence)
        vertices = change(motion(subject, sentence, card["raw_fps"]))
        flat = vertices if sentence == 2 else vertices.reshape(len(vertices), -1)
        np.save(raw / "vertices_npy" / f"{name}.npy", flat.astype("f8" if sentence == 1 else "f4"))
        write_wav(raw / "wav" / f"{name}.wav", hum(sentence, 22_050), 22_050)
    subjects = [subject for group in card["subjects"].values() for subject in group]
    write_pickle(raw / "templates.pkl", {s: change(face(s)[0]) for s in subjects})


def upside_down(vertices: np.ndarray) -> np.ndarray:
    """As BIWI's scanner sees a face: y down, z away, somewhere in the room."""
    return vertices * [1, -1, -1] + [100.0, 50.0, 900.0]
